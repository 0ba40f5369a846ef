"""A queue of a real Kueue in a namespace of its own, and pods whose kubelet the test plays: no node takes them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from support.api import RECORDED, Answer
from support.kube import Object, function, run
from support.kubelet import NOWHERE
from support.lab import World, laboratory

from kueue.daemon import NAMESPACE_LABEL
from mlrun_operator.api.contract.result import Result, encode
from mlrun_operator.api.reasons import Reason

KUEUE: Final = "/apis/kueue.x-k8s.io/v1beta2"
QUEUE_LABEL: Final = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL: Final = "kueue.x-k8s.io/priority-class"
QUEUE: Final = "team"
_SUCCEEDED: Final = encode(Result(reason=Reason.SUCCEEDED), 4096)
# Keeps a deleted pod until its end is reported, as a kubelet does.
_FINALIZER: Final = "queueing.example/kubelet"


class Queue:
    """The queue `team` with one CPU, where a higher priority preempts a lower one. Each run asks for one CPU."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.high, self.low = f"high-{world.namespace}", f"low-{world.namespace}"
        self._name = world.namespace

    async def make(self, *names: str) -> None:
        """Make the queue, others of these names for the same CPU, and two priority classes."""
        quota = {"name": "cpu", "nominalQuota": "1"}
        flavors = [{"name": self._name, "resources": [quota]}]
        spec: Object = {
            "namespaceSelector": {},
            "resourceGroups": [{"coveredResources": ["cpu"], "flavors": flavors}],
            "preemption": {"withinClusterQueue": "LowerPriority"},
        }
        await self._create("resourceflavors", "ResourceFlavor", spec={})
        await self._create("clusterqueues", "ClusterQueue", spec=spec)
        for name, value in ((self.high, 1000), (self.low, 10)):
            await self._create("workloadpriorityclasses", "WorkloadPriorityClass", name, value=value)
        for name in (QUEUE, *names):
            queue = {"metadata": {"name": name}, "spec": {"clusterQueue": self._name}}
            await self.world.api.create("localqueues", self.world.namespace, _kueue("LocalQueue", queue))

    async def remove(self) -> None:
        """Delete what belongs to no namespace; Kueue holds it until the queue is empty."""
        for plural in ("clusterqueues", "resourceflavors"):
            await self._delete(plural, self._name)
        for name in (self.high, self.low):
            await self._delete("workloadpriorityclasses", name)

    async def submit(self, name: str, priority: str = "", queue: str = QUEUE, **more: Any) -> None:
        """Create a run in the queue; `more` are fields of its spec, and more labels and annotations."""
        labels = {QUEUE_LABEL: queue} if queue else {}
        labels |= {PRIORITY_LABEL: priority} if priority else {}
        meta = {"labels": labels | more.pop("labels", {}), "annotations": more.pop("annotations", {})}
        resources = {"requests": {"cpu": "1"}}
        manifest = run(name, nodeSelector=NOWHERE, resources=resources, **more)
        manifest["metadata"] |= meta
        await self.world.apply(manifest)

    def job(self, name: str) -> Object | None:
        """Return the run's Job."""
        jobs = (job for job in self.world.records.all("jobs", self.world.namespace) if _owner(job) == name)
        return next(jobs, None)

    def workload(self, name: str) -> Object | None:
        """Return the Workload of the run's Job."""
        job, workloads = self.job(name), self.world.records.all("workloads", self.world.namespace)
        return next((w for w in workloads if job and _owner(w) == job["metadata"]["name"]), None)

    def pods(self, name: str) -> list[Object]:
        """Return the pods of the run's Job."""
        job, pods = self.job(name), self.world.records.all("pods", self.world.namespace)
        return [pod for pod in pods if job and _owner(pod) == job["metadata"]["name"]]

    def is_suspended(self, name: str) -> bool:
        job = self.job(name)
        return bool(job and job["spec"].get("suspend"))

    def is_active(self, name: str) -> bool:
        """Return whether Kueue may admit the run."""
        workload = self.workload(name)
        assert workload is not None
        return bool(workload["spec"].get("active", True))

    async def says(self, name: str, phase: str, reason: str) -> Object:
        """Wait for the run's phase and reason; its status."""
        wanted = phase, reason

        def status() -> Object | None:
            status = self.world.status(name)
            return status if (status.get("phase"), status.get("reason")) == wanted else None

        try:
            return dict(await self.world.records.until(f"{name} {phase}/{reason}", status, 30))
        except AssertionError as error:
            raise AssertionError(f"{error}; its status: {self.world.status(name)}") from None

    async def until(self, what: str, condition: Any) -> Any:
        return await self.world.records.until(what, condition, 30)

    async def waits(self, name: str) -> None:
        """Wait until Kueue has the run in its queue and its Job is suspended."""
        await self.until(f"{name} is in Kueue's queue", lambda: self.workload(name) and self.is_suspended(name))
        await self.says(name, "Pending", "Queued")

    async def submit_started(self, name: str, priority: str = "", **more: Any) -> None:
        """Create a run in the queue, and let its pod start."""
        await self.submit(name, priority, **more)
        await self.pod_starts(name)

    async def submit_queued(self, name: str, priority: str = "", **more: Any) -> None:
        """Create a run that has to wait in the queue."""
        await self.submit(name, priority, **more)
        await self.waits(name)

    async def hold(self, name: str) -> None:
        """Suspend a run by its spec, and wait until it says so."""
        await self.world.edit(name, suspend=True)
        await self.says(name, "Suspended", "Suspended")

    async def pod_starts(self, name: str, *, is_held: bool = False) -> Object:
        """Let the run's newest pod start, once Kueue has admitted it. With `is_held` it stays until `pod_is_killed`."""
        pod = await self.until(f"a pod of {name}", lambda: next(iter(self._living(name)), None))
        if is_held:
            await self._merge(pod, {"metadata": {"finalizers": [*pod["metadata"]["finalizers"], _FINALIZER]}})
        await self._merge(pod, {"status": _status(pod, "Running", {"running": {"startedAt": _now()}})}, "/status")
        await self.says(name, "Running", "Running")
        return dict(pod)

    async def pod_ends(self, name: str) -> Object:
        """Let the run's pod report success; the status of the run that has succeeded."""
        (pod,) = self._living(name)
        ended = {"exitCode": 0, "startedAt": _now(), "finishedAt": _now(), "message": _SUCCEEDED}
        await self._merge(pod, {"status": _status(pod, "Succeeded", {"terminated": ended})}, "/status")
        return await self.says(name, "Succeeded", "Succeeded")

    async def pod_is_killed(self, pod: Object) -> None:
        """Let a held pod that was deleted end as a kubelet tells it of one that it had to kill."""
        name = pod["metadata"]["name"]

        def is_told_to_end() -> bool:
            seen = self.world.records.get("pods", self.world.namespace, name)
            return seen is not None and "deletionTimestamp" in seen["metadata"]

        await self.until(f"{name} is told to end", is_told_to_end)
        ended = {"exitCode": 137, "startedAt": _now(), "finishedAt": _now(), "reason": "Error"}
        await self._merge(pod, {"status": _status(pod, "Failed", {"terminated": ended})}, "/status")
        held = (await self.world.api.get("pods", self.world.namespace, name))["metadata"].get("finalizers", [])
        with suppress(Answer):
            await self._merge(pod, {"metadata": {"finalizers": [other for other in held if other != _FINALIZER]}})

    async def is_empty(self) -> None:
        """Wait until Kueue says that the queue has given no CPU away."""
        async with asyncio.timeout(30):
            while True:
                if await self._reserved() == "0":
                    return
                await asyncio.sleep(0.1)

    async def _reserved(self) -> str:
        queue = await self.world.api.request("GET", f"{KUEUE}/clusterqueues/{self._name}")
        (flavor,) = queue["status"]["flavorsReservation"]
        return str(flavor["resources"][0]["total"])

    def _living(self, name: str) -> list[Object]:
        pods = (pod for pod in self.pods(name) if "deletionTimestamp" not in pod["metadata"])
        return [pod for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]

    async def _merge(self, pod: Object, changes: Object, sub: str = "") -> None:
        await self.world.api.merge("pods", self.world.namespace, pod["metadata"]["name"], changes, sub)

    async def _create(self, plural: str, kind: str, name: str = "", **content: Any) -> None:
        obj = _kueue(kind, {"metadata": {"name": name or self._name}, **content})
        await self.world.api.request("POST", f"{KUEUE}/{plural}", obj)

    async def _delete(self, plural: str, name: str) -> None:
        await self.world.api.request("DELETE", f"{KUEUE}/{plural}/{name}")


@asynccontextmanager
async def queueing(*queues: str, kueue: bool = True) -> AsyncIterator[Queue]:
    """A namespace with these queues besides `team`, and an operator with the chart's rights, Kueue's as asked for."""
    settings, labels = f"kueue.enabled={str(kueue).lower()}", {NAMESPACE_LABEL: "true"}
    async with (
        laboratory((*RECORDED, "workloads")) as lab,
        lab.world(settings, labels=labels) as world,
    ):
        queue = Queue(world)
        await queue.make(*queues)
        try:
            await world.apply(function("fn"))
            await world.start()
            yield queue
            assert [line for line in world.requests() if line[-1] == "403"] == [] or not kueue, (
                "under the shipped rights"
            )
        finally:
            await queue.remove()


def _kueue(kind: str, obj: Object) -> Object:
    return {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, **obj}


def _owner(obj: Object) -> str | None:
    owners = obj["metadata"].get("ownerReferences", ())
    return next((owner["name"] for owner in owners if owner.get("controller")), None)


def _status(pod: Object, phase: str, state: Object) -> Object:
    names = [container["name"] for container in pod["spec"]["containers"]]
    fields = {"ready": phase == "Running", "restartCount": 0, "image": "", "imageID": ""}
    states = [{"name": name, "state": state, **fields} for name in names]
    return {"phase": phase, "startTime": _now(), "containerStatuses": states}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
