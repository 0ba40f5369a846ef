"""A status that the API server does not take, for whatever code: it is told without its details, once."""

import asyncio
from typing import Any

import pytest

from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import Reason
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import FUNCTIONS, JOBS, PODS, RUNS, Resource
from mlrun_operator.controller.reconcile import Reconciler

Object = dict[str, Any]
REFUSALS = [
    (413, "Request entity too large: limit is 3145728"),
    (500, "etcdserver: request is too large"),
    (500, "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2104 vs. 2097152)"),
    (400, "bad"),
    (422, "status.message: Too long"),
]


class Refusing:
    """An API server that takes a status without attempts' messages, results and outputs only."""

    def __init__(self, index: Index, code: int, message: str) -> None:
        self.index, self.code, self.message = index, code, message
        self.written: list[Object] = []
        self.refused = 0

    async def replace_status(self, resource: Resource, run: Object, status: Object) -> Object:
        messages = [attempt.get("message") for attempt in status.get("attempts", ())]
        if any(messages) or "results" in status:
            self.refused += 1
            raise ApiError(self.code, "Refused", self.message)
        self.written.append(status)
        version = str(int(run["metadata"]["resourceVersion"]) + 1)
        return {**run, "metadata": {**run["metadata"], "resourceVersion": version}, "status": status}

    async def events_of(self, namespace: str, uids: list[str]) -> list[Object]:
        return []

    async def our_events(self, namespace: str) -> set[str]:
        return set()

    async def post_event(self, event: Object) -> bool:
        return bool(event)


@pytest.mark.parametrize("ends", [True, False], ids=["ended", "running"])
@pytest.mark.parametrize(("code", "message"), REFUSALS)
def test_a_refused_status_is_told_without_details_once(world: Any, code: int, message: str, ends: bool) -> None:
    world.settle()
    world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="boom", results={"a": 1}), 1)
    if ends:
        world.job_ends(succeeded=False)
    else:
        world.jobs[-1]["status"]["failed"] = 1
        world.pods.append({**world.add_pod(), "status": {"phase": "Pending"}})
        del world.pods[-2]
    index = Index()
    for resource, objects in (
        (RUNS, [world.run]),
        (FUNCTIONS, [world.function]),
        (JOBS, world.jobs),
        (PODS, world.pods),
    ):
        for obj in objects:
            obj["metadata"].setdefault("resourceVersion", "1")
            obj["metadata"].setdefault("namespace", "team")
            index.put(resource, obj)
    cluster = Refusing(index, code, message)
    reconciler = Reconciler(cluster, index, world.platform, clock=lambda: world.now)  # type: ignore[arg-type]
    for _ in range(3):
        asyncio.run(reconciler.reconcile(("team", "first-run")))
    assert [len(cluster.written), cluster.refused] == [1, 1]
    status = cluster.written[0]
    assert status["phase"] == ("Failed" if ends else "Running")
    assert "ResultTruncated" in [condition["type"] for condition in status["conditions"]]
    assert status["attempts"][0]["uid"] == "pod-1"
