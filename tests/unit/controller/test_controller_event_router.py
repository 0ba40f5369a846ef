"""Which runs and functions an event queues, and that the index takes in every event."""

from typing import Any

import pytest

from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import FUNCTIONS, JOBS, PODS, RUNS
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.event_router import EventRouter
from mlrun_operator.controller.queue import FairQueue

Object = dict[str, Any]


def obj(name: str, version: int = 1, owner: tuple[str, str] | None = None, **parts: Any) -> Object:
    owners = [{"kind": owner[0], "name": owner[1], "uid": f"uid-{owner[1]}", "controller": True}] if owner else []
    metadata = {"name": name, "namespace": "team", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {
        "metadata": {**metadata, "ownerReferences": owners, "labels": {"mlrun-operator.dev/run-uid": "uid-r"}},
        **parts,
    }


JOB = obj("r-1", owner=("MlrunRun", "r"), spec={"template": {"spec": {"containers": []}}})
POD = obj("r-1-x", owner=("Job", "r-1"), spec={}, status={"phase": "Running"})


class Routed:
    """An event handler with a router over queues that a test reads."""

    def __init__(self) -> None:
        self.index = Index()
        self.runs, self.functions = FairQueue(), FairQueue()
        self.handler = WatchEventHandler(self.index, EventRouter(self.index, self.runs, self.functions).route)

    async def queued(self) -> list[str]:
        return [await self._name() for _ in range(len(self.runs))]

    async def _name(self) -> str:
        key = await self.runs.take()
        self.runs.done(key)
        return key[1]


@pytest.fixture
def routed() -> Routed:
    return Routed()


async def test_a_run_without_a_phase_goes_first(routed: Routed) -> None:
    routed.handler.on_update(RUNS, obj("old", spec={}, status={"phase": "Running"}))
    routed.handler.on_update(RUNS, obj("new", spec={}))
    assert await routed.queued() == ["new", "old"]


async def test_a_run_whose_job_has_ended_goes_before_others(routed: Routed) -> None:
    for name in ("r", "other"):
        routed.index.put(RUNS, obj(name, spec={}, status={"phase": "Running"}))
    routed.handler.on_update(RUNS, obj("other", 2, spec={}, status={"phase": "Running"}))
    ended = {"conditions": [{"type": "Complete", "status": "True"}]}
    routed.handler.on_update(JOBS, {**JOB, "metadata": {**JOB["metadata"], "resourceVersion": "2"}, "status": ended})
    assert await routed.queued() == ["r", "other"]


async def test_a_function_s_event_queues_it_and_its_runs(routed: Routed) -> None:
    routed.index.put(RUNS, obj("r", spec={"functionRef": {"name": "fn"}}))
    routed.handler.on_update(FUNCTIONS, obj("fn", spec={}))
    assert await routed.queued() == ["r"]
    assert await routed.functions.take() == ("team", "fn")
    assert len(routed.functions) == 0


async def test_events_of_a_job_and_its_pod_queue_the_run(routed: Routed) -> None:
    routed.handler.on_update(JOBS, JOB)
    assert await routed.queued() == ["r"]
    routed.handler.on_update(PODS, POD)
    assert await routed.queued() == ["r"]


async def test_the_same_state_twice_queues_once(routed: Routed) -> None:
    routed.handler.on_update(JOBS, JOB)
    assert await routed.queued() == ["r"]
    routed.handler.on_update(JOBS, JOB)
    assert await routed.queued() == []


async def test_events_of_a_gone_run_s_job_reach_the_index(routed: Routed) -> None:
    routed.handler.on_update(JOBS, JOB)
    routed.handler.on_update(PODS, POD)
    routed.handler.on_delete(RUNS, obj("r", spec={}))
    routed.handler.on_update(PODS, obj("r-1-y", owner=("Job", "r-1"), spec={}))
    assert [pod["metadata"]["name"] for pod in routed.index.of_run(PODS, "team", "uid-r")] == ["r-1-x", "r-1-y"]
    routed.handler.on_delete(JOBS, JOB)
    routed.handler.on_delete(PODS, POD)
    assert routed.index.of_run(JOBS, "team", "uid-r") == []
    assert [pod["metadata"]["name"] for pod in routed.index.of_run(PODS, "team", "uid-r")] == ["r-1-y"]


async def test_a_deletion_that_cannot_be_routed_is_still_taken_in(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("malformed")

    index = Index()
    index.put(JOBS, JOB)
    WatchEventHandler(index, fail).on_delete(JOBS, JOB)
    assert index.get(JOBS, "team", "r-1") is None
    assert "Job cannot be read" in caplog.text
