"""`suspend`, `stop` and deletion of runs in a queue of a real Kueue: no pod, and the quota is given back."""

from support.queueing import Queue, queueing


async def test_suspend_evicts_an_admitted_run_and_resume_queues_it() -> None:
    async with queueing() as queue:
        await queue.submit_started("held")
        await queue.submit_queued("next")

        await queue.hold("held")
        assert (queue.is_active("held"), queue.is_suspended("held")) == (False, True)
        await queue.until("its pod is gone", lambda: not queue.pods("held"))
        await queue.pod_starts("next")

        await queue.world.edit("held", suspend=None)
        await queue.until("held may be admitted", lambda: queue.is_active("held"))
        await queue.waits("held")
        await queue.pod_ends("next")
        await queue.pod_starts("held")
        status = await queue.pod_ends("held")
        assert status["execution"]["number"] == 1
        writes = [line for line in queue.world.requests() if "/workloads" in line[1] and line[0] != "GET"]
        assert [line[0] for line in writes] == ["PATCH", "PATCH"], "one to hold it, one to let it go"


async def test_a_run_that_is_suspended_in_the_queue_is_not_admitted() -> None:
    async with queueing() as queue:
        await queue.submit_started("first")
        await queue.submit_queued("held")
        await queue.hold("held")
        await queue.pod_ends("first")
        await queue.submit_started("next")
        assert (queue.is_suspended("held"), queue.pods("held")) == (True, [])
        await queue.pod_ends("next")
        await queue.world.edit("held", suspend=None)
        await queue.pod_starts("held")
        await queue.pod_ends("held")


async def test_a_workload_that_a_person_activates_is_held_again() -> None:
    async with queueing() as queue:
        await queue.submit_started("held")
        await queue.hold("held")
        workload = queue.workload("held")
        assert workload is not None
        api, namespace = queue.world.api, queue.world.namespace
        await api.merge("workloads", namespace, workload["metadata"]["name"], {"spec": {"active": True}})
        await queue.until("it is active", lambda: queue.is_active("held"))
        await queue.until("it is held again", lambda: not queue.is_active("held") and queue.is_suspended("held"))
        await queue.says("held", "Suspended", "Suspended")


async def test_without_the_right_suspend_is_told_to_be_ignored() -> None:
    async with queueing(kueue=False) as queue:
        await queue.submit_started("run")
        await queue.world.edit("run", suspend=True)
        await queue.until("SuspendIgnored", lambda: "kueue.enabled" in ignored(queue, "run"))
        assert queue.is_active("run")
        await queue.pod_ends("run")


async def test_stop_gives_the_quota_back() -> None:
    async with queueing() as queue:
        await queue.submit_started("admitted")
        await queue.submit_queued("queued")
        for name in ("queued", "admitted"):
            await queue.world.edit(name, stop=True)
            await queue.says(name, "Stopped", "Stopped")
        await queue.until("no Workload", lambda: not workloads(queue))
        await queue.is_empty()
        await queue.submit_started("next")


async def test_a_deleted_run_gives_the_quota_back() -> None:
    async with queueing() as queue:
        await queue.submit_started("admitted")
        await queue.submit_queued("queued")
        for name in ("queued", "admitted"):
            await queue.world.remove(name)
        await queue.world.gone("mlrunruns", "jobs", "pods", "workloads", seconds=30)
        await queue.is_empty()


def ignored(queue: Queue, name: str) -> str:
    """The message of the condition SuspendIgnored, empty where it is not there."""
    conditions = queue.world.status(name).get("conditions", ())
    return next((condition["message"] for condition in conditions if condition["type"] == "SuspendIgnored"), "")


def workloads(queue: Queue) -> list[object]:
    return list(queue.world.records.all("workloads", queue.world.namespace))
