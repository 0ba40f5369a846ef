"""`MlrunRun.status`: everything a run says of itself."""

from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model
from mlrun_operator.api.cel import FREE_FORM

# The newest schema of execution records that this operator understands.
EXECUTION_SCHEMA: Final = 1
MAX_ATTEMPTS: Final = bounds.ATTEMPTS.limit
MAX_EXECUTIONS: Final = bounds.EXECUTIONS.limit
MAX_MESSAGE: Final = bounds.MESSAGE.limit
MAX_IMAGE: Final = bounds.IMAGE.limit
MAX_COUNTED_RUNS: Final = bounds.COUNTED_RUNS.limit
MAX_REPLICA_STATUSES: Final = bounds.REPLICA_STATUSES.limit
MAX_REPLICA_MESSAGE: Final = bounds.REPLICA_MESSAGE.limit
MAX_REPLICA_DETAILS: Final = bounds.REPLICA_RESULTS.limit
MAX_INPUTS: Final = bounds.INPUTS.limit

# Fields by the names that operators before 0.1.0 wrote, and their names of now. The CRD lets the old names pass, since
# an API server drops unknown fields as soon as it has the new CRD: an operator that found its record without them would
# count runs and run slots twice. Both go with the version after the next.
_OLD_NAMES: Final = {
    "schedule": {
        "last": "lastScheduleTime",
        "lastSuccess": "lastSuccessfulTime",
        "next": "nextScheduleTime",
        "handled": "caughtUpTo",
        "counted": "countedRuns",
        "triggered": "lastRerun",
    },
    "backfill": {"until": "effectiveTo", "started": "startedSlots"},
    "image": {"asked": "requested", "used": "resolved"},
}
_KEEPS_OLD_NAMES: Final[ConfigDict] = {"json_schema_extra": FREE_FORM}


class Phase(StrEnum):
    """Where the current execution is. Succeeded, Failed and Stopped are ends."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"
    SUSPENDED = "Suspended"
    SCHEDULED = "Scheduled"

    @property
    def finished(self) -> bool:
        """Return whether no pod of this execution will run any more."""
        return self in (Phase.SUCCEEDED, Phase.FAILED, Phase.STOPPED)


class Condition(Model):
    """A Kubernetes condition."""

    type: str = Field(max_length=64, description="Its name: see docs/concepts.md.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(max_length=64, description="The run's reason, or the condition's name.")
    message: str = Field("", max_length=MAX_MESSAGE, description="For people.")
    last_transition_time: str = Field(
        max_length=32, json_schema_extra={"format": "date-time"}, description="When its status last changed."
    )
    observed_generation: int | None = Field(None, description="The spec that it speaks of.")


class Ending(Model):
    """How an execution that is being ended will end, once none of its pods may run any more."""

    phase: Phase = Field(description="The phase that it will have.")
    reason: str = Field(max_length=64, description="The reason that it will have.")
    message: str = Field("", max_length=MAX_MESSAGE, description="For people.")
    since: str = Field(max_length=32, json_schema_extra={"format": "date-time"}, description="When its end began.")
    completed_indexes: str | None = Field(
        None, max_length=4096, description="Replicas that have succeeded, in the compact form of a Job: 0,2-5."
    )


class Execution(Model):
    """Which execution the status speaks of, the intent it was started for, and how far its life is.

    Without `jobUID` it is wanted, with it its Job was made; `ending` says that it is being ended.
    """

    number: int = Field(ge=1, description="1 for the first.")
    hash: str = Field(max_length=80, description="Of the fields that change what runs.")
    generation: int | None = Field(None, description="metadata.generation when it was asked for.")
    rerun: str | None = Field(None, max_length=bounds.RERUN.limit, description="spec.rerun when it was asked for.")
    run_uid: str | None = Field(
        None, alias="runUID", max_length=64, description="metadata.uid of the run; another one after a restore."
    )
    job_uid: str | None = Field(None, alias="jobUID", max_length=64, description="metadata.uid of its Job.")
    ending: Ending | None = None
    schema_version: int | None = Field(
        None, alias="schema", description="Raised by an operator whose records an older one must not touch."
    )

    def same_as(self, other: "Execution | None") -> bool:
        """Return whether both are the same execution of a run."""
        return other is not None and self.number == other.number


class PastExecution(Model):
    """How an older execution ended."""

    number: int = Field(ge=1, description="1 for the first.")
    hash: str = Field(max_length=80, description="Of the fields that change what runs.")
    phase: str = Field(max_length=32, description="How it ended.")
    reason: str | None = Field(None, max_length=64, description="Why it ended so.")
    job_name: str | None = Field(None, max_length=63, description="Its Job.")
    start_time: str | None = Field(None, max_length=32, description="When its Job started.")
    completion_time: str | None = Field(None, max_length=32, description="When it ended.")


class Attempt(Model):
    """One pod of the current execution."""

    pod: str = Field(max_length=253, description="Name of the pod.")
    uid: str | None = Field(None, max_length=64, description="Its metadata.uid.")
    node: str | None = Field(None, max_length=253, description="Where it ran.")
    exit_code: int | None = Field(None, description="The wrapper's exit code.")
    reason: str | None = Field(None, max_length=64, description="How it ended.")
    message: str | None = Field(None, max_length=MAX_MESSAGE, description="Why it ended so.")
    start_time: str | None = Field(None, max_length=32, description="When its container started.")
    completion_time: str | None = Field(None, max_length=32, description="When its container ended.")
    disrupted: bool | None = Field(None, description="Whether the cluster ended it: an eviction or a preemption.")


class FunctionPin(Model):
    """The function as it was when the execution started."""

    name: str | None = Field(None, max_length=253, description="Its original name.")
    generation: int | None = Field(
        None, description="metadata.generation of the MlrunFunction; absent for a function in the run."
    )
    digest: str = Field(
        max_length=80, description="Digest of what its spec says of an execution, with the version of its rules."
    )


class Image(Model):
    """The image that was requested and the one that runs."""

    model_config = _KEEPS_OLD_NAMES

    requested: str | None = Field(None, max_length=MAX_IMAGE, description="The function's image.")
    resolved: str = Field(max_length=MAX_IMAGE, description="The pod's image.")


class SourceInfo(Model):
    """What the code was, resolved."""

    commit: str | None = Field(None, max_length=64, description="Git commit.")
    sha256: str | None = Field(None, max_length=64, description="Of the file or archive.")


class InputInfo(Model):
    """An input as it was read."""

    name: str = Field(max_length=256, description="The handler's parameter.")
    key: str | None = Field(None, max_length=1024, description="Key of the entity, with its uuid.")
    path: str | None = Field(None, max_length=2048, description="Where it was read from.")
    size: int | None = Field(None, description="Bytes.")
    sha256: str | None = Field(None, max_length=64, description="Of the content.")


class OutputInfo(Model):
    """A stored entity. `size` is in bytes; a folder's sha256 is that of its sorted (path, sha256) list."""

    key: str = Field(max_length=1024, description="Key of the entity, with its uuid.")
    kind: str = Field(max_length=32, description="table, artifact or model.")
    path: str = Field(max_length=2048, description="Where the data is.")
    size: int | None = Field(None, description="Bytes.")
    sha256: str | None = Field(
        None, max_length=64, description="Of the file; for a folder of its sorted list of path and SHA-256."
    )
    preview: dict[str, Any] | None = Field(
        None,
        description="First rows of a table: {cols: [{name, value: [...]}], rows: number of rows in all}.",
        json_schema_extra=FREE_FORM,
    )


class ReplicaStatus(Model):
    """One replica of the current execution."""

    index: int = Field(ge=0, description="Which one, from 0.")
    phase: Phase = Field(description="Where it is.")
    reason: str | None = Field(None, max_length=64, description="How its last pod ended.")
    message: str | None = Field(None, max_length=MAX_REPLICA_MESSAGE, description="Why it ended so.")
    pod: str | None = Field(None, max_length=253, description="Name of its last pod.")
    exit_code: int | None = Field(None, description="The wrapper's exit code.")
    attempt_count: int | None = Field(None, description="How many pods it has had.")
    outputs: dict[str, str] | None = Field(None, description="What it stored: keys of the entities, by name.")
    results: dict[str, Any] | None = Field(
        None, json_schema_extra=FREE_FORM, description="Its plain values, by name, where they are small."
    )


class ReplicaCounts(Model):
    """All replicas of the current execution, also those that are not listed."""

    running: int = Field(0, description="With a pod that has started and not ended.")
    succeeded: int = Field(0, description="Ended well.")
    failed: int = Field(0, description="Ended for good, and not well.")


class SweepBest(Model):
    """The point of a sweep that the selector names."""

    iteration: int = Field(ge=1, description="Which point, from 1, as mlrun counts.")
    parameters: dict[str, Any] = Field(default_factory=dict, json_schema_extra=FREE_FORM, description="Its parameters.")


class SweepStatus(Model):
    """How far a sweep is. What the best point returned and stored is the run's `results` and `outputs`."""

    points: int = Field(description="How many points there are.")
    running: int = Field(0, description="Points whose pod runs.")
    succeeded: int = Field(0, description="Points that ended well.")
    failed: int = Field(0, description="Points that failed for good.")
    skipped: int = Field(
        0, description="Points that did not start or were told to end, since the sweep had come to its end."
    )
    progress: str | None = Field(None, max_length=32, description="Ended of all, for people.")
    seed: int | None = Field(None, description="Of a random sweep.")
    best: SweepBest | None = None


def _time(description: str) -> Any:
    return Field(None, max_length=32, json_schema_extra={"format": "date-time"}, description=description)


class BackfillStatus(Model):
    """How far a backfill is. `start`, `to` and `order` say which one."""

    model_config = _KEEPS_OLD_NAMES

    start: str = Field(alias="from", max_length=35, description="Its range, as it was asked for.")
    to: str = Field(max_length=35, description="Its range, as it was asked for.")
    order: str = Field(max_length=16, description="Which slot ran first.")
    effective_to: str = Field(
        max_length=32, description="The end of the range that is run: no later than the next firing."
    )
    cursor: str | None = Field(None, max_length=32, description="The last slot that the backfill has passed.")
    total: int = Field(description="How many slots it has.")
    started_slots: int = Field(description="How many of them were started.")
    progress: str = Field(max_length=32, description="Started of all, for people.")
    completion_time: str | None = _time("When the last of its runs ended.")


class ScheduleStatus(Model):
    """What a schedule has done and will do. Slots are named by their time."""

    model_config = _KEEPS_OLD_NAMES

    expression: str | None = Field(
        None, max_length=200, description="Expression and time zone that these fields are about."
    )
    last_schedule_time: str | None = _time("The newest slot that fired.")
    last_successful_time: str | None = _time("The newest slot whose run succeeded.")
    next_schedule_time: str | None = _time("The next slot; absent while nothing fires.")
    active: int = Field(0, description="Runs that have not ended.")
    succeeded: int = Field(0, description="Runs that succeeded, deleted ones included. Each run counts once.")
    failed: int = Field(0, description="Runs that failed.")
    stopped: int = Field(0, description="Runs that were stopped or replaced.")
    missed: int = Field(0, description="Slots that nothing fired.")
    caught_up_to: str | None = _time("Slots up to here have fired or count as missed.")
    counted_runs: list[str] | None = Field(
        None, max_length=MAX_COUNTED_RUNS, description="Kept runs whose end is in the counts."
    )
    last_rerun: str | None = Field(
        None, max_length=bounds.RERUN.limit, description="The last spec.rerun that started a run."
    )
    backfill: BackfillStatus | None = None


class RunStatus(Model):
    """The whole status, written at once."""

    @model_validator(mode="before")
    @classmethod
    def _read_old_names(cls, status: Any) -> Any:
        return with_current_names(status) if isinstance(status, dict) else status

    observed_generation: int | None = Field(None, description="The spec that the status speaks of.")
    phase: Phase | None = None
    reason: str | None = Field(None, max_length=64, description="Why the run is in this phase: see docs/reasons.md.")
    message: str | None = Field(None, max_length=MAX_MESSAGE * 4, description="The reason in words.")
    conditions: list[Condition] | None = Field(
        None, max_length=16, description="For kubectl wait and GitOps tools: see docs/concepts.md."
    )
    execution: Execution | None = None
    executions: list[PastExecution] | None = Field(
        None, max_length=MAX_EXECUTIONS, description="The executions before, newest first."
    )
    job_name: str | None = Field(None, max_length=63, description="The current execution's Job.")
    cron_job_name: str | None = Field(None, max_length=52, description="A schedule's CronJob.")
    schedule: ScheduleStatus | None = None
    queued_time: str | None = Field(
        None,
        max_length=32,
        json_schema_extra={"format": "date-time"},
        description="Since when the execution waits for its turn: first come, first served.",
    )
    start_time: str | None = Field(
        None, max_length=32, json_schema_extra={"format": "date-time"}, description="When the Job started."
    )
    completion_time: str | None = Field(
        None, max_length=32, json_schema_extra={"format": "date-time"}, description="When the execution ended."
    )
    duration: str | None = Field(None, max_length=32, description="From start to completion, for the column.")
    attempt_count: int | None = Field(None, description="How many pods the current execution has had.")
    disruptions: int | None = Field(None, description="How many of them were evicted or preempted.")
    attempts: list[Attempt] | None = Field(
        None, max_length=MAX_ATTEMPTS, description="The newest pods of the current execution, oldest first."
    )
    replicas: int | None = Field(None, description="How many replicas the current execution has.")
    replica_counts: ReplicaCounts | None = None
    replica_statuses: list[ReplicaStatus] | None = Field(
        None,
        max_length=MAX_REPLICA_STATUSES,
        description="The replicas, by index; of more than fit the failed ones first. What replica 0 stored is also the "
        "run's.",
    )
    sweep: SweepStatus | None = None
    function: FunctionPin | None = None
    image: Image | None = None
    source: SourceInfo | None = None
    inputs: list[InputInfo] | None = Field(None, max_length=MAX_INPUTS, description="The inputs as they were read.")
    outputs: dict[str, OutputInfo] | None = Field(None, description="What is stored, by name.")
    results: dict[str, Any] | None = Field(
        None, json_schema_extra=FREE_FORM, description="Plain values that the handler returned or logged, by name."
    )


def with_current_names(status: dict[str, Any]) -> dict[str, Any]:
    """Return a status with the names of now for fields that an older operator wrote."""
    renamed = _renamed_parts(status, ("schedule", "image"))
    schedule = renamed.get("schedule")
    return {**renamed, "schedule": _renamed_parts(schedule, ("backfill",))} if isinstance(schedule, dict) else renamed


def _renamed_parts(fields: dict[str, Any], parts: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields, with those of these parts renamed."""
    return {
        name: {_OLD_NAMES[name].get(field, field): content for field, content in value.items()}
        if name in parts and isinstance(value, dict)
        else value
        for name, value in fields.items()
    }


class FunctionStatus(Model):
    """Whether runs of a function can start."""

    observed_generation: int | None = Field(None, description="The spec that the status speaks of.")
    digest: str | None = Field(None, max_length=80, description="SHA-256 of the spec, as runs pin it.")
    conditions: list[Condition] | None = Field(
        None,
        max_length=8,
        description="Ready: False with what is wrong, where a run could not start; Stalled then, too.",
    )
