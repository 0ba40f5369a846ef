"""`mlrunctl` and `kubectl mlrun` on the real cluster: walks through the verbs as a user takes them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from support.kube import Kube, eventually
from support.users import user_kubeconfig

from mlrun_operator.cli.main import main

BIN = Path(sys.executable).parent
Ctl = Callable[..., str]

SLOW = """\
import time

def slow(context, seconds=120):
    print("begun", flush=True)
    for _ in range(seconds):
        time.sleep(1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "words"


@pytest.fixture
def ctl(kube: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ctl:
    """The program as a user with nothing but the shipped role, in this process; what it printed.

    `code` is the exit code expected.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(user_kubeconfig(kube, tmp_path)))

    def call(*args: str, code: int = 0) -> str:
        capsys.readouterr()
        ended = main([*args, "-n", kube.namespace])
        said = capsys.readouterr()
        assert ended == code, f"{args}: exit code {ended}\n{said.out}\n{said.err}"
        return said.out if code == 0 else said.out + said.err

    return call


def plugin(kube: Kube, folder: Path, *args: str) -> str:
    """`kubectl mlrun …`, as a shell calls it."""
    env = {**os.environ, "KUBECONFIG": kube.kubeconfig, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    command = [kube.facts["kubectl"], "mlrun", *args, "-n", kube.namespace]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, timeout=150, env=env)
    return done.stdout


def test_from_an_example_project_to_its_data(ctl: Ctl, kube: Kube, folder: Path) -> None:
    ctl("init", str(folder))
    assert ctl("diff", str(folder), code=1).count("+++ ") == 2
    assert ctl("apply", str(folder)) == "mlrunfunction/count-words created\nmlrunrun/count-words-1 created\n"
    assert ctl("apply", str(folder), "--json").count('"unchanged"') == 2
    assert ctl("diff", str(folder)) == ""
    assert "counts   table" in ctl("wait", "count-words-1", "--timeout", "90")

    rows = [line.split() for line in ctl("list").splitlines()]
    assert rows[0][:3] == ["NAME", "PHASE", "REASON"]
    assert rows[1][:3] == ["count-words-1", "Succeeded", "count-words"]
    assert ctl("list", "--phase", "failed", "-o", "name") == ""
    assert "outputs: 1, results: 1" in ctl("list", "-f", "count-words", "-o", "wide")
    assert "cannot list" in ctl("list", "-A", code=4)
    assert ctl("list", "functions").splitlines()[1].split()[:2] == ["count-words", "True"]
    assert ctl("get", "@latest", "-o", "name") == "mlrunrun/count-words-1\n"
    assert json.loads(ctl("get", "count-words@latest", "--json"))["status"]["results"] == {"words": 9}
    assert yaml.safe_load(ctl("get", "function/count-words", "-o", "yaml"))["kind"] == "MlrunFunction"
    assert "Results:\n  words   9\n" in ctl("describe", "@latest")
    assert "def count_words" in ctl("describe", "function/count-words")
    assert "all of its outputs are stored" in ctl("why", "@latest")
    assert "9 words, 8 different ones" in ctl("logs", "@latest", "--tail", "10")
    assert "words    9" in ctl("outputs", "@latest")
    assert json.loads(ctl("preview", "@latest", "--rows", "1", "--json")) == {
        "output": "counts",
        "rows": [{"word": "the", "count": 2}],
        "of": 5,
    }
    assert ctl("download", "@latest", "-d", "there") == "counts: there/counts.parquet\n"
    assert "1 Succeeded" in ctl("top")
    assert json.loads(ctl("logs", "@latest", "--tail", "1", "--json"))["attempt"] == 1
    assert ctl("store", "ls", "--project", "words").splitlines()[1].split()[:2] == ["counts", "table"]
    assert json.loads(ctl("store", "gc", "--older-than", "0", "--json"))["folders"] == []

    job = json.loads(ctl("render", str(folder), "--platform", "cluster", "--json"))
    live = kube.jobs("count-words-1")[0]
    made, written = live["spec"]["template"]["spec"], job["spec"]["template"]["spec"]
    assert [c["image"] for c in made["containers"]] == [c["image"] for c in written["containers"]]
    for name in ("envFrom", "securityContext", "volumeMounts"):
        assert made["containers"][0].get(name) == written["containers"][0].get(name, {})
    hashed = "mlrun-operator.dev/execution-hash"
    assert live["metadata"]["annotations"][hashed] == job["metadata"]["annotations"][hashed]


def test_a_file_runs_by_kubectls_plugin(ctl: Ctl, kube: Kube, tmp_path: Path) -> None:
    (tmp_path / "pipe.py").write_text(
        "def double(context, x):\n    print('doubling', x)\n    return {'twice': 2 * x}\n"
    )
    said = plugin(kube, tmp_path, "run", "pipe.py:double", "-p", "x=21", "--name", "first", "--logs")
    assert "doubling 21" in said
    assert "twice" in said
    assert ctl("rerun", "first") == "mlrunrun/first runs again\n"
    assert ctl("watch", "first", "--timeout", "90").splitlines()[-1] == "first · Succeeded"
    assert json.loads(ctl("get", "first", "--json"))["status"]["execution"]["number"] == 2


def test_a_run_that_fails_and_one_that_cannot_start_are_explained(ctl: Ctl, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def f(context, rows):\n    raise ValueError(f'{rows} rows')\n")
    said = ctl("run", "bad.py:f", "-p", "rows=0", "--name", "bad", "--wait", code=1)
    assert "error: bad failed: HandlerFailed: ValueError: 0 rows\n" in said
    why = ctl("why", "bad")
    assert 'raise ValueError(f"' in why.replace("'", '"')
    assert "→ Read the traceback" in why
    ctl("run", "bad", "-p", "rows=0", "--name", "stuck", "--secret", "no-such-secret")
    assert "stuck cannot start: SecretMissing" in ctl("wait", "stuck", code=1)
    assert "→ Create the Secret; the pod starts then." in ctl("why", "stuck")
    assert ctl("wait", "stuck", "--patient", "--timeout", "0.1", code=124)
    assert ctl("stop", "stuck") == "mlrunrun/stuck told to stop\n"
    assert "stuck was stopped" in ctl("wait", "stuck", code=1)
    assert "Did you mean stuck?" in ctl("get", "stuk", code=3)


def test_the_doctor_finds_nothing_wrong(ctl: Ctl) -> None:
    said = ctl("doctor")
    assert "✘" not in said
    assert "✔ a run: started, stored and reported in" in said
    assert ctl("list", "-o", "name") == ""


def test_an_administrator_gives_a_namespace_the_keys_of_the_store(
    ctl: Ctl, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of nobody")
    assert "secrets" in ctl("store", "enable", code=4)
    assert "created in namespace" in ctl("store", "enable", "--kubeconfig", kube.kubeconfig)
    assert "configured in namespace" in ctl("store", "enable", "--kubeconfig", kube.kubeconfig)
    assert kube.get("secret", "mlrun-operator-store")["data"]["AWS_ACCESS_KEY_ID"] == "a2V5"


def test_a_run_is_held_and_let_go(ctl: Ctl, kube: Kube, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    assert ctl("run", "slow.py:slow", "--name", "held", "--set", "suspend=true", "-o", "name") == "mlrunrun/held\n"
    kube.reaches("held", phase="Suspended")
    ctl("resume", "held")
    kube.reaches("held", phase="Running")
    ctl("suspend", "-l", "mlrun-operator.dev/function=slow")
    kube.reaches("held", phase="Suspended")
    ctl("stop", "held")
    kube.reaches("held", phase="Stopped")


def test_a_schedule_is_triggered_held_and_filled_up(ctl: Ctl, kube: Kube, tmp_path: Path) -> None:
    (tmp_path / "tick.py").write_text("def tick(context):\n    return 1\n")
    ctl("run", "tick.py:tick", "--name", "yearly", "--schedule", "0 0 1 1 *")
    kube.reaches("yearly", phase="Scheduled")
    assert ctl("schedule", "list").splitlines()[1].split()[0] == "yearly"
    assert "-01-01T00:00:00Z" in ctl("schedule", "next", "yearly", "-c", "1")
    assert "return   1" in ctl("schedule", "trigger", "yearly", "--wait")
    words = ["--from", "2024-06-01", "--to", "2026-06-01", "--parallelism", "2"]
    assert "backfills 2 slots" in ctl("schedule", "backfill", "yearly", *words)
    eventually(lambda: len(ctl("list", "-o", "name").splitlines()) == 4, "the runs of two slots, and the triggered one")
    ctl("schedule", "suspend", "yearly")
    kube.reaches("yearly", phase="Suspended")
    ctl("schedule", "resume", "yearly")
    kube.reaches("yearly", phase="Scheduled")
    assert "Schedule:     0 0 1 1 * in UTC" in ctl("describe", "yearly")
