"""`MlrunRun.spec`: one execution of a function."""

from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from mlrun_operator.api.base import AsWritten, EmptyCounts, EmptyIsAbsent, Model, StartsNothing
from mlrun_operator.api.cel import FREE_FORM, cel, cels
from mlrun_operator.api.v1alpha1.function import EntityName, FunctionSpec, LogHint, ProjectName
from mlrun_operator.api.v1alpha1.inputs import Input, ParameterName, check_inputs
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.schedule import SCHEDULE_RULES, ScheduleOptions
from mlrun_operator.api.v1alpha1.sweep import Hyperparameters

MAX_REPLICAS: Final = 1000
_ONE_FUNCTION: Final = "set exactly one of functionRef and function"
_HOSTS_OF_REPLICAS: Final = "replicaHostnames needs replicas"
_HOSTS_OF_SCHEDULES: Final = "replicaHostnames: not with a schedule, whose Jobs have names of their own"
_LIMIT_OF_FUNCTIONS: Final = "maxConcurrentRuns: not in a function written into a run, which has no other runs"
_ONE_SHAPE: Final = "replicas: not with hyperparameters, whose points are pods of their own"


class FunctionRef(Model):
    """A reference to an MlrunFunction of the same namespace."""

    name: EntityName = Field(description="The function's metadata.name, or its original name.")
    on_change: StartsNothing[Literal["Ignore", "Rerun"] | None] = Field(
        None,
        description="Rerun: a finished run runs again when the function changes. Default: Ignore, with a condition.",
    )


class OutputRef(Model):
    """What an mlrun output is called as an entity."""

    name: EntityName
    optional: bool = False


class RunSpec(ScheduleOptions, RunOptions):
    """One run of a function, or a schedule of runs."""

    model_config = {
        "json_schema_extra": cels(
            ("has(self.functionRef) != has(self.function)", _ONE_FUNCTION),
            ("!has(self.replicaHostnames) || has(self.replicas)", _HOSTS_OF_REPLICAS),
            ("!has(self.replicaHostnames) || !has(self.schedule)", _HOSTS_OF_SCHEDULES),
            ("!has(self.replicas) || !has(self.hyperparameters)", _ONE_SHAPE),
            ("!has(self.function) || !has(self.function.maxConcurrentRuns)", _LIMIT_OF_FUNCTIONS),
            *SCHEDULE_RULES,
        )
    }

    name: EntityName | None = Field(None, description="The run's name in keys and results; default: metadata.name.")
    project: ProjectName | None = Field(None, description="Project; default: the function's, else the namespace.")
    function_ref: EmptyCounts[FunctionRef | None] = Field(None, description="The MlrunFunction to run.")
    function: EmptyCounts[FunctionSpec | None] = Field(None, description="A function written into the run.")
    action: StartsNothing[str | None] = Field(
        None,
        max_length=32,
        description="The task: job.",
        json_schema_extra=cel("self == 'job'", "action: only job is supported; images are built outside"),
    )
    inputs: EmptyIsAbsent[dict[ParameterName, Input] | None] = Field(
        None,
        description="Handler parameter → what it reads: a store:// key, a path or URL, or {path or key, kind, format}; "
        "or a list or a map of those.",
        json_schema_extra=FREE_FORM,
    )
    outputs: EmptyIsAbsent[dict[ParameterName, EntityName | OutputRef] | None] = Field(
        None,
        description="mlrun output → name of the entity it becomes, or {name, optional}.",
        json_schema_extra=FREE_FORM,
    )
    parameters: AsWritten[EmptyIsAbsent[dict[ParameterName, Any] | None]] = Field(
        None, description="Arguments of the handler.", json_schema_extra=FREE_FORM
    )
    hyperparameters: AsWritten[Hyperparameters | None] = Field(
        None,
        description="Runs the function once for each point, a set of values over the parameters: see docs/sweeps.md.",
    )
    values: EmptyCounts[list[EntityName] | None] = Field(
        None, max_length=256, description="Names of the results to keep; default: all."
    )
    returns: EmptyCounts[list[LogHint] | None] = Field(
        None, max_length=64, description="mlrun's log hints for what the handler returns; default: the function's."
    )
    replicas: int | None = Field(
        None,
        ge=1,
        le=MAX_REPLICAS,
        description="How many pods run the function side by side, each with its own MLRUN_REPLICA_INDEX from 0 and all "
        "with MLRUN_REPLICA_COUNT; default: one pod without either.",
    )
    replica_hostnames: bool | None = Field(
        None,
        description="true gives each replica a DNS name, which MLRUN_REPLICA_HOST tells with {index} in the place of "
        "its number.",
    )
    suspend: StartsNothing[bool | None] = Field(
        None, description="true makes no Job, or ends the pods of the one there is; false starts them anew."
    )
    stop: StartsNothing[bool | None] = Field(
        None, description="true ends the current execution and starts no other; partial results are kept."
    )
    run_ttl_seconds_after_finished: StartsNothing[int | None] = Field(
        None,
        ge=0,
        le=315_360_000,
        description="When the run itself is deleted after its end; ignored for GitOps and Helm.",
    )
    rerun: StartsNothing[str | None] = Field(
        None, max_length=256, description="Any text: a new value starts a new execution once the last one has ended."
    )

    @model_validator(mode="after")
    def _one_function(self) -> Self:
        if (self.function_ref is None) == (self.function is None):
            raise ValueError(_ONE_FUNCTION)
        if self.replica_hostnames is not None and self.replicas is None:
            raise ValueError(_HOSTS_OF_REPLICAS)
        if self.replica_hostnames is not None and self.schedule is not None:
            raise ValueError(_HOSTS_OF_SCHEDULES)
        if self.replicas is not None and self.hyperparameters is not None:
            raise ValueError(_ONE_SHAPE)
        if self.function is not None and self.function.max_concurrent_runs is not None:
            raise ValueError(_LIMIT_OF_FUNCTIONS)
        return self

    @field_validator("inputs")
    @classmethod
    def _inputs(cls, inputs: dict[str, Input] | None) -> dict[str, Input] | None:
        check_inputs(inputs or {})
        return inputs

    @field_validator("outputs")
    @classmethod
    def _outputs(cls, outputs: dict[str, str | OutputRef] | None) -> dict[str, str | OutputRef] | None:
        """Two outputs of one name would be one in the status: the other would be lost."""
        names: dict[str, str] = {}
        for output, ref in (outputs or {}).items():
            name = output_ref(ref).name
            if (other := names.setdefault(name, output)) != output:
                raise ValueError(f"outputs: {other} and {output} are both called {name}; give each a name of its own")
        return outputs

    @field_validator("action")
    @classmethod
    def _only_job(cls, action: str | None) -> str | None:
        if action not in (None, "job"):
            raise ValueError("action: only job is supported; images are built outside")
        return action


def output_ref(value: str | OutputRef) -> OutputRef:
    """The output in its long form."""
    return value if isinstance(value, OutputRef) else OutputRef(name=value)
