"""What a planner answers: an action to take, a question to ask, or the status to tell.

Actions and questions are plain values. Each has a `key`: no step is taken twice in one reconcile, since a planner that
asks for the same step again would go on for ever.
"""

from dataclasses import dataclass
from datetime import timedelta

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.status import RunStatus


@dataclass(frozen=True, slots=True)
class Create:
    """Create a Job, a CronJob or a child run; first the Service that a Job's pods need, if there is one."""

    obj: Object
    service: Object | None = None

    @property
    def key(self) -> str:
        """Name the step by kind and name of the object."""
        return f"create {self.obj['kind']} {self.obj['metadata']['name']}"


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace a CronJob."""

    cron_job: Object

    @property
    def key(self) -> str:
        """Name the step by the CronJob's uid."""
        return f"replace {self.cron_job['metadata']['uid']}"


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a Job, a child run or the run itself."""

    obj: Object

    @property
    def key(self) -> str:
        """Name the step by the object's uid."""
        return f"delete {self.obj['metadata']['uid']}"


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete a pod that would not end by itself; `why` is logged as a warning.

    An event of the run tells of it, unless the run's status does (`is_told`).
    """

    pod: Object
    why: str
    is_told: bool = False

    @property
    def key(self) -> str:
        """Name the step by the pod's uid."""
        return f"delete pod {self.pod['metadata']['uid']}"


@dataclass(frozen=True, slots=True)
class MarkReported:
    """Set the pod condition Reported, by which a Job's podFailurePolicy does not retry the pod's index."""

    pod: Object

    @property
    def key(self) -> str:
        """Name the step by the pod's uid."""
        return f"mark reported {self.pod['metadata']['uid']}"


@dataclass(frozen=True, slots=True)
class Adopt:
    """Mark a Job that the CronJob controller made as that of a child run."""

    job: Object
    child: Object

    @property
    def key(self) -> str:
        """Name the step by the Job's uid."""
        return f"adopt {self.job['metadata']['uid']}"


@dataclass(frozen=True, slots=True)
class SetSuspended:
    """Suspend a Job or CronJob, or let it go on; a Job that the operator suspends is marked as such."""

    obj: Object
    suspended: bool

    @property
    def key(self) -> str:
        """Name the step by the object's uid."""
        return f"suspend {self.obj['metadata']['uid']} {self.suspended}"


@dataclass(frozen=True, slots=True)
class SetActive:
    """Let Kueue admit a Job's Workload, or evict it and hold it back; a Job that is held so is marked as such.

    Without a Workload only the mark is removed.
    """

    job: Object
    workload: Object | None
    active: bool

    @property
    def key(self) -> str:
        """Name the step by the Job's uid."""
        return f"activate {self.job['metadata']['uid']} {self.active}"


@dataclass(frozen=True, slots=True)
class PatchLimits:
    """Give a running Job the run's new limits; `generation` is the spec that they come from."""

    job: Object
    limits: Object
    generation: int

    @property
    def key(self) -> str:
        """Name the step by the Job's uid and the generation."""
        return f"limit {self.job['metadata']['uid']} {self.generation}"


@dataclass(frozen=True, slots=True)
class ReadDirectly:
    """Read the run's Jobs and pods from the API server: the watches may be late."""

    @property
    def key(self) -> str:
        """Name the step."""
        return "read directly"


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """Read Kubernetes' events of the run's unfinished Jobs and of their pods."""

    @property
    def key(self) -> str:
        """Name the step."""
        return "read events"


@dataclass(frozen=True, slots=True)
class ReadWholeJob:
    """Read a Job with its pod template, which the index does not keep."""

    job: Object

    @property
    def key(self) -> str:
        """Name the step by the Job's uid."""
        return f"read {self.job['metadata']['uid']}"


@dataclass(frozen=True, slots=True)
class ReadWorkload:
    """Read the Workload by which Kueue queues a Job. It is not watched."""

    job: Object

    @property
    def key(self) -> str:
        """Name the step by the Job's uid."""
        return f"read the workload of {self.job['metadata']['uid']}"


Action = Create | Replace | Delete | DeletePod | MarkReported | Adopt | SetSuspended | SetActive | PatchLimits
Question = ReadDirectly | ReadEvents | ReadWholeJob | ReadWorkload
Step = Action | Question


@dataclass(frozen=True, slots=True)
class Do:
    """Take this action, then decide again."""

    action: Action


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask this question, then decide again."""

    question: Question


@dataclass(frozen=True, slots=True)
class Tell:
    """Write the status, unless it says so already (None), and reconcile again after `requeue_after` at the latest."""

    status: RunStatus | None = None
    requeue_after: timedelta | None = None


Decision = Do | Ask | Tell
