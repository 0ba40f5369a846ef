"""One run, once: observe, plan, act, report. Right to be called at any time and to be broken off at any line."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.api.values.names import cron_job_name
from mlrun_operator.assess.events import transition
from mlrun_operator.assess.jobs import end_of
from mlrun_operator.assess.pods import unstarted
from mlrun_operator.assess.status import recorded, reduced
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.queue_position import function_keys
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS, SERVICES, Resource
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.concurrency import ConcurrencyLimiter
from mlrun_operator.controller.event_recorder import EventRecorder
from mlrun_operator.controller.log_format import about, about_key
from mlrun_operator.controller.observers import NO_OBSERVERS, ReconcileObserver
from mlrun_operator.controller.rate_limiter import TokenBucket
from mlrun_operator.plan import Observation, Plan, Refusal, plan
from mlrun_operator.plan.context import fired_job
from mlrun_operator.plan.function import function_status
from mlrun_operator.plan.schedule import orphaned

Object = dict[str, Any]
log = logging.getLogger("mlrun_operator")

# How many steps a run takes before others have their turn; a schedule may have thousands to make up for.
_STEPS_A_TURN: Final = 64
_MADE: Final = {resource.kind: resource for resource in (RUNS, CRON_JOBS, JOBS)}
# What Kubernetes puts on a Job's pods.
_OF_JOB: Final = "batch.kubernetes.io/controller-uid"
# The API server reads all events of a namespace to find those of a pod. Runs that hang ask ever more seldom anyway.
_EVENTS_A_SECOND: Final = 2.0
_EVENTS_AT_ONCE: Final = 20
# What the API server answers to a status that its schema or its size limit does not take.
_TOO_MUCH: Final = (400, 413, 422)


def utc_now() -> datetime:
    """The time of decisions."""
    return datetime.now(UTC)


class Reconciler:
    """Brings one run after the other in line with its spec."""

    def __init__(  # noqa: PLR0913 - those it works with
        self,
        cluster: ApiClient,
        index: Index,
        platform: Platform,
        *,
        wake: Callable[[RunKey], None] = lambda _: None,
        clock: Callable[[], datetime] = utc_now,
        observers: Sequence[ReconcileObserver] = NO_OBSERVERS,
    ) -> None:
        """`wake` is told whom our own writes concern: the watch shows nothing new of them."""
        self._witnesses = observers
        self._cluster = cluster
        self._index = index
        self._platform = platform
        self._wake = wake
        self._turns = ConcurrencyLimiter(index, platform)
        self._clock = clock
        self._news = EventRecorder(cluster, clock)
        self._events_budget = TokenBucket(_EVENTS_A_SECOND, _EVENTS_AT_ONCE)

    async def reconcile(self, key: RunKey) -> float | None:
        """Do what there is to do; the seconds after which to look again, None to wait for an event.

        Raises ApiError where the server could not be asked or failed: try again later.
        """
        run = self._index.get(RUNS, *key)
        if run is None:
            self._news.forget(key)
            await self._clear(key)
            return None
        await self._news.catch_up(run)
        seen, taken = self._observe(run), set[str]()
        for _ in range(_STEPS_A_TURN):
            seen = replace(seen, ahead=self._turns.runs_ahead(run, seen.function))
            step = plan(seen, self._platform)
            _once(step, taken, key)
            if step.acts:
                done = await self._act(seen, step)
                if done is None:
                    return 0.0
                seen = done
            elif step.status is None:
                waits = (step.requeue.total_seconds() if step.requeue is not None else None, self._news.owed(key))
                return min((wait for wait in waits if wait is not None), default=None)
            elif (written := await self._report(seen.run, step.status)) is not None:
                seen = replace(seen, run=written)
            else:
                return 1.0
        return 0.0

    async def _act(self, seen: Observation, step: Plan) -> Observation | None:  # noqa: PLR0911 - one a kind
        """Take the step; what is known afterwards, None where the rest can wait for its turn."""
        match step:
            case Plan(create=dict(obj)):
                return await self._create(seen, obj, step.before)
            case Plan(replace=dict(cron_job)):
                return await self._replace(seen, cron_job)
            case Plan(delete=dict(obj)):
                return await self._delete(seen, obj)
            case Plan(adopt=(job, child)):
                return await self._adopt(seen, job, child)
            case Plan(suspend=(obj, suspended)):
                return await self._suspend(seen, obj, suspended=suspended)
            case Plan(confirm=True):
                return await self._confirm(seen)
            case Plan(read=dict(job)):
                return await self._read(seen, job)
        return replace(seen, events=await self._events(seen))

    def _observe(self, run: Object) -> Observation:
        namespace, uid = run["metadata"]["namespace"], run["metadata"]["uid"]
        functions = (self._index.get(FUNCTIONS, *key) for key in function_keys(run))
        function = next((found for found in functions if found is not None), None)
        seen = Observation(
            run=run,
            now=self._clock(),
            function=function,
            jobs=self._index.of_run(JOBS, namespace, uid),
            pods=self._index.of_run(PODS, namespace, uid),
        )
        if "schedule" in (run.get("spec") or {}):
            cron_job = self._index.get(CRON_JOBS, namespace, cron_job_name(run["metadata"]["name"], uid))
            return replace(seen, pods=(), cron_job=cron_job, children=self._index.of_schedule(namespace, uid))
        return self._with_schedule(seen) if constants.LABEL_SCHEDULE_UID in _labels(run) else seen

    def _with_schedule(self, seen: Observation) -> Observation:
        """What bears on a run that a schedule made: that schedule, and the Job that the CronJob controller made."""
        meta = seen.run["metadata"]
        owner: Object = next((o for o in meta.get("ownerReferences") or () if o.get("controller")), {})
        schedule = self._index.get(RUNS, meta["namespace"], owner.get("name", ""))
        if schedule is not None and schedule["metadata"]["uid"] != owner.get("uid"):
            schedule = None
        fired = fired_job(seen.run)
        if fired is None:
            return replace(seen, schedule=schedule)
        job = self._index.get(JOBS, meta["namespace"], meta["name"])
        jobs = [job] if job and job["metadata"]["uid"] == fired else []
        others = [other for other in seen.jobs if other["metadata"]["uid"] != fired]
        pods = [*seen.pods, *self._index.of_job(meta["namespace"], fired)]
        return replace(seen, schedule=schedule, jobs=[*jobs, *others], pods=pods)

    async def _create(self, seen: Observation, obj: Object, before: Object | None) -> Observation | None:
        """Make the Job, CronJob or run; Jobs of others come before the status that tells of it.

        One of its name that exists is looked at, a refusal is remembered.
        """
        resource = _MADE[obj["kind"]]
        try:
            with self._turns.reserve(seen.run):
                if before is not None:
                    await self._have(before)
                made = await self._cluster.create(resource, obj)
        except ApiError as error:
            if error.refused or "failed calling webhook" in error.message:
                return replace(seen, refusal=Refusal(error.code, error.message))
            if not error.already_exists:
                raise
            made = await self._cluster.read(resource, obj["metadata"]["namespace"], obj["metadata"]["name"])
            return _with(seen, resource, made)
        self._index.put(resource, made)
        where, kind, name = made["metadata"]["namespace"], resource.kind, made["metadata"]["name"]
        log.info("%s/%s: created %s %s", where, _name(seen.run), kind, name, extra=about(seen.run))
        for observer in self._witnesses:
            observer.made(seen.run, obj, self._clock())
        if resource is RUNS:
            self._wake((where, name))
        return None if resource is JOBS else _with(seen, resource, made)

    async def _replace(self, seen: Observation, cron_job: Object) -> Observation:
        """Write the CronJob anew. A refusal is remembered, a conflict raised."""
        try:
            written = await self._cluster.replace(CRON_JOBS, cron_job)
        except ApiError as error:
            if error.refused or "failed calling webhook" in error.message:
                return replace(seen, refusal=Refusal(error.code, error.message))
            raise
        self._index.put(CRON_JOBS, written)
        log.info("%s/%s: changed CronJob %s", *_place(seen.run), written["metadata"]["name"], extra=about(seen.run))
        return _with(seen, CRON_JOBS, written)

    async def _adopt(self, seen: Observation, job: Object, child: Object) -> Observation:
        """Mark the fired Job as that of the run: it is not taken up again, and goes when that run is gone."""
        marks = {
            constants.LABEL_RUN_UID: child["metadata"]["uid"],
            constants.LABEL_SCHEDULE_UID: seen.run["metadata"]["uid"],
        }
        try:
            changes = {"metadata": {"labels": marks}}
            self._index.put(JOBS, await self._cluster.patch(JOBS, job, changes, any_state=True))
        except ApiError as error:
            if not error.not_found:
                raise
            self._index.drop(JOBS, job)
        return replace(seen, jobs=_without(seen.jobs, job))

    async def _clear(self, key: RunKey) -> None:
        """Delete a fired Job whose run is gone; that it is gone is asked directly."""
        job = self._index.get(JOBS, *key)
        if job is None or not orphaned(job) or job["metadata"].get("deletionTimestamp"):
            return
        try:
            await self._cluster.read(RUNS, *key)
        except ApiError as error:
            if not error.not_found:
                raise
            await self._cluster.delete(JOBS, job)
            log.info("%s/%s: deleted Job %s with its run", *key, key[1], extra=about_key(RUNS.kind, key))

    async def _have(self, service: Object) -> None:
        """Make a Service, unless there is one."""
        try:
            await self._cluster.create(SERVICES, service)
        except ApiError as error:
            if not error.already_exists:
                raise

    async def _delete(self, seen: Observation, obj: Object) -> Observation:
        """Delete a Job of the run, or the run itself. One that is gone already is as good."""
        meta = obj["metadata"]
        runs = (seen.run, *seen.children)
        resource = RUNS if any(meta["uid"] == run["metadata"]["uid"] for run in runs) else JOBS
        try:
            await self._cluster.delete(resource, obj)
        except ApiError as error:
            if not error.not_found:
                raise
        log.info("%s/%s: deleted %s %s", *_place(seen.run), resource.kind, meta["name"], extra=about(seen.run))
        self._index.drop(resource, obj)
        if resource is RUNS:
            self._wake((meta["namespace"], meta["name"]))  # its fired Job; a watch that starts now does not tell of it
        if meta["uid"] == seen.run["metadata"]["uid"]:
            dying = {**seen.run, "metadata": {**seen.run["metadata"], "deletionTimestamp": "now"}}
            return replace(seen, run=dying)
        return replace(seen, jobs=_without(seen.jobs, obj), children=_without(seen.children, obj))

    async def _suspend(self, seen: Observation, obj: Object, *, suspended: bool) -> Observation:
        resource = CRON_JOBS if obj is seen.cron_job else JOBS
        patched = await self._cluster.patch(resource, obj, {"spec": {"suspend": suspended}})
        self._index.put(resource, patched)
        return _with(seen, resource, patched)

    async def _events(self, seen: Observation) -> list[Object]:
        """Kubernetes' events of the run's unfinished Jobs and their pods; none where too many runs ask for them."""
        if not self._events_budget.spend():
            return []
        pods = sorted(seen.pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
        objects = [*(job for job in seen.jobs if end_of(job) is None), *(unstarted(pods)[:1] or pods[-1:])]
        try:
            return await self._cluster.events_of(
                seen.run["metadata"]["namespace"], (obj["metadata"]["uid"] for obj in objects)
            )
        except ApiError as error:
            log.warning("%s/%s: its pod's events cannot be read: %s", *_place(seen.run), error, extra=about(seen.run))
            return []

    async def _confirm(self, seen: Observation) -> Observation:
        """Read Job and pods directly: the watches may be late, or have missed that they are gone."""
        namespace, uid = seen.run["metadata"]["namespace"], seen.run["metadata"]["uid"]
        selector = f"{constants.LABEL_RUN_UID}={uid}"
        jobs = await self._cluster.read_all(JOBS, namespace, selector)
        pods = await self._cluster.read_all(PODS, namespace, selector)
        if (fired := fired_job(seen.run)) is not None:
            jobs += [job for job in await self._read_fired(seen.run) if job["metadata"]["uid"] == fired]
            pods += await self._cluster.read_all(PODS, namespace, f"{_OF_JOB}={fired}")
        for resource, found in ((JOBS, jobs), (PODS, pods)):
            for obj in found:
                self._index.put(resource, obj, direct=True)
        return replace(seen, jobs=jobs, pods=pods, confirmed=True, now=self._clock())

    async def _read(self, seen: Observation, job: Object) -> Observation:
        """The Job whole: the index keeps only what decisions are made of. One that is gone leaves the observation."""
        try:
            found = await self._cluster.read(JOBS, job["metadata"]["namespace"], job["metadata"]["name"])
        except ApiError as error:
            if not error.not_found:
                raise
            found = None
        if found is None or found["metadata"]["uid"] != job["metadata"]["uid"]:
            self._index.drop(JOBS, job)
            return replace(seen, jobs=_without(seen.jobs, job))
        return replace(seen, whole=found)

    async def _read_fired(self, run: Object) -> list[Object]:
        try:
            return [await self._cluster.read(JOBS, *_place(run))]
        except ApiError as error:
            if not error.not_found:
                raise
            return []

    async def _report(self, run: Object, status: RunStatus) -> Object | None:
        """Write the status and post its news; the run as it is now. None where it has changed meanwhile or is gone."""
        try:
            written = await self._write(run, status)
        except ApiError as error:
            if error.conflict or error.not_found:
                return None
            raise
        self._index.put(RUNS, written)
        before = recorded(run)
        for observer in self._witnesses:
            observer.reported(run, before, status, self._clock())
        if (schedule := _schedule_of(run)) and status.phase != before.phase:
            self._wake((run["metadata"]["namespace"], schedule))
        news = transition(before, status)
        if news is not None:
            log.info("%s/%s: %s %s", *_place(run), news.reason, news.message, extra=about(run, status))
            await self._news.tell(run, status)
        return written

    async def _write(self, run: Object, status: RunStatus) -> Object:
        """The status, and without its details where the API server does not take them: an end must be recorded."""
        try:
            return await self._cluster.replace_status(RUNS, run, status.wire())
        except ApiError as error:
            if error.code not in _TOO_MUCH:
                raise
            log.warning(
                "%s/%s: the status is written without details: %s", *_place(run), error, extra=about(run, status)
            )
            return await self._cluster.replace_status(RUNS, run, reduced(status, error.message[:200]).wire())


class FunctionReconciler:
    """Says of each function whether its runs can start."""

    def __init__(self, cluster: ApiClient, index: Index, clock: Callable[[], datetime] = utc_now) -> None:
        self._cluster = cluster
        self._index = index
        self._clock = clock

    async def reconcile(self, key: RunKey) -> float | None:
        """Write the function's status where it says something new. Raises ApiError."""
        function = self._index.get(FUNCTIONS, *key)
        if function is None or function["metadata"].get("deletionTimestamp"):
            return None
        status = function_status(function, self._clock())
        if status is not None:
            try:
                written = await self._cluster.replace_status(FUNCTIONS, function, status.wire())
            except ApiError as error:
                if error.conflict or error.not_found:
                    return None if error.not_found else 1.0
                raise
            self._index.put(FUNCTIONS, written)
        return None


def _once(step: Plan, taken: set[str], key: RunKey) -> None:
    """Remember the step. Raises RuntimeError where it was taken before in this turn: that would go on for ever."""
    if (mark := _mark(step)) in taken:
        raise RuntimeError(f"the plan of {'/'.join(key)} does not come to an end: {mark[:200]}, again")
    taken.add(mark)


def _mark(step: Plan) -> str:
    """Which step it is."""
    match step:
        case Plan(create=dict(obj)):
            return f"create {obj['kind']} {obj['metadata']['name']}"
        case Plan(adopt=(job, _)):
            return f"adopt {job['metadata']['uid']}"
        case Plan(suspend=(obj, suspended)):
            return f"suspend {obj['metadata']['uid']} {suspended}"
        case Plan(status=RunStatus() as status):
            return status.model_dump_json()
    for what, known in (("replace", step.replace), ("delete", step.delete), ("read", step.read)):
        if known is not None:
            return f"{what} {known['metadata']['uid']}"
    return f"confirm {step.confirm}, ask for events {step.ask_events}"


def _with(seen: Observation, resource: Resource, obj: Object) -> Observation:
    """What is known with this object in its present state."""
    if resource is CRON_JOBS:
        return replace(seen, cron_job=obj)
    if resource is RUNS:
        return replace(seen, children=[*_without(seen.children, obj), obj])
    return replace(seen, jobs=[*_without(seen.jobs, obj), obj])


def _without(objects: Sequence[Object], obj: Object) -> list[Object]:
    return [other for other in objects if other["metadata"]["uid"] != obj["metadata"]["uid"]]


def _schedule_of(run: Object) -> str | None:
    """The name of the schedule that made the run."""
    owners = run["metadata"].get("ownerReferences") or () if constants.LABEL_SCHEDULE_UID in _labels(run) else ()
    return next((str(owner["name"]) for owner in owners if owner.get("controller")), None)


def _labels(run: Object) -> Object:
    return run["metadata"].get("labels") or {}


def _place(run: Object) -> tuple[str, str]:
    return run["metadata"]["namespace"], run["metadata"]["name"]


def _name(run: Object) -> str:
    return str(run["metadata"]["name"])
