"""A run once more on this machine: what is pinned, what is refused, what is told; with a debugger on a terminal."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import mlrun_operator as dh
from mlrun_operator.render.execution import execution_hash, function_digest
from mlrun_operator.sdk import errors
from mlrun_operator.sdk.aio.replay import Replay, differences, replayed_function, replayed_options
from mlrun_operator.sdk.backends.local import LocalBackend
from mlrun_operator.sdk.session import Session

GIT = {"source": {"source": "git+https://h/r.git#main"}, "handler": "m:h", "run": {"resources": {"memory": "1Gi"}}}
READS = """
def handler(context, data, many, p: float):
    rows = len(data.as_df())
    inside = "wound"
    raise ValueError(f"{rows} rows, {len(many)} more, {p!r}")
"""
MAKES = """
import pandas as pd

def handler(context, rows):
    context.log_dataset("table", pd.DataFrame({"x": range(rows)}), format="parquet")
    context.log_artifact("note", body="hello", format="txt")
"""


def ran(spec: dict[str, Any], function: dict[str, Any], **status: Any) -> dict[str, Any]:
    execution = {"number": 1, "hash": execution_hash(spec)}
    pin = {"name": "f", "digest": function_digest(function)}
    status = {"execution": execution, "function": pin, **status}
    return {"metadata": {"name": "r", "namespace": "n", "uid": "u"}, "spec": spec, "status": status}


def test_a_repository_is_pinned_to_the_commit_that_ran() -> None:
    run = ran({"functionRef": {"name": "f"}}, GIT, source={"commit": "c0ffee"})
    found = replayed_function(run, {"metadata": {"name": "f"}, "spec": GIT}, current=False)
    assert found == {"name": "f", "source": {"source": "git+https://h/r.git#c0ffee"}, "handler": "m:h"}
    assert GIT["source"] == {"source": "git+https://h/r.git#main"}


def test_inline_functions_are_in_the_run() -> None:
    inline = {"source": {"code": "def h(): pass"}, "handler": "h"}
    run = ran({"function": inline}, inline)
    assert replayed_function(run, None, current=False)["source"] == inline["source"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (None, "is not there any more"),
        ({"metadata": {}, "spec": {**GIT, "handler": "m:other"}}, "has changed since it ran"),
    ],
)
def test_what_is_not_as_it_ran_is_refused(function: Any, words: str) -> None:
    run = ran({"functionRef": {"name": "f"}}, GIT)
    with pytest.raises(errors.InvalidArgument, match=words):
        replayed_function(run, function, current=False)
    if function is not None:
        assert replayed_function(run, function, current=True)["handler"] == "m:other"


def test_an_edited_run_and_a_schedule_are_refused() -> None:
    run = ran({"functionRef": {"name": "f"}, "parameters": {"a": 1}}, GIT)
    edited = {**run, "spec": {**run["spec"], "parameters": {"a": 2}}}
    with pytest.raises(errors.InvalidArgument, match="edited since its last execution"):
        replayed_options(edited, GIT, current=False)
    assert replayed_options(edited, GIT, current=True)["parameters"] == {"a": 2}
    with pytest.raises(errors.NotSupported, match="Replay one of its runs"):
        replayed_options({**run, "spec": {**run["spec"], "schedule": "@daily"}}, GIT, current=False)
    with pytest.raises(errors.InvalidArgument, match="has not started"):
        replayed_options({**run, "status": {}}, GIT, current=False)


def test_options_of_pods_stay_in_the_cluster() -> None:
    spec = {
        "functionRef": {"name": "f"},
        "nodeSelector": {"a": "b"},
        "backoffLimit": 6,
        "env": [{"name": "A", "value": "1"}],
    }
    assert replayed_options(ran(spec, GIT), GIT, current=False) == {
        "function": GIT,
        "env": spec["env"],
        "backoffLimit": 0,
    }


def test_differences_are_told_with_the_causes_first() -> None:
    then = {
        "source": {"sha256": "a"},
        "inputs": [{"name": "x", "sha256": "1"}, {"name": "y"}],
        "reason": "HandlerFailed",
    }
    now = {"source": {"sha256": "b"}, "inputs": [{"name": "x", "sha256": "2"}, {"name": "y"}], "reason": "Succeeded"}
    then["versions"], now["versions"] = {"wrapper": "1", "pandas": "2.1.4"}, {"wrapper": "2", "pandas": "2.1.3"}
    assert list(differences(then, now)) == [
        "the code: then a, now b",
        "input 'x': then 1, now 2",
        "package pandas: then 2.1.4, now 2.1.3",
        "reason: then HandlerFailed, now Succeeded",
    ]
    assert list(differences(then, then)) == []


def test_a_failed_run_fails_alike_with_the_versions_that_it_read(home: Path) -> None:
    """A newer version of its input, made since, is not read."""
    maker = dh.new_function("make", source={"code": MAKES}, handler="handler")
    reader = dh.new_function("read", source={"code": READS}, handler="handler")

    def make(rows: int) -> dict[str, str]:
        return maker.run(parameters={"rows": rows}, outputs={"table": "t", "note": "n"}).outputs(as_key=True)

    latest = {name: key.rpartition(":")[0] for name, key in make(3).items()}
    with pytest.raises(errors.RunFailed, match=r"ValueError: 3 rows, 1 more, 2\.0"):
        reader.run(inputs={"data": latest["t"], "many": [latest["n"]]}, parameters={"p": 2.0}, name="first")
    make(5)
    again = dh.get_run("first").replay().wait(60, check=False)
    assert again.status.message.startswith("ValueError: 3 rows, 1 more, 2.0")
    assert again.name != "first"
    assert list(differences(dh.get_run("first").run_json(), again.run_json())) == []
    dh.new_function("read", source={"code": READS.replace("wound", "healed")}, handler="handler")
    with pytest.raises(errors.InvalidArgument, match="has changed since it ran"):
        dh.get_run("first").replay()


async def test_a_file_that_only_a_pod_has_is_refused() -> None:
    """One of the same path may be here, with something else in it."""
    run = ran({"function": GIT, "inputs": {"x": ["/etc/hostname"]}}, GIT)
    cluster, here = (Session(LocalBackend()) for _ in range(2))
    with pytest.raises(errors.InvalidArgument, match=r"its input 'x\[0\]' is /etc/hostname in the pod"):
        await Replay(cluster, here, run).object(None, current=False)


def test_the_debugger_opens_where_the_handler_raised(home: Path) -> None:
    (home / "read.py").write_text(
        READS.replace("data, many, p: float", "p: float").replace("len(data.as_df())", "7").replace("len(many)", "0")
    )
    mlrunctl = str(Path(sys.executable).with_name("mlrunctl"))
    environment = {
        **os.environ,
        "MLRUN_OPERATOR_HOME": str(home / "home"),
        "MLRUN_OPERATOR_BACKEND": "local",
        "TERM": "dumb",
    }
    started = [mlrunctl, "run", "read.py:handler", "-p", "p=1.5", "--name", "first"]
    assert (
        subprocess.run([*started, "--local"], cwd=home, env=environment, capture_output=True, check=False).returncode
        == 1
    )
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [mlrunctl, "replay", "first", "--pdb"],
        cwd=home,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    said = ""
    for command in ("p inside, p\n", "q\n"):
        said += until(controller, r"\(Pdb\) $")
        os.write(controller, command.encode())
    said += until(controller, r"first ends here as it did: HandlerFailed: ValueError: 7 rows, 0 more, 1\.5\s+$")
    assert process.wait(60) == 0, said
    assert "('wound', 1.5)" in said


def until(controller: int, pattern: str, seconds: float = 90) -> str:
    """What the terminal shows until its end matches."""
    said, deadline = "", time.monotonic() + seconds
    while not re.search(pattern, said):
        assert time.monotonic() < deadline, said
        if select.select([controller], [], [], 1)[0]:
            said += os.read(controller, 65536).decode(errors="replace")
    return said
