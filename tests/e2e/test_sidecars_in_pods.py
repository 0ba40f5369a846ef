"""Containers of others in a run's real pods: none keeps it for ever, none makes a success run again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kube import Kube, Object, eventually, function, run
from support.recorder import Recorder, recorder

IMAGE = "localhost/mlrun-operator/wrapper:dev"
PYTHON = "/opt/mlrun-wrapper/bin/python"
MAKES = """
import uuid

import pandas as pd


def handler(context):
    context.log_result("call", uuid.uuid4().hex)
    return pd.DataFrame({"n": [1, 2]})
"""
RUNS_ON = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(3600)"
EXITS_3 = "import sys; sys.exit(3)"
DENIED = "import sys; sys.exit('permission denied')"


@pytest.fixture
def record(kube: Kube, tmp_path: Path) -> Iterator[Recorder]:
    with recorder(kube, tmp_path) as record:
        yield record


def beside(code: str, kind: str = "containers") -> Object:
    container = {"name": "proxy", "image": IMAGE, "command": [PYTHON, "-c", code]}
    return {"spec": {kind: [container]}}


def makes(name: str, **spec: object) -> Object:
    return run(name, "makes", outputs={"table": "table"}, backoffLimit=1, **spec)


def maker() -> Object:
    return function("makes", code=MAKES, returns=["table"])


def index_of(pod: Object) -> str:
    return str(pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"])


def report_of(pod: Object) -> Object:
    """What the wrapper of a pod that ended has reported."""
    (state,) = (c["state"] for c in pod["status"]["containerStatuses"] if c["name"] == "mlrun")
    return dict(json.loads(state["terminated"]["message"]))


def assert_all_there(status: Object, replicas: int) -> None:
    """The run has succeeded, with what each of its replicas made."""
    assert (status["phase"], status["reason"]) == ("Succeeded", "Succeeded"), status["message"]
    parts = status["replicaStatuses"] if replicas else [status]
    assert all(part["results"]["call"] for part in parts)
    keys = [part["outputs"]["table"] for part in parts]
    assert all("store://" in str(key) for key in keys), keys


def test_a_sidecar_that_runs_on(kube: Kube, record: Recorder) -> None:
    kube.apply(
        maker(),
        makes("one", podTemplate=beside(RUNS_ON)),
        makes("two", podTemplate=beside(RUNS_ON), replicas=2),
    )
    assert_all_there(kube.finished("one", 120), 0)
    assert_all_there(kube.finished("two", 120), 2)
    for name, count in (("one", 1), ("two", 2)):
        pods = record.pods(name)
        assert len(pods) == count
        assert all(pod["metadata"].get("deletionTimestamp") for pod in pods)
        messages = {status.get("message", "") for status in record.statuses(name)}
        assert any("proxy" in message for message in messages), messages
    warnings = [event["message"] for event in kube.events("one") if event["type"] == "Warning"]
    assert any("proxy" in message for message in warnings), warnings


def test_a_sidecar_that_exits_3_after_a_success(kube: Kube, record: Recorder) -> None:
    kube.apply(
        maker(),
        makes("one", podTemplate=beside(EXITS_3)),
        makes("two", podTemplate=beside(EXITS_3), replicas=2),
    )
    assert_all_there(kube.finished("one"), 0)
    assert_all_there(kube.finished("two"), 2)
    assert len(record.pods("one")) == 1
    reports = [(index_of(pod), report_of(pod)["results"]["call"]) for pod in record.pods("two")]
    assert len(set(reports)) == 2, "a retry's pod reports what the first one made"


def test_an_init_container_that_fails_is_named(kube: Kube) -> None:
    template = beside(DENIED, "initContainers")
    kube.apply(
        maker(),
        run("one", "makes", podTemplate=template),
        run("two", "makes", podTemplate=template, replicas=2),
    )
    one, two = kube.finished("one"), kube.finished("two")
    words = "init container proxy ended with exit code 1: permission denied"
    assert (one["phase"], one["reason"], one["message"]) == ("Failed", "PodFailing", words)
    assert (two["phase"], two["reason"]) == ("Failed", "PodFailing")
    assert words in two["message"]
    assert [replica["message"] for replica in two["replicaStatuses"]] == [words] * 2


def test_a_native_sidecar_keeps_nothing(kube: Kube, record: Recorder) -> None:
    template = beside(RUNS_ON, "initContainers")
    template["spec"]["initContainers"][0]["restartPolicy"] = "Always"
    kube.apply(maker(), makes("one", podTemplate=template))
    assert_all_there(kube.finished("one"), 0)
    (pod,) = record.pods("one")
    assert "deletionTimestamp" not in pod["metadata"]
    assert eventually(lambda: kube.events("one"), "its events")
