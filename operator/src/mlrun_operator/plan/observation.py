"""What was read before deciding: of a run, or of a schedule, at one moment; and what a step taken adds to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mlrun_operator.api.objects import Object, has_pod_ended
from mlrun_operator.assess.pods import PodReader


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the API server did not take our object: its HTTP code and words; the object's name, where it is known."""

    code: int
    message: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """The API server has not let us change or delete an object that exists: in words."""

    message: str


@dataclass(frozen=True, slots=True)
class RunsAhead:
    """How many runs may run, or have waited longer: of the same function, and in the same namespace."""

    function: int = 0
    namespace: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """The object is now so; `is_new` says that it was created just now."""

    kind: str
    obj: Object
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The object is gone, or was told to go."""

    uid: str


@dataclass(frozen=True, slots=True)
class ReadFresh:
    """Jobs and pods as the API server has them now."""

    jobs: Sequence[Object]
    pods: Sequence[Object]
    at: datetime


@dataclass(frozen=True, slots=True)
class EventsRead:
    """Kubernetes' events of the run's Jobs and pods."""

    events: Sequence[Object]


@dataclass(frozen=True, slots=True)
class WholeJobRead:
    """A Job with its pod template."""

    job: Object


@dataclass(frozen=True, slots=True)
class WorkloadRead:
    """A Job, and the Workload by which Kueue queues it, where there is one and the operator may read and patch it."""

    job: Object
    workload: Object | None = None
    is_forbidden: bool = False


Fact = Stored | Gone | Refusal | Denied | ReadFresh | EventsRead | WholeJobRead | WorkloadRead


@dataclass(frozen=True, slots=True)
class RunObservation:
    """One run without a schedule, and all that bears on it.

    `has_made_job` says that this process has created a Job of the run which is not recorded, `is_status_refused` that
    the API server has not taken the run's status for a minute.
    `jobs` and `pods` carry the run's uid; a stranger of the name that the next Job needs is among `jobs`. `fresh` says
    that both were read directly just now. `denials` say which actions of this reconcile the API server did not allow.
    `events` are None where they were not read. `whole_job` is a Job with its pods' template, `workload` a Job's
    Workload, where they were read. `schedule` is the one that made the run. `taken` are the keys of the steps of this
    reconcile. `read_pod` remembers what it read.
    """

    run: Object
    now: datetime
    function: Object | None = None
    jobs: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    refusal: Refusal | None = None
    denials: tuple[str, ...] = ()
    fresh: bool = False
    events: Sequence[Object] | None = None
    ahead: RunsAhead = field(default_factory=RunsAhead)
    whole_job: Object | None = None
    workload: WorkloadRead | None = None
    schedule: Object | None = None
    has_made_job: bool = False
    is_status_refused: bool = False
    taken: frozenset[str] = frozenset()
    read_pod: PodReader = field(default_factory=PodReader, compare=False, repr=False)

    def learn(self, fact: Fact) -> "RunObservation":  # noqa: PLR0911 - one a kind of fact
        """Return the observation with this fact in it."""
        match fact:
            case Stored("Job", job):
                return replace(self, jobs=with_object(self.jobs, job))
            case Stored("Pod", pod):
                return replace(self, pods=with_object(self.pods, pod))
            case Gone(uid):
                run = deleted(self.run) if self.run["metadata"]["uid"] == uid else self.run
                return replace(self, run=run, jobs=without(self.jobs, uid), pods=without(self.pods, uid))
            case Refusal():
                return replace(self, refusal=fact)
            case Denied(message):
                return replace(self, denials=(*self.denials, message))
            case ReadFresh(jobs, pods, at):
                return replace(self, jobs=jobs, pods=self._with_reports(pods), now=at, fresh=True)
            case EventsRead(events):
                return replace(self, events=events)
            case WholeJobRead(job):
                return replace(self, whole_job=job)
            case WorkloadRead(job):
                return replace(self, jobs=with_object(self.jobs, job), workload=fact)
            case Stored():
                raise TypeError(f"a run makes no {fact.kind}")

    def _with_reports(self, pods: Sequence[Object]) -> list[Object]:
        """Return the pods and those that have ended and are gone since: what they reported is read still."""
        uids = {pod["metadata"]["uid"] for pod in pods}
        return [*pods, *(pod for pod in self.pods if has_pod_ended(pod) and pod["metadata"]["uid"] not in uids)]


@dataclass(frozen=True, slots=True)
class ScheduleObservation:
    """One run with a schedule, and all that bears on it.

    `cron_job` has the name of its CronJob, whether it is ours or not; `jobs` are those that fired and became no run
    yet; `children` are the runs that it made. `denials` say which actions of this reconcile the API server did not
    allow, `taken` are the keys of its steps.
    """

    run: Object
    now: datetime
    function: Object | None = None
    cron_job: Object | None = None
    jobs: Sequence[Object] = ()
    children: Sequence[Object] = ()
    refusal: Refusal | None = None
    denials: tuple[str, ...] = ()
    fresh: bool = False
    taken: frozenset[str] = frozenset()

    def learn(self, fact: Fact) -> "ScheduleObservation":  # noqa: PLR0911 - one a kind of fact
        """Return the observation with this fact in it."""
        match fact:
            case Stored("CronJob", cron_job):
                return replace(self, cron_job=cron_job)
            case Stored("Job", job):
                return replace(self, jobs=with_object(self.jobs, job))
            case Stored(_, child):
                return replace(self, children=with_object(self.children, child))
            case Gone(uid):
                run = deleted(self.run) if self.run["metadata"]["uid"] == uid else self.run
                return replace(self, run=run, jobs=without(self.jobs, uid), children=without(self.children, uid))
            case Refusal():
                return replace(self, refusal=fact)
            case ReadFresh(jobs, _, at):
                return replace(self, jobs=jobs, now=at, fresh=True)
            case Denied(message):
                return replace(self, denials=(*self.denials, message))
            case EventsRead() | WholeJobRead() | WorkloadRead():
                return self


Observation = RunObservation | ScheduleObservation


def with_object(objects: Sequence[Object], obj: Object) -> list[Object]:
    """Return the objects with this one in its present state."""
    return [*without(objects, obj["metadata"]["uid"]), obj]


def without(objects: Sequence[Object], uid: str) -> list[Object]:
    """Return the objects without the one of this uid."""
    return [obj for obj in objects if obj["metadata"]["uid"] != uid]


def deleted(run: Object) -> Object:
    """Return the run as it is once it was told to go."""
    return {**run, "metadata": {**run["metadata"], "deletionTimestamp": "now"}}
