"""Runs in a queue of a real Kueue: who may start and when, and that nobody argues about a Job's `suspend`."""

import asyncio
from typing import Final

from support.queueing import Queue, queueing

_REST_SECONDS: Final = 20


async def test_a_queued_run_has_no_pod_before_it_is_admitted() -> None:
    async with queueing() as queue:
        await queue.submit_started("first")
        await queue.submit_queued("second")
        assert "team" in queue.world.status("second")["message"]
        await queue.pod_ends("first")
        await queue.pod_starts("second")
        assert (await queue.pod_ends("second"))["attemptCount"] == 1
        assert created(queue, "second")["spec"]["suspend"] is True
        assert [len(pods_ever(queue, name)) for name in ("first", "second")] == [1, 1]


async def test_all_that_is_for_kueue_reaches_the_workload() -> None:
    async with queueing() as queue:
        labels = {"kueue.x-k8s.io/max-exec-time-seconds": "600"}
        await queue.submit_started("run", queue.high, labels=labels, annotations={"kueue.x-k8s.io/note": "n"})
        job, workload = queue.job("run"), queue.workload("run")
        assert job is not None
        assert workload is not None
        assert job["metadata"]["labels"].items() >= labels.items()
        assert job["metadata"]["annotations"]["kueue.x-k8s.io/note"] == "n"
        spec = workload["spec"]
        assert (spec["priority"], spec["priorityClassRef"]["name"]) == (1000, queue.high)
        assert (spec["maximumExecutionTimeSeconds"], spec["queueName"]) == (600, "team")


async def test_the_priority_class_decides_who_is_next() -> None:
    async with queueing() as queue:
        await queue.submit_started("first", queue.high)
        await queue.submit_queued("low", queue.low)
        await queue.submit_queued("high", queue.high)
        await queue.pod_ends("first")
        await queue.pod_starts("high")
        assert queue.pods("low") == []
        await queue.pod_ends("high")
        await queue.pod_starts("low")
        await queue.pod_ends("low")


async def test_a_preempted_run_queues_and_runs_again() -> None:
    """Its pod ends with exit code 137, as the kubelet tells it: that costs no retry."""
    async with queueing() as queue:
        await queue.submit("low", queue.low, backoffLimit=0)
        pod = await queue.pod_starts("low", is_held=True)
        await queue.submit("high", queue.high)
        await queue.pod_is_killed(pod)
        await queue.waits("low")
        await queue.until("its pod is gone", lambda: not queue.pods("low"))
        await queue.pod_starts("high")
        await queue.pod_ends("high")
        await queue.pod_starts("low")
        status = await queue.pod_ends("low")
        assert status["execution"]["number"] == 1
        assert [attempt["reason"] for attempt in status["attempts"]] == ["Terminated", "Succeeded"]
        job = queue.job("low")
        assert job is not None
        assert "failed" not in job["status"], "no retry was used up"


async def test_a_default_queue_takes_a_run_without_a_label() -> None:
    async with queueing("default") as queue:
        await queue.submit_started("first")
        await queue.submit_queued("unlabelled", queue="")
        await queue.pod_ends("first")
        await queue.pod_starts("unlabelled")
        await queue.pod_ends("unlabelled")


async def test_at_rest_nobody_writes() -> None:
    """Neither where Kueue holds a run without a queue, which it does by `manageJobsWithoutQueueName`."""
    async with queueing() as queue:
        await queue.submit_started("runs")
        await queue.submit_queued("waits")
        await queue.submit_queued("held")
        await queue.hold("held")
        await queue.submit("unlabelled", queue="")
        await queue.says("unlabelled", "Pending", "JobSuspended")
        await asyncio.sleep(2)
        events, requests = len(queue.world.records.of(queue.world.namespace)), len(operator_requests(queue))
        await asyncio.sleep(_REST_SECONDS)
        assert queue.world.records.of(queue.world.namespace)[events:] == []
        assert operator_requests(queue)[requests:] == []


def created(queue: Queue, name: str) -> dict[str, object]:
    """The run's Job as it was created."""
    job = queue.job(name)
    assert job is not None
    events = queue.world.records.of(queue.world.namespace)
    return next(e.obj for e in events if e.type == "ADDED" and e.obj["metadata"]["uid"] == job["metadata"]["uid"])


def pods_ever(queue: Queue, name: str) -> set[str]:
    """The uids of all pods that the run has had."""
    events = queue.world.records.of(queue.world.namespace)
    pods = (event.obj for event in events if event.plural == "pods")
    return {pod["metadata"]["uid"] for pod in pods if pod["metadata"]["labels"]["mlrun-operator.dev/run"] == name}


def operator_requests(queue: Queue) -> list[list[str]]:
    """The operator's requests, its lease's left out."""
    return [line for line in queue.world.requests() if "/leases" not in line[1]]
