"""Reads a run's Jobs and pods from the API server: the watches may be late, or have missed that they are gone."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, has_pod_ended, is_controlled_by, labels_of, status_of
from mlrun_operator.api.ownership import fired_job_uid
from mlrun_operator.api.values.names import cron_job_name, slot_name
from mlrun_operator.assess.status import parse_status
from mlrun_operator.assess.times import parse_time
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.index_entry import recorded_job_uid
from mlrun_operator.cluster.resources import CRON_JOBS, JOBS, PODS
from mlrun_operator.plan.observation import ReadFresh


class DirectReader:
    """Reads what a run has, and brings the index in line with it. Raises ApiError."""

    def __init__(self, cluster: ApiClient, index: Index, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._index = index
        self._clock = clock

    async def read(self, run: Object) -> ReadFresh:
        """Return the run's Jobs and pods as they are now."""
        namespace, uid = run["metadata"]["namespace"], run["metadata"]["uid"]
        known_pods = self._index.pods_of_run(namespace, uid, recorded_job_uid(run))
        jobs = await self._read_jobs(run)
        job_uids = sorted(recorded_jobs(run))
        pods = await self._cluster.read_pods_of_run(namespace, uid, job_uids)
        for resource, objects in ((JOBS, jobs), (PODS, pods)):
            for obj in objects:
                self._index.put(resource, obj, direct=True)
        for pod in _missing_pods(known_pods, pods, uid, job_uids):
            self._index.drop(PODS, pod)
        return ReadFresh(_unique(jobs), _unique(pods), self._clock())

    async def _read_jobs(self, run: Object) -> list[Object]:
        """Return the run's Jobs, listed by their label; those that the listing lacks are read by their names."""
        namespace, uid = run["metadata"]["namespace"], run["metadata"]["uid"]
        recorded = recorded_jobs(run)
        names = {job["metadata"]["uid"]: job["metadata"]["name"] for job in self._index.of_run(JOBS, namespace, uid)}
        jobs = await self._cluster.read_all(JOBS, namespace, f"{constants.LABEL_RUN_UID}={uid}")
        listed = {job["metadata"]["uid"] for job in jobs}
        for job_uid, name in {**names, **recorded}.items():
            job = await self._read_job(namespace, name, job_uid) if name and job_uid not in listed else None
            if job is not None and (job_uid in recorded or is_controlled_by(job, uid)):
                jobs.append(job)
        return [*jobs, *await self._read_newest_fired(run)]

    async def _read_newest_fired(self, run: Object) -> list[Object]:
        """Return the Job that a schedule's CronJob fired last, by the name of its slot: its labels may be gone."""
        namespace, name = run["metadata"]["namespace"], cron_job_name(run["metadata"]["name"], run["metadata"]["uid"])
        cron_job = self._index.get(CRON_JOBS, namespace, name)
        slot = parse_time(status_of(cron_job).get("lastScheduleTime"))
        if cron_job is None or slot is None:
            return []
        try:
            job = await self._cluster.read(JOBS, namespace, slot_name(name, slot))
        except ApiError as error:
            if not error.not_found:
                raise
            return []
        return [job] if is_controlled_by(job, cron_job["metadata"]["uid"]) else []

    async def _read_job(self, namespace: str, name: str, uid: str) -> Object | None:
        """Return the Job of this uid; one that is gone is forgotten."""
        try:
            job = await self._cluster.read(JOBS, namespace, name)
        except ApiError as error:
            if not error.not_found:
                raise
            job = None
        if job is not None and job["metadata"]["uid"] == uid:
            return job
        self._index.drop(JOBS, {"metadata": {"namespace": namespace, "name": name, "uid": uid}})
        return None


def recorded_jobs(run: Object) -> dict[str, str | None]:
    """Return the names of the Jobs that are the run's whatever their labels say, by their uids."""
    status = parse_status(run)
    names = {status.execution.job_uid: status.job_name} if status.execution else {}
    names |= {fired_job_uid(run): run["metadata"]["name"]}
    return {uid: name for uid, name in names.items() if uid is not None}


def _missing_pods(
    known_pods: Iterable[Object], pods: Iterable[Object], run_uid: str, job_uids: Sequence[str]
) -> list[Object]:
    """Return the pods that were known before the listing and are gone; the report of one that has ended is kept."""
    listed = {pod["metadata"]["uid"] for pod in pods}
    missing = (pod for pod in known_pods if pod["metadata"]["uid"] not in listed and not has_pod_ended(pod))
    return [pod for pod in missing if _is_selected(labels_of(pod), run_uid, job_uids)]


def _is_selected(labels: Object, run_uid: str, job_uids: Sequence[str]) -> bool:
    return labels.get(constants.LABEL_RUN_UID) == run_uid or labels.get(constants.LABEL_JOB_UID) in job_uids


def _unique(objects: Iterable[Object]) -> list[Object]:
    return list({obj["metadata"]["uid"]: obj for obj in objects}.values())
