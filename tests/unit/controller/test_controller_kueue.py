"""A Job's Workload is found by Kueue's label, and set active or inactive with as few writes as there are changes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from support.wire import port_to

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.controller.act import Actor
from mlrun_operator.controller.concurrency import ConcurrencyLimiter
from mlrun_operator.controller.context import ControllerContext
from mlrun_operator.controller.event_recorder import EventRecorder
from mlrun_operator.controller.kueue import read_workload
from mlrun_operator.plan import RunObservation
from mlrun_operator.plan.decision import SetActive
from mlrun_operator.plan.observation import Fact, Gone, WorkloadRead

Object = dict[str, Any]
_MARK = constants.ANNOTATION_SUSPENDED_BY


def job(**annotations: str) -> Object:
    meta = {"name": "j", "namespace": "team", "uid": "job-1", "resourceVersion": "1", "annotations": annotations}
    return {"metadata": meta, "spec": {"suspend": True, "template": {"spec": {"containers": []}}}}


def workload(owner: str = "job-1", **spec: Any) -> Object:
    owners = [{"kind": "Job", "uid": owner, "controller": True}]
    return {"metadata": {"name": "w", "namespace": "team", "uid": "w-1", "ownerReferences": owners}, "spec": spec}


class Kueue:
    """An API server with Kueue's API; answers are refused by verb and resource."""

    def __init__(self, *workloads: Object, version: str = "v1beta2") -> None:
        self.workloads = list(workloads)
        self.version = version
        self.refused: dict[tuple[str, str], int] = {}
        self.requests: list[str] = []
        self.patches: list[Object] = []

    async def answer(self, request: web.Request) -> web.Response:
        plural = "apis" if request.path == "/apis/kueue.x-k8s.io" else request.path.split("/")[6]
        if code := self.refused.get((request.method, plural)):
            return web.json_response({"reason": "No", "message": "no"}, status=code)
        self.requests.append(f"{request.method} {request.path} {request.query.get('labelSelector', '')}".strip())
        if plural == "apis":
            return web.json_response({"preferredVersion": {"version": self.version}})
        if request.method == "PATCH":
            self.patches.append(await request.json())
            is_held = self.patches[-1]["metadata"].get("annotations", {}).get(_MARK)
            return web.json_response(job(**({_MARK: is_held} if is_held else {})) if plural == "jobs" else workload())
        return web.json_response({"metadata": {}, "items": self.workloads})


async def set_active(cluster: ApiClient, step: SetActive) -> Fact:
    index, run = Index(), {"metadata": {"name": "r", "namespace": "team", "uid": "r-1"}, "spec": {}}
    now = datetime(2026, 11, 23, tzinfo=UTC)
    limiter = ConcurrencyLimiter(index, Platform(wrapper_image="w:1"))
    events = EventRecorder(cluster, lambda: now)
    context = ControllerContext(cluster, index, events, wake=lambda _: None, clock=lambda: now, observers=())
    actor = Actor(context, limiter)
    return await actor.apply(step, RunObservation(run, now))


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2"])
async def test_the_workload_is_read_in_the_preferred_version(version: str) -> None:
    kueue = Kueue(workload("another"), workload(active=True), version=version)
    async with port_to(kueue.answer) as cluster:
        read = await read_workload(cluster, job())
    assert read.workload is not None
    assert read.workload["spec"] == {"active": True}
    path = f"/apis/kueue.x-k8s.io/{version}/namespaces/team/workloads"
    assert kueue.requests == ["GET /apis/kueue.x-k8s.io", f"GET {path} kueue.x-k8s.io/job-uid=job-1"]


@pytest.mark.parametrize(
    ("verb", "plural", "code", "is_forbidden"),
    [("GET", "apis", 404, False), ("GET", "workloads", 404, False), ("GET", "workloads", 403, True)],
)
async def test_what_keeps_the_workload_out_of_reach_is_told(
    verb: str, plural: str, code: int, is_forbidden: bool
) -> None:
    kueue = Kueue(workload())
    kueue.refused[verb, plural] = code
    async with port_to(kueue.answer) as cluster:
        assert await read_workload(cluster, job()) == WorkloadRead(job(), is_forbidden=is_forbidden)


async def test_a_workload_that_is_deleted_or_of_others_is_none() -> None:
    going = workload()
    going["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    kueue = Kueue(workload("another"), going)
    async with port_to(kueue.answer) as cluster:
        assert (await read_workload(cluster, job())).workload is None


async def test_another_failure_is_tried_again() -> None:
    kueue = Kueue(workload())
    kueue.refused["GET", "workloads"] = 500
    async with port_to(kueue.answer) as cluster:
        with pytest.raises(ApiError):
            await read_workload(cluster, job())


def _of(kueue: Kueue) -> list[str]:
    return [request.split("/")[-2] for request in kueue.requests]


async def test_a_job_is_marked_before_its_workload_is_held() -> None:
    kueue = Kueue()
    held = {**workload(), "apiVersion": "kueue.x-k8s.io/v1beta1"}
    async with port_to(kueue.answer) as cluster:
        fact = await set_active(cluster, SetActive(job(), held, active=False))
    assert _of(kueue) == ["jobs", "workloads"]
    assert kueue.patches == [
        {"metadata": {"uid": "job-1", "annotations": {_MARK: "run"}}},
        {"metadata": {"uid": "w-1"}, "spec": {"active": False}},
    ]
    assert isinstance(fact, WorkloadRead)
    assert _MARK in fact.job["metadata"]["annotations"]


async def test_a_workload_that_is_held_again_is_marked_with_the_time() -> None:
    kueue = Kueue()
    reactivated = {**workload(active=True), "apiVersion": "kueue.x-k8s.io/v1beta2"}
    async with port_to(kueue.answer) as cluster:
        await set_active(cluster, SetActive(job(**{_MARK: "run"}), reactivated, active=False))
    assert _of(kueue) == ["jobs", "workloads"]
    assert kueue.patches[0]["metadata"]["annotations"] == {
        _MARK: "run",
        constants.ANNOTATION_SUSPENDED_AT: "2026-11-23T00:00:00Z",
    }


async def test_a_job_is_unmarked_after_its_workload_is_let_go() -> None:
    kueue = Kueue()
    held = {**workload(active=False), "apiVersion": "kueue.x-k8s.io/v1beta2"}
    async with port_to(kueue.answer) as cluster:
        fact = await set_active(cluster, SetActive(job(**{_MARK: "run"}), held, active=True))
    assert _of(kueue) == ["workloads", "jobs"]
    assert kueue.patches[0]["spec"] == {"active": True}
    assert isinstance(fact, WorkloadRead)
    assert _MARK not in fact.job["metadata"]["annotations"]


async def test_what_is_so_already_is_not_written() -> None:
    kueue = Kueue()
    held = {**workload(active=False), "apiVersion": "kueue.x-k8s.io/v1beta2"}
    async with port_to(kueue.answer) as cluster:
        await set_active(cluster, SetActive(job(**{_MARK: "run"}), held, active=False))
        await set_active(cluster, SetActive(job(), None, active=True))
    assert kueue.requests == []


async def test_without_the_right_to_patch_the_mark_stays() -> None:
    """Removing it would be a write that wakes the run, which would be marked again, for ever."""
    kueue = Kueue()
    kueue.refused["PATCH", "workloads"] = 403
    held = {**workload(), "apiVersion": "kueue.x-k8s.io/v1beta2"}
    async with port_to(kueue.answer) as cluster:
        fact = await set_active(cluster, SetActive(job(), held, active=False))
    assert _of(kueue) == ["jobs"]
    assert isinstance(fact, WorkloadRead)
    assert fact.is_forbidden


async def test_a_job_that_is_gone_has_no_workload_to_hold() -> None:
    kueue = Kueue()
    kueue.refused["PATCH", "jobs"] = 404
    held = {**workload(), "apiVersion": "kueue.x-k8s.io/v1beta2"}
    async with port_to(kueue.answer) as cluster:
        assert await set_active(cluster, SetActive(job(), held, active=False)) == Gone("job-1")
    assert kueue.patches == []
