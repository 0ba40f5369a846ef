"""Kueue: keeps Jobs of a queue suspended until they are admitted, and takes their quota away again.

Each Job has a Workload, which says whether it may be admitted (`spec.active`) and whether it is.
"""

from datetime import datetime, timedelta
from typing import Final

from support.simulator.api_server import ApiServer
from support.simulator.objects import (
    Object,
    condition,
    controller_of,
    has_condition,
    is_deleting,
    is_job_finished,
    is_terminal,
    key_of,
    moment_of,
    uid_of,
)

GROUP: Final = "kueue.x-k8s.io"
QUEUE: Final = f"{GROUP}/queue-name"
_CONTROLLER_UID: Final = "batch.kubernetes.io/controller-uid"
# What an admission sets in the pod template, and an eviction takes back.
_FLAVOR: Final = {"example.org/flavor": "spot"}
# A workload that was preempted is not admitted again before this.
_REQUEUE: Final = timedelta(seconds=20)


class Kueue:
    """Kueue's controllers. Nothing happens before it is installed."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._clock = server.clock
        self.is_installed = False
        # How many Jobs may be admitted at once.
        self.quota = 1
        # `manageJobsWithoutQueueName`: Jobs without the label are suspended, and never admitted.
        self.manages_all = False

    def sync_all(self) -> None:
        """Look at every Job once, oldest first."""
        if not self.is_installed:
            return
        for job in self._server.all("jobs"):
            fresh = self._server.by_uid("jobs", uid_of(job))
            if fresh is not None and (self._queue_of(fresh) or self.manages_all):
                self._sync(fresh)

    def preempt(self, workload: Object) -> None:
        """Take back an admission."""
        if has_condition(workload, "Admitted"):
            self._evict(workload, "Preempted")

    def _sync(self, job: Object) -> None:
        workload = self._workload_of(job)
        if is_job_finished(job):
            if workload is not None and not has_condition(workload, "Finished"):
                self._tell(workload, Finished=("True", "JobFinished"), Admitted=("False", "JobFinished"))
            return
        if is_deleting(job):
            return
        if workload is None:
            workload = self._create(job)
        is_active = workload["spec"].get("active", True)
        if has_condition(workload, "Admitted") and not is_active:
            workload = self._evict(workload, "Deactivated")
        if has_condition(workload, "Admitted"):
            self._start(job)
        elif not job["spec"]["suspend"]:
            self._suspend(job)
        elif is_active and self._can_admit(job, workload):
            self._tell(workload, Admitted=("True", "Admitted"), Evicted=("False", "Admitted"))
            self._start(job)

    def _can_admit(self, job: Object, workload: Object) -> bool:
        admitted = sum(has_condition(other, "Admitted") for other in self._server.all("workloads"))
        if not self._queue_of(job) or admitted >= self.quota or self._has_pods(job):
            return False
        evicted = next(
            (c for c in (workload.get("status") or {}).get("conditions", ()) if c["type"] == "Evicted"), None
        )
        return evicted is None or self._waited(evicted) >= _REQUEUE

    def _waited(self, evicted: Object) -> timedelta:
        since: datetime = moment_of(evicted["lastTransitionTime"])
        return self._clock.now - since

    def _start(self, job: Object) -> None:
        if not job["spec"]["suspend"]:
            return
        if "startTime" in job["status"]:  # else the template could not be changed
            self._reset(job)
        selector = {**(job["spec"]["template"]["spec"].get("nodeSelector") or {}), **_FLAVOR}
        self._patch(job, {"suspend": False, "template": {"spec": {"nodeSelector": selector}}})

    def _suspend(self, job: Object) -> None:
        self._patch(job, {"suspend": True})
        self._reset(job)
        self._patch(job, {"template": {"spec": {"nodeSelector": dict.fromkeys(_FLAVOR)}}})

    def _evict(self, workload: Object, reason: str) -> Object:
        evicted = self._tell(workload, Admitted=("False", reason), Evicted=("True", reason))
        self._clock.after(_REQUEUE.total_seconds(), lambda: None)
        job = self._server.by_uid("jobs", controller_of(workload).get("uid", ""))
        if job is not None and not is_job_finished(job) and not is_deleting(job):
            self._suspend(job)
        return evicted

    def _reset(self, job: Object) -> None:
        fresh = self._server.by_uid("jobs", uid_of(job))
        if fresh is not None and "startTime" in fresh["status"]:
            status = {name: value for name, value in fresh["status"].items() if name != "startTime"}
            self._server.update_status("jobs", fresh, status)

    def _create(self, job: Object) -> Object:
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "uid": uid_of(job)}
        about = {
            "name": f"job-{job['metadata']['name']}-{uid_of(job)[-5:]}",
            "namespace": job["metadata"]["namespace"],
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            "labels": {"kueue.x-k8s.io/job-uid": uid_of(job)},
        }
        spec = {"queueName": self._queue_of(job) or "", "active": True}
        return self._server.create("workloads", {"metadata": about, "spec": spec, "status": {}})

    def _tell(self, workload: Object, **conditions: tuple[str, str]) -> Object:
        kept = [c for c in (workload.get("status") or {}).get("conditions", ()) if c["type"] not in conditions]
        told = [condition(kind, value, self._clock.now, reason) for kind, (value, reason) in conditions.items()]
        fresh = self._server.require("workloads", *key_of(workload))
        return self._server.update_status("workloads", fresh, {"conditions": [*kept, *told]})

    def _patch(self, job: Object, spec: Object) -> None:
        self._server.patch("jobs", *key_of(job), {"spec": spec})

    def _workload_of(self, job: Object) -> Object | None:
        owned = (w for w in self._server.all("workloads") if controller_of(w).get("uid") == uid_of(job))
        return next(owned, None)

    def _has_pods(self, job: Object) -> bool:
        pods = (pod for pod in self._server.all("pods") if not is_terminal(pod))
        return any(pod["metadata"]["labels"].get(_CONTROLLER_UID) == uid_of(job) for pod in pods)

    def _queue_of(self, job: Object) -> str | None:
        queue: str | None = (job["metadata"].get("labels") or {}).get(QUEUE)
        return queue
