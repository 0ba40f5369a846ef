"""The wrapper in real pods under the restricted profile: what it finds there, and how each failure is told."""

import time

import pytest
from support.kube import Kube, Object, audited_writes, eventually, function, run

LOOK_AROUND = """
import os, pathlib

def handler(context):
    context.log_result("uid", os.getuid())
    context.log_result("token", pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists())
    try:
        pathlib.Path("/written").write_text("x")
        context.log_result("root", "writable")
    except OSError as error:
        context.log_result("root", error.strerror)
    pathlib.Path("here.txt").write_text("the working directory is writable")
    context.log_result("shm", os.access("/dev/shm", os.W_OK))
"""


def inline(name: str, code: str, handler: str = "handler", **spec: object) -> Object:
    made = run(name, **spec)
    made["spec"].pop("functionRef")
    made["spec"]["function"] = {"source": {"code": code}, "handler": handler}
    return made


def test_the_pod_is_unprivileged(kube: Kube) -> None:
    kube.apply(inline("look", LOOK_AROUND))
    results = kube.finished("look")["results"]
    assert results == {"uid": 65532, "token": False, "root": "Read-only file system", "shm": True}


@pytest.mark.parametrize(
    ("made", "reason", "code", "words"),
    [
        (inline("raises", "def handler():\n    raise ValueError('boom')\n"), "HandlerFailed", 1, "ValueError: boom"),
        (inline("exits", "import sys\n\ndef handler():\n    sys.exit(3)\n"), "HandlerFailed", 1, "3"),
        (inline("absent", "def other():\n    pass\n"), "InvalidRun", 64, "handler"),
        (inline("syntax", "def handler(:\n"), "InvalidRun", 64, "line 1"),
        (inline("unknown", "def handler(rows):\n    pass\n", parameters={"row": 1}), "InvalidRun", 64, "rows"),
        (inline("unmapped", "def handler():\n    return 1\n", outputs={"x": "y"}), "OutputMissing", 65, "x"),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else "",
)
def test_a_failure_is_told_by_reason_exit_code_and_words(
    kube: Kube, made: Object, reason: str, code: int, words: str
) -> None:
    kube.apply(made)
    status = kube.finished(made["metadata"]["name"])
    assert (status["phase"], status["reason"]) == ("Failed", reason), status["message"]
    assert status["attempts"][0]["exitCode"] == code
    assert words in status["message"]
    assert status["attemptCount"] == 1


def test_an_input_that_is_not_there_is_named(kube: Kube, data_url: str) -> None:
    url = f"{data_url}/nowhere.csv"
    kube.apply(inline("lost", "def handler(url):\n    pass\n", inputs={"url": url}))
    status = kube.finished("lost")
    assert (status["phase"], status["reason"]) == ("Failed", "InputNotFound")
    assert status["attempts"][0]["exitCode"] == 66
    assert url in status["message"]


def test_an_input_that_is_forbidden_is_no_matter_of_retrying(kube: Kube, data_url: str) -> None:
    made = inline("forbidden", "def handler(url):\n    pass\n", inputs={"url": f"{data_url}/status/403/a.csv"})
    made["spec"]["backoffLimit"] = 2
    kube.apply(made)
    status = kube.finished("forbidden")
    assert (status["reason"], status["attemptCount"]) == ("PermissionDenied", 1)


def test_the_code_can_come_from_a_url(kube: Kube, data_url: str) -> None:
    kube.apply(
        {
            **function("fn"),
            "spec": {"source": {"source": f"{data_url}/status/404/pipeline.py"}, "handler": "handler"},
        },
        run("no-code"),
    )
    status = kube.finished("no-code")
    assert (status["phase"], status["reason"]) == ("Failed", "SourceNotFound")
    assert "/status/404/pipeline.py" in status["message"]


@pytest.mark.parametrize("character", ["#", "漢", "😀"])
def test_large_inline_code_runs(kube: Kube, character: str) -> None:
    head = "def handler():\n    return 42\n#"
    code = head + character * ((128 * 1024 - len(head)) // len(character.encode()))
    kube.apply(function("fn", code=code), run("large"))
    status = kube.finished("large")
    assert status["phase"] == "Succeeded", status["message"]
    assert status["results"]["return"] == 42


def test_a_run_costs_four_writes_and_an_idle_minute_none(kube: Kube) -> None:
    kube.apply(inline("quiet", "import time\n\ndef handler():\n    time.sleep(2)\n"))
    kube.finished("quiet")
    eventually(lambda: len(kube.events("quiet")) == 3, "three events")

    def writes() -> list[Object]:
        user = "system:serviceaccount:mlrun-system:mlrun-operator"
        ours = audited_writes(kube.facts, user)
        return [w for w in ours if w["objectRef"].get("namespace") == kube.namespace]

    objects = [w for w in writes() if w["objectRef"]["resource"] != "events"]
    assert [w["objectRef"]["resource"] for w in objects] == ["jobs", "mlrunruns", "mlrunruns", "mlrunruns"]
    before = len(writes())
    time.sleep(60)
    assert len(writes()) == before
