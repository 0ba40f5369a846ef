"""A real history's record is judged in the order of versions, whatever the watches showed first."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from support.api import Event
from support.invariants import violations_of_requests, written_by_others
from support.real.kubelet import PlayedKubelet
from support.real.replay import Replay, trail
from support.simulator.objects import Object

UID = "mlrun-operator.dev/run-uid"
NODES: Any = PlayedKubelet(None, [])  # type: ignore[arg-type]


def _obj(name: str, version: int, **fields: Any) -> Object:
    about = {"name": name, "namespace": "lab", "uid": f"uid-of-{name}", "generation": 1}
    meta = {**about, "resourceVersion": str(version), **fields.pop("metadata", {})}
    return {"metadata": meta, "spec": {}, **fields}


def _run(version: int, **status: Any) -> Event:
    return Event("ADDED", "mlrunruns", _obj("h1-a", version, status=status), 1.0)


def _ended_run(version: int) -> Object:
    return _obj("h1-a", version, status={"phase": "Succeeded", "execution": {"number": 1}})


def _job(number: int, version: int) -> Event:
    owner = {"kind": "MlrunRun", "name": "h1-a", "uid": "uid-of-h1-a", "controller": True}
    notes = {"mlrun-operator.dev/execution": str(number), "mlrun-operator.dev/run-generation": str(number)}
    template = {"template": {"metadata": {}}}
    job = _obj(f"h1-a-{number}", version, metadata={"ownerReferences": [owner], "annotations": notes})
    return Event("ADDED", "jobs", {**job, "spec": template}, 1.0)


def _pod(number: int, version: int, phase: str, kind: str = "MODIFIED") -> Event:
    labels = {"batch.kubernetes.io/controller-uid": f"uid-of-h1-a-{number}"}
    pod = _obj(f"h1-a-{number}-x", version, metadata={"labels": labels}, status={"phase": phase})
    return Event(kind, "pods", pod, 1.0)


def _edit(generation: int, version: int) -> Event:
    run = _obj("h1-a", version, metadata={"generation": generation})
    return Event("MODIFIED", "mlrunruns", {**run, "spec": {"parameters": {"x": generation}}}, 1.0)


def test_two_executions_at_once_are_seen() -> None:
    events = [_run(1), _job(1, 2), _pod(1, 3, "Running"), _edit(2, 4), _job(2, 5), _pod(2, 6, "Pending")]
    assert any("two executions may run at once" in words for words in Replay(events, NODES).ledger.broken)


def test_a_pod_that_ended_before_is_no_second_one() -> None:
    """The watch of pods shows the end of the first pod after the second one."""
    events = [_run(1), _job(1, 2), _pod(1, 3, "Running"), _edit(2, 4), _job(2, 6), _pod(2, 7, "Pending")]
    assert Replay([*events, _pod(1, 5, "Failed")], NODES).ledger.broken == []
    assert Replay([*events, _pod(1, 5, "Running", "DELETED")], NODES).ledger.broken == []


def test_a_pod_that_runs_on_after_the_end_is_seen() -> None:
    events = [_run(1), _job(1, 2), _pod(1, 3, "Running"), Event("MODIFIED", "mlrunruns", _ended_run(4), 1.0)]
    assert "h1-a-1-x may run at rest, though its run is Succeeded" in Replay(events, NODES).broken()


def test_a_start_without_a_cause_is_seen() -> None:
    events = [_run(1), _job(1, 2), _pod(1, 3, "Succeeded"), _job(2, 4)]
    assert any("without an edit" in words for words in Replay(events, NODES).ledger.broken)


def test_a_run_that_waits_for_nothing_is_restless() -> None:
    replay = Replay([_run(1, phase="Running", reason="Running")], NODES)
    assert replay.is_restless(datetime.now(UTC))
    assert replay.broken() == ["h1-a: at rest it is Running/Running: None"]


def test_an_ended_run_is_restless_until_its_job_may_go() -> None:
    ended = _run(1, phase="Failed", reason="InvalidRun")
    limited = Event("MODIFIED", "mlrunruns", {**ended.obj, "spec": {"ttlSecondsAfterFinished": 3}}, time.monotonic())
    now = datetime.now(UTC)
    assert not Replay([ended], NODES).is_restless(now)
    assert Replay([limited], NODES).is_restless(now)
    assert not Replay([limited], NODES).is_restless(now + timedelta(seconds=20))


def test_a_status_that_others_wrote_is_seen() -> None:
    """The status that the API server gives a new run is nobody's."""
    born = _run(1, observedGeneration=-1)
    told = [Event("MODIFIED", "mlrunruns", _run(n, phase="Pending", message=str(n)).obj, 1.0) for n in (2, 3)]
    put = ["PUT", "/apis/mlrun-operator.dev/v1alpha1/namespaces/lab/mlrunruns/h1-a/status", "200"]
    assert not written_by_others([born, *told], [put, put])
    assert written_by_others([born, *told], [put])
    assert violations_of_requests([born, *told], "lab", [put, put]) == []
    assert violations_of_requests([born, *told], "lab", [put, put, put]) == ["3 status writes for 2 changes"]


def test_a_trail_has_each_change_once() -> None:
    lines = list(trail([_pod(1, 3, "Running"), _pod(1, 4, "Running"), _pod(1, 5, "Running", "DELETED")]))
    assert [line.split()[1:] for line in lines] == [
        ["3", "pods", "h1-a-1-x:", "Running", "on", "None", "{}"],
        ["5", "pods", "h1-a-1-x:", "gone"],
    ]
