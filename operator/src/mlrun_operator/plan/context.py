"""What is decided about and what is decided: an observation of one moment, and the next step."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic.alias_generators import to_snake

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.v1alpha1.status import Execution, RunStatus
from mlrun_operator.assess.jobs import collects, controlled_by, execution_of
from mlrun_operator.assess.status import Frame, recorded
from mlrun_operator.render.execution import execution_hash

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the API server did not take our Job: its HTTP code and words."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """How many runs have a Job, or have waited longer for one: of the same function, and in the same namespace."""

    function: int = 0
    namespace: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """One run and all that bears on it, at one moment.

    `jobs` and `pods` are those that carry the run's uid, and a stranger of the name that the next Job needs.
    `confirmed` says that Job and pods were read directly just now, because the watches had not shown them. `events` are
    Kubernetes' own of the run's Job and pods, None where they were not asked for. `ahead` counts only where a limit is
    set. `whole` is a Job with its pods' template, where it was asked for. Of a schedule `cron_job` is the object of its
    CronJob's name, ours or not, `jobs` are also those that fired and became no run yet, `children` the runs that it
    made. Of a run that a schedule made, `schedule` is that schedule.
    """

    run: Object
    now: datetime
    function: Object | None = None
    jobs: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    refusal: Refusal | None = None
    confirmed: bool = False
    events: Sequence[Object] | None = None
    ahead: Ahead = Ahead()
    whole: Object | None = None
    cron_job: Object | None = None
    children: Sequence[Object] = ()
    schedule: Object | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The next step: at most one action, else the status.

    `create` an object, and `before` it what a Job's pods need (one of that name that exists is as good), `replace` a
    CronJob, `delete` an object of ours, `adopt` a fired Job for the run of its name, `suspend` a Job (True) or let it
    go on (False), `confirm` by direct reading, `ask_events`, `read` a Job whole. `status` is None where it says it all;
    `requeue` is when to look again.
    """

    create: Object | None = None
    before: Object | None = None
    replace: Object | None = None
    delete: Object | None = None
    adopt: tuple[Object, Object] | None = None
    suspend: tuple[Object, bool] | None = None
    confirm: bool = False
    ask_events: bool = False
    read: Object | None = None
    status: RunStatus | None = None
    requeue: timedelta | None = None

    @property
    def acts(self) -> bool:
        """Whether there is something to do before the status."""
        steps = (self.create, self.replace, self.delete, self.adopt, self.suspend, self.confirm, self.ask_events)
        return any(bool(step) for step in (*steps, self.read))


@dataclass(frozen=True)
class Case:
    """An observation, read once."""

    seen: Observation
    platform: Platform
    frame: Frame = field(init=False)
    latest: Execution | None = field(init=False)

    def __post_init__(self) -> None:
        frame = Frame(self.meta.get("generation", 1), recorded(self.seen.run), self.seen.now)
        object.__setattr__(self, "frame", frame)
        object.__setattr__(self, "latest", self._latest())

    @property
    def meta(self) -> Object:
        """The run's metadata."""
        meta: Object = self.seen.run["metadata"]
        return meta

    @property
    def spec(self) -> Object:
        """The run's spec as it was written, valid or not."""
        spec: Object = self.seen.run["spec"]
        return spec

    @property
    def before(self) -> RunStatus:
        """The status as it is recorded."""
        return self.frame.before

    @property
    def finished(self) -> bool:
        """Whether the latest execution is recorded as ended."""
        written = self.before.execution
        return bool(
            self.latest
            and written
            and written.number == self.latest.number
            and self.before.phase
            and self.before.phase.finished
        )

    @property
    def fired_job(self) -> str | None:
        """The uid of the Job that the CronJob controller made for this run; None for any other run."""
        return fired_job(self.seen.run)

    def our_jobs(self) -> list[tuple[Execution, Object]]:
        """The Jobs that the run controls or that were made for it, with their executions."""
        uid, fired = self.meta["uid"], self.fired_job
        ours = [
            job for job in self.seen.jobs if controlled_by(job, uid) or (fired and job["metadata"].get("uid") == fired)
        ]
        return [(execution, job) for job in ours if (execution := execution_of(job))]

    @property
    def stopping(self) -> bool:
        """Whether the run is to stop, by its own spec or by its schedule's."""
        schedule: Object = self.seen.schedule or {}
        return bool(self.spec.get("stop") or (schedule.get("spec") or {}).get("stop"))

    def job_of(self, number: int) -> Object | None:
        """Our Job of that execution: of a sweep that fans out the one of its points."""
        jobs = (job for execution, job in self.our_jobs() if execution.number == number)
        return next((job for job in jobs if not collects(job)), None)

    def collector_of(self, number: int) -> Object | None:
        """Our Job that collects what the points of that execution have left."""
        jobs = (job for execution, job in self.our_jobs() if execution.number == number)
        return next((job for job in jobs if collects(job)), None)

    def limit(self, name: str, job: Object | None) -> int | None:
        """A limit as the run has it now, else as it was when the Job was made, or before as function or platform."""
        said = self.spec.get(name)
        if isinstance(said, int):
            return said
        if job is not None:
            kept = (job["metadata"].get("annotations") or {}).get(constants.ANNOTATION_LIMITS)
            pinned = _pinned(kept).get(name)
            if isinstance(pinned, int):
                return pinned
        elif isinstance(function := self.spec.get("function") or (self.seen.function or {}).get("spec"), dict):
            options = function.get("run")
            if isinstance(options, dict) and isinstance(options.get(name), int):
                return int(options[name])
        defaults = (getattr(part, to_snake(name), None) for part in (self.platform.run_defaults, self.platform))
        return next((default for default in defaults if isinstance(default, int)), None)

    def _latest(self) -> Execution | None:
        """The newest execution there is: the recorded one, or that of a Job which was not recorded yet."""
        written = self.frame.before.execution
        newest = max((execution for execution, _ in self.our_jobs()), key=lambda e: e.number, default=None)
        if newest is None and written is None and self.fired_job is not None:
            return Execution(number=1, hash=execution_hash(self.spec), generation=1)
        return newest if newest and (written is None or newest.number >= written.number) else written


def fired_job(run: Object) -> str | None:
    """The uid of the Job that the CronJob controller made for this run; None for any other run."""
    uid: str | None = (run["metadata"].get("annotations") or {}).get(constants.ANNOTATION_JOB_UID)
    return uid


def queued_by_kueue(job: Object) -> bool:
    """Whether the Job's `suspend` is Kueue's: by the label on the Job itself, whoever put it there."""
    return constants.LABEL_QUEUE in (job["metadata"].get("labels") or {})


def _pinned(text: str | None) -> Object:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
