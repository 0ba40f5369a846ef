"""The server that a kubeconfig leads to: the same one as kubectl's, asked of kubectl itself."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from kubernetes.aio.config import ConfigException
from support.kube import facts

from mlrun_operator.cluster.kube_context import access

_ASKED = re.compile(r'url="(https?://[^/"]+)')
# Of each file: the current context; the servers of its clusters; its contexts and their clusters.
FILES = {
    "one": ("", {"c": "https://127.0.0.1:1"}, {"good": "c", "astray": "missing"}),
    "two": ("two", {"c": "https://127.0.0.1:2", "d": "https://127.0.0.1:3"}, {"two": "d", "good": "d"}),
    "three": ("three", {"e": "127.0.0.1:4"}, {"three": "e", "two": "e"}),
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, (current, clusters, contexts) in FILES.items():
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": current,
            "clusters": [{"name": each, "cluster": {"server": server}} for each, server in clusters.items()],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": e, "context": {"cluster": c, "user": "u"}} for e, c in contexts.items()],
        }
        Path(name).write_text(yaml.safe_dump(config))
    Path("empty").touch()
    Path("broken").write_text("clusters: [\n}")


def kubectls(kubeconfig: str, context: str | None) -> str | None:
    """The server that kubectl asks; None where it refuses to ask any."""
    chosen = ["--context", context] if context else []
    done = subprocess.run(
        [facts()["kubectl"], *chosen, "get", "--raw", "/version", "-v=8"],
        env={**os.environ, "KUBECONFIG": kubeconfig},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    match = _ASKED.search(done.stderr)
    return match[1] if match else None


def ours(kubeconfig: str, context: str | None) -> str | None:
    try:
        found = access(context, None, {"KUBECONFIG": kubeconfig})
    except ConfigException:
        return None
    return str(found.config["clusters"][0]["cluster"]["server"])


@pytest.mark.parametrize("context", [None, "good", "two", "three", "nope"])
@pytest.mark.parametrize(
    "kubeconfig",
    ["two", "one:two", "two:one", "three:two", "two:three:one", ":two:", "missing:two", "empty:two", "two:broken"],
)
def test_the_server_is_kubectls(kubeconfig: str, context: str | None) -> None:
    assert ours(kubeconfig, context) == kubectls(kubeconfig, context)


def test_a_context_is_taken_by_name_where_none_is_current() -> None:
    assert ours("one", "good") == kubectls("one", "good") == "https://127.0.0.1:1"
    # Without one kubectl asks port 8080 of this machine, where nothing of anybody's is.
    assert (ours("one", None), kubectls("one", None)) == (None, "http://localhost:8080")
