"""The client reads what the API server really sends."""

from typing import Any, cast

import pytest
from aiohttp import web
from support.wire import port_to

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import JOBS, PODS, RUNS


async def test_an_empty_list_of_metadata_may_have_null_for_items(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(*_: Any, **__: Any) -> Any:
        return {"kind": "PartialObjectMetadataList", "metadata": {"resourceVersion": "7"}, "items": None}

    monkeypatch.setattr(ApiClient, "_request", answer)
    cluster = ApiClient(cast("Connection", None))
    assert await cluster.read_uids(JOBS, "ns", "") == (7, set())
    assert await cluster.read_all(JOBS, "ns") == []
    assert await cluster.events_of("ns", ["uid"]) == []


def pod(name: str, version: str = "1") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "team", "uid": f"uid-{name}", "resourceVersion": version}}


class Recorded:
    """An API server that notes what it is sent; a listing has the pods whose word its selector holds."""

    def __init__(self, **pods: list[dict[str, Any]]) -> None:
        self.pods = pods
        self.selectors: list[str] = []
        self.requests: list[tuple[str, str, str, Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.requests.append((request.method, request.path, request.content_type, body))
        self.selectors.append(request.query.get("labelSelector", ""))
        items = next((pods for word, pods in self.pods.items() if word in self.selectors[-1]), [])
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})


async def test_the_pods_of_a_run_are_read_by_both_labels() -> None:
    server = Recorded(run1=[pod("named")], job1=[pod("named", "2"), pod("fired")])
    async with port_to(server.answer) as cluster:
        pods = await cluster.read_pods_of_run("team", "run1", ["job2", "job1", "job1", "odd), x in (y"])
    versions = {pod["metadata"]["name"]: pod["metadata"]["resourceVersion"] for pod in pods}
    assert versions == {"named": "2", "fired": "1"}
    assert server.selectors == [
        "mlrun-operator.dev/run-uid=run1",
        "batch.kubernetes.io/controller-uid in (job1,job2)",
    ]


async def test_a_pod_condition_is_merged_into_its_status() -> None:
    server = Recorded()
    conditions = {"conditions": [{"type": "mlrun-operator.dev/Reported", "status": "True"}]}
    async with port_to(server.answer) as cluster:
        await cluster.patch_status(PODS, pod("p"), conditions)
        await cluster.patch_status(RUNS, pod("r"), {"phase": "Running"})
    (_, path, content, body), (*_, of_runs, _) = server.requests
    assert path == "/api/v1/namespaces/team/pods/p/status"
    assert content == "application/strategic-merge-patch+json"
    assert body == {"metadata": {"uid": "uid-p"}, "status": conditions}
    assert of_runs == "application/merge-patch+json"


async def test_a_delete_is_of_exactly_the_object() -> None:
    server = Recorded()
    async with port_to(server.answer) as cluster:
        await cluster.delete(JOBS, pod("j"))
        await cluster.delete(PODS, pod("p"), grace=0, any_state=True)
    (*_, of_job), (*_, of_pod) = server.requests
    assert of_job["preconditions"] == {"uid": "uid-j", "resourceVersion": "1"}
    assert of_job["propagationPolicy"] == of_pod["propagationPolicy"] == "Background"
    assert "gracePeriodSeconds" not in of_job
    assert of_pod["preconditions"] == {"uid": "uid-p"}
    assert of_pod["gracePeriodSeconds"] == 0


async def test_a_write_without_the_lease_is_refused_unsent() -> None:
    client = ApiClient(cast("Connection", None), may_write=lambda: False)
    for write in (client.create(JOBS, pod("j")), client.patch(JOBS, pod("j"), {}), client.delete(JOBS, pod("j"))):
        with pytest.raises(ApiError, match="not the leader") as refused:
            await write
        assert (refused.value.code, refused.value.reason) == (0, "NotLeading")
