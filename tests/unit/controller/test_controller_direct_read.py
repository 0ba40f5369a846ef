"""What a direct reading finds of a run, whatever its watches and labels say."""

from typing import Any

from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import JOBS, PODS, RUNS, Resource
from mlrun_operator.controller.direct_reader import DirectReader
from mlrun_operator.controller.reconcile import Reconciler

Object = dict[str, Any]


class Reading:
    """A cluster whose Jobs lost the labels that they are listed by."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self.requests: list[str] = []

    async def read_all(self, resource: Resource, namespace: str, selector: str) -> list[Object]:
        self.requests.append(f"list {resource.plural}")
        return []

    async def read(self, resource: Resource, namespace: str, name: str) -> Object:
        self.requests.append(f"read {resource.plural}")
        for job in self._world.jobs:
            if job["metadata"]["name"] == name:
                return dict(job)
        raise ApiError(404, "NotFound", name)

    async def read_pods_of_run(self, namespace: str, run_uid: str, job_uids: list[str]) -> list[Object]:
        self.requests.append("list pods")
        return []

    async def replace_status(self, resource: Resource, run: Object, status: Object) -> Object:
        run["metadata"]["resourceVersion"] = str(int(run["metadata"]["resourceVersion"]) + 1)
        return {**run, "status": status}

    async def our_events(self, namespace: str) -> set[str]:
        return set()

    async def post_event(self, event: Object) -> bool:
        return bool(event)


async def ends_without_labels(world: Any) -> tuple[Reading, Index]:
    """The Job has ended without a pod, and somebody took its labels off."""
    world.settle()
    world.pod_runs()
    world.settle()
    world.job_ends(succeeded=True)
    world.later(60)
    world.jobs[-1]["metadata"] |= {"labels": {}, "resourceVersion": "50"}
    world.pods.clear()
    cluster, index = Reading(world), Index()
    index.put(RUNS, world.run)
    for job in world.jobs:
        index.put(JOBS, job)
    reconciler = Reconciler(cluster, index, world.platform, clock=lambda: world.now)  # type: ignore[arg-type]
    await reconciler.reconcile(("team", world.run["metadata"]["name"]))
    return cluster, index


async def test_a_job_without_its_labels_is_not_gone(world: Any) -> None:
    """The direct reading lists by label: a Job that is Complete ended its run as Failed/JobDeleted (A3)."""
    cluster, index = await ends_without_labels(world)
    status = index.get(RUNS, "team", world.run["metadata"]["name"])["status"]  # type: ignore[index]
    assert (status["phase"], status["reason"]) == ("Succeeded", "Succeeded")
    assert cluster.requests == ["list jobs", "read jobs", "list pods"]
    assert index.sizes()[PODS.plural] == 0


async def test_what_a_direct_reading_lacks_leaves_the_index(world: Any) -> None:
    """It stayed until the next listing of all, up to ten minutes, and held the run's place meanwhile."""
    world.settle()
    world.pod_runs()
    world.settle()
    index, cluster = Index(), Reading(world)
    world.pods[0]["metadata"]["labels"] = {"mlrun-operator.dev/run-uid": world.run["metadata"]["uid"]}
    for resource, objects in ((JOBS, world.jobs), (PODS, world.pods)):
        for obj in objects:
            index.put(resource, obj)
    world.jobs.clear()
    await DirectReader(cluster, index, lambda: world.now).read(world.run)  # type: ignore[arg-type]
    assert (index.sizes()[JOBS.plural], index.sizes()[PODS.plural]) == (0, 0)


async def test_a_pod_that_has_ended_is_kept_for_its_report(world: Any) -> None:
    world.settle()
    world.succeed()
    index, cluster = Index(), Reading(world)
    for pod in world.pods:
        pod["metadata"]["labels"] = {"mlrun-operator.dev/run-uid": world.run["metadata"]["uid"]}
        index.put(PODS, pod)
    await DirectReader(cluster, index, lambda: world.now).read(world.run)  # type: ignore[arg-type]
    assert index.sizes()[PODS.plural] == len(world.pods) > 0
