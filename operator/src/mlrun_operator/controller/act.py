"""The actions and questions of a plan, carried out against the API server; each answers with a fact."""

import logging
from collections import OrderedDict
from dataclasses import replace
from typing import Any, Final, assert_never

from mlrun_operator.api import bounds, constants
from mlrun_operator.api.objects import Object, annotations_of, has_job_ended, is_controlled_by, key_of
from mlrun_operator.assess.jobs import collects
from mlrun_operator.assess.pods import unstarted
from mlrun_operator.assess.status import parse_status
from mlrun_operator.assess.times import format_time
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import CRON_JOBS, JOBS, PODS, RUNS, SERVICES, Resource
from mlrun_operator.controller import kueue
from mlrun_operator.controller.concurrency import ConcurrencyLimiter
from mlrun_operator.controller.context import ControllerContext
from mlrun_operator.controller.direct_reader import DirectReader
from mlrun_operator.controller.log_format import about
from mlrun_operator.controller.rate_limiter import SharedBucket
from mlrun_operator.plan.context import is_watched, is_workload_active
from mlrun_operator.plan.decision import (
    Adopt,
    Create,
    Delete,
    DeletePod,
    MarkReported,
    PatchLimits,
    ReadDirectly,
    ReadEvents,
    ReadWholeJob,
    ReadWorkload,
    Replace,
    SetActive,
    SetSuspended,
    Step,
)
from mlrun_operator.plan.observation import (
    Denied,
    EventsRead,
    Fact,
    Gone,
    Observation,
    Refusal,
    RunObservation,
    ScheduleObservation,
    Stored,
    WholeJobRead,
)

log = logging.getLogger("mlrun_operator")

_CREATED: Final = {resource.kind: resource for resource in (RUNS, CRON_JOBS, JOBS)}
# The API server reads all events of a namespace to find those of a pod. Runs that hang ask ever more seldom anyway.
_EVENT_READS_PER_SECOND: Final = bounds.EVENT_READS.limit
_EVENT_READS_AT_ONCE: Final = 20
# Of how many runs the Job that was created is remembered until it is recorded, which takes a moment.
_REMEMBERED_JOBS: Final = 10_000

# What a policy may forbid without keeping the status from being told.
_DENIABLE: Final[dict[type, str]] = {
    Delete: "delete what is over",
    DeletePod: "delete a pod that another container keeps",
    MarkReported: "mark a pod as reported",
    SetSuspended: "suspend or resume the Job",
    SetActive: "hold the Job's Workload or let it go",
    PatchLimits: "change the Job's limits",
}
_DENIABLE_OF_SCHEDULES: Final[dict[type, str]] = {
    Delete: "delete an ended run, or the Job of a slot that has had its run",
    SetSuspended: "suspend the CronJob",
    Adopt: "mark a Job that the CronJob created as that of its run",
}


class Actor:
    """Carries out the steps of plans."""

    def __init__(self, context: ControllerContext, limiter: ConcurrencyLimiter) -> None:
        self._context = context
        self._cluster = context.cluster
        self._index = context.index
        self._limiter = limiter
        # The newest Job that was created for a run, by the run's uid: until it is recorded nobody else remembers it.
        self._created_jobs: OrderedDict[str, str] = OrderedDict()
        self._direct_reader = DirectReader(context.cluster, context.index, context.clock)
        self._event_reads = SharedBucket(_EVENT_READS_PER_SECOND, _EVENT_READS_AT_ONCE)

    async def apply(self, step: Step, observation: Observation) -> Fact:
        """Take the step and return what is known by it. Raises ApiError: try again later.

        A run or schedule tells its status although a policy does not let it change or delete an object.
        """
        deniable = _DENIABLE if isinstance(observation, RunObservation) else _DENIABLE_OF_SCHEDULES
        try:
            return await self._take(step, observation)
        except ApiError as error:
            verb = deniable.get(type(step))
            if verb is None or not error.refused:
                raise
            log.warning("%s/%s: may not %s: %s", *key_of(observation.run), verb, error, extra=about(observation.run))
            return Denied(f"the API server does not let the operator {verb}: {error.message}")

    async def _take(self, step: Step, observation: Observation) -> Fact:  # noqa: PLR0911, PLR0912 - one a kind of step
        match step:
            case Create():
                return await self._create(step, observation.run)
            case Replace():
                return await self._replace(step.cron_job, observation.run)
            case Delete():
                return await self._delete(step.obj, observation)
            case DeletePod():
                return await self._delete_pod(step, observation.run)
            case MarkReported():
                return await self._mark_reported(step.pod)
            case Adopt():
                return await self._adopt(step, observation.run)
            case SetSuspended():
                return await self._set_suspended(step, observation)
            case SetActive():
                return await self._set_active(step, observation.run)
            case PatchLimits():
                return await self._patch_limits(step)
            case ReadDirectly():
                return await self._direct_reader.read(observation.run)
            case ReadEvents():
                return EventsRead(await self._events(observation))
            case ReadWholeJob():
                return await self._read_whole_job(step.job)
            case ReadWorkload():
                return await kueue.read_workload(self._cluster, step.job)
        assert_never(step)

    async def _create(self, step: Create, run: Object) -> Fact:
        """Create the object. Of one of its name that exists already it is read what it is; a refusal is remembered."""
        obj, resource = step.obj, _CREATED[step.obj["kind"]]
        if resource is CRON_JOBS and parse_status(run).cron_job_name and not await self._exists(run):
            self._index.drop(RUNS, run)
            return Gone(run["metadata"]["uid"])
        try:
            with self._limiter.reserve(run):
                if step.service is not None:
                    await self._ensure(step.service)
                created = await self._cluster.create(resource, obj)
        except ApiError as error:
            if not error.already_exists:
                return _refusal(error, obj)
            existing = await self._cluster.read(resource, obj["metadata"]["namespace"], obj["metadata"]["name"])
            return await self._watched(resource, existing, run)
        self._index.put(resource, created)
        log.info("%s/%s: created %s %s", *key_of(run), resource.kind, created["metadata"]["name"], extra=about(run))
        for observer in self._context.observers:
            observer.on_created(run, obj, self._context.clock())
        if resource is RUNS:
            self._context.wake(key_of(created))
        if resource is JOBS and not collects(created):
            self._remember(run, created)
        return Stored(resource.kind, created, is_new=True)

    async def _watched(self, resource: Resource, existing: Object, run: Object) -> Fact:
        """Return the object that exists already; the run's own Job gets the label back that somebody took off.

        Without it no watch tells of the Job, and each look would create it anew.
        """
        if resource is not JOBS or is_watched(existing) or not is_controlled_by(existing, run["metadata"]["uid"]):
            return Stored(resource.kind, existing)
        labels = {constants.LABEL_MANAGED_BY: constants.MANAGER}
        return await self._patched(JOBS, existing, {"metadata": {"labels": labels}}, any_state=True)

    async def _exists(self, run: Object) -> bool:
        """Return whether the schedule whose CronJob is gone is still there; else that was collected with it."""
        try:
            current = await self._cluster.read(RUNS, *key_of(run))
        except ApiError as error:
            if not error.not_found:
                raise
            return error.kind != RUNS.plural
        return bool(current["metadata"]["uid"] == run["metadata"]["uid"])

    def has_made_job(self, run: Object) -> bool:
        """Return whether this process has created a Job of the run that is not recorded."""
        job_uid = self._created_jobs.get(run["metadata"]["uid"])
        execution = parse_status(run).execution if job_uid else None
        if job_uid is not None and execution is not None and execution.job_uid == job_uid:
            del self._created_jobs[run["metadata"]["uid"]]
            return False
        return job_uid is not None

    def _remember(self, run: Object, job: Object) -> None:
        self._created_jobs[run["metadata"]["uid"]] = job["metadata"]["uid"]
        while len(self._created_jobs) > _REMEMBERED_JOBS:
            self._created_jobs.popitem(last=False)

    async def _ensure(self, service: Object) -> None:
        """Create a Service, unless there is one."""
        try:
            await self._cluster.create(SERVICES, service)
        except ApiError as error:
            if not error.already_exists:
                raise

    async def _replace(self, cron_job: Object, run: Object) -> Fact:
        """Replace the CronJob. A refusal is remembered; a conflict is raised."""
        try:
            written = await self._cluster.replace(CRON_JOBS, cron_job)
        except ApiError as error:
            return _refusal(error, cron_job)
        self._index.put(CRON_JOBS, written)
        log.info("%s/%s: changed CronJob %s", *key_of(run), written["metadata"]["name"], extra=about(run))
        return Stored(CRON_JOBS.kind, written)

    async def _delete(self, obj: Object, observation: Observation) -> Fact:
        """Delete a Job of the run, a child of it, or the run itself. One that is gone already is as good."""
        run, meta = observation.run, obj["metadata"]
        children = observation.children if isinstance(observation, ScheduleObservation) else ()
        resource = RUNS if any(meta["uid"] == known["metadata"]["uid"] for known in (run, *children)) else JOBS
        await self._is_deleted(resource, obj)
        log.info("%s/%s: deleted %s %s", *key_of(run), resource.kind, meta["name"], extra=about(run))
        self._index.drop(resource, obj)
        if resource is RUNS:
            self._context.wake(key_of(obj))  # its fired Job; a watch that starts now does not tell of it
        return Gone(meta["uid"])

    async def _delete_pod(self, step: DeletePod, run: Object) -> Fact:
        """Delete the pod: it gets its grace period, and goes on being watched. One that is gone is forgotten."""
        name, uid = step.pod["metadata"]["name"], step.pod["metadata"]["uid"]
        if not await self._is_deleted(PODS, step.pod):
            self._index.drop(PODS, step.pod)
            return Gone(uid)
        log.warning("%s/%s: deleted pod %s: %s", *key_of(run), name, step.why, extra=about(run))
        if not step.is_told:
            await self._context.events.record_pod_deletion(run, name, step.why)
        meta = {**step.pod["metadata"], "deletionTimestamp": self._context.clock().strftime("%Y-%m-%dT%H:%M:%SZ")}
        return Stored(PODS.kind, {**step.pod, "metadata": meta})

    async def _is_deleted(self, resource: Resource, obj: Object) -> bool:
        """Delete the object; return whether it was there."""
        try:
            await self._cluster.delete(resource, obj, any_state=resource is PODS)
        except ApiError as error:
            if not error.not_found:
                raise
            return False
        return True

    async def _mark_reported(self, pod: Object) -> Fact:
        condition = {"type": constants.CONDITION_REPORTED, "status": "True", "reason": "WrapperReported"}
        return await self._patched(PODS, pod, {"conditions": [condition]}, status=True)

    async def _adopt(self, step: Adopt, run: Object) -> Fact:
        """Mark the fired Job as that of its run: it is not taken up again, and goes when that run is gone."""
        labels = {
            constants.LABEL_MANAGED_BY: constants.MANAGER,  # else no watch tells of it
            constants.LABEL_RUN_UID: step.child["metadata"]["uid"],
            constants.LABEL_SCHEDULE_UID: run["metadata"]["uid"],
        }
        await self._patched(JOBS, step.job, {"metadata": {"labels": labels}}, any_state=True)
        return Gone(step.job["metadata"]["uid"])

    async def _set_suspended(self, step: SetSuspended, observation: Observation) -> Fact:
        """Suspend a Job, marked as the operator's doing in the same patch, or a CronJob; or let it go on."""
        changes: dict[str, Any] = {"spec": {"suspend": step.suspended}}
        if isinstance(observation, ScheduleObservation):
            return await self._patched(CRON_JOBS, step.obj, changes)
        mark = {
            constants.ANNOTATION_SUSPENDED_BY: "run" if step.suspended else None,
            constants.ANNOTATION_SUSPENDED_AT: format_time(self._context.clock()) if step.suspended else None,
        }
        with self._limiter.reserve(observation.run):
            return await self._patched(JOBS, step.obj, {**changes, "metadata": {"annotations": mark}})

    async def _set_active(self, step: SetActive, run: Object) -> Fact:
        """Set the Job's Workload active or inactive. The Job is marked before that, or unmarked after it.

        So whoever dies in between leaves a mark, by which the rest is done.
        """
        with self._limiter.reserve(run):
            is_active = is_workload_active(step.workload)
            marked = step.job if step.active else await self._mark_held(step.job, is_held=True, again=is_active)
            if marked is None:
                return Gone(step.job["metadata"]["uid"])
            fact = await kueue.set_active(self._cluster, marked, step.workload, is_active=step.active)
            if fact.is_forbidden or not step.active:
                return fact
            unmarked = await self._mark_held(step.job, is_held=False)
            return Gone(step.job["metadata"]["uid"]) if unmarked is None else replace(fact, job=unmarked)

    async def _mark_held(self, job: Object, *, is_held: bool, again: bool = False) -> Object | None:
        """Return the Job with the mark of what the operator holds, or without it; None where it is gone.

        `again` says that somebody else let go what was held: the mark gets the time at which it is held again.
        """
        is_marked = constants.ANNOTATION_SUSPENDED_BY in annotations_of(job)
        if is_held == is_marked and not again:
            return job
        mark = {constants.ANNOTATION_SUSPENDED_BY: "run" if is_held else None}
        if is_marked:
            mark[constants.ANNOTATION_SUSPENDED_AT] = format_time(self._context.clock()) if is_held else None
        fact = await self._patched(JOBS, job, {"metadata": {"annotations": mark}}, any_state=True)
        return fact.obj if isinstance(fact, Stored) else None

    async def _patch_limits(self, step: PatchLimits) -> Fact:
        mark = {constants.ANNOTATION_LIMITS_GENERATION: str(step.generation)}
        return await self._patched(JOBS, step.job, {"spec": step.limits, "metadata": {"annotations": mark}})

    async def _patched(
        self, resource: Resource, obj: Object, changes: Object, *, any_state: bool = False, status: bool = False
    ) -> Fact:
        """Patch the object. One that is gone is forgotten."""
        try:
            if status:
                patched = await self._cluster.patch_status(resource, obj, changes)
            else:
                patched = await self._cluster.patch(resource, obj, changes, any_state=any_state)
        except ApiError as error:
            if not error.not_found:
                raise
            self._index.drop(resource, obj)
            return Gone(obj["metadata"]["uid"])
        self._index.put(resource, patched)
        return Stored(resource.kind, patched)

    async def _events(self, observation: Observation) -> list[Object]:
        """Return Kubernetes' events of the run's unfinished Jobs and pods; none where its namespace asks too often."""
        if not isinstance(observation, RunObservation) or not self._event_reads.try_acquire(key_of(observation.run)[0]):
            return []
        run = observation.run
        pods = sorted(observation.pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
        jobs = (job for job in observation.jobs if not has_job_ended(job))
        uids = [obj["metadata"]["uid"] for obj in (*jobs, *(unstarted(pods)[:1] or pods[-1:]))]
        try:
            return await self._cluster.events_of(run["metadata"]["namespace"], uids)
        except ApiError as error:
            log.warning("%s/%s: cannot read the events of its pod: %s", *key_of(run), error, extra=about(run))
            return []

    async def _read_whole_job(self, job: Object) -> Fact:
        """Read the Job whole: the index keeps only what decisions are made of. One that is gone is forgotten."""
        try:
            whole = await self._cluster.read(JOBS, *key_of(job))
        except ApiError as error:
            if not error.not_found:
                raise
            whole = None
        if whole is None or whole["metadata"]["uid"] != job["metadata"]["uid"]:
            self._index.drop(JOBS, job)
            return Gone(job["metadata"]["uid"])
        return WholeJobRead(whole)


def _refusal(error: ApiError, obj: Object) -> Refusal:
    """Return why the API server refused the object. Raises the error where it is none of that."""
    if error.refused or "failed calling webhook" in error.message:
        return Refusal(413 if error.too_large else error.code, error.message, obj["metadata"]["name"])
    raise error
