"""`MlrunRun.spec`: one execution of a function."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from mlrun_operator.api import bounds
from mlrun_operator.api.base import AsWritten, EmptyCounts, EmptyIsAbsent, FalseIsAbsent, Model, StartsNothing, TextForm
from mlrun_operator.api.cel import FREE_FORM, cel, cels
from mlrun_operator.api.v1alpha1.function import EntityName, FunctionSpec, LogHint, ProjectName
from mlrun_operator.api.v1alpha1.inputs import Input, ParameterName, check_inputs, check_parameters
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.schedule import SCHEDULE_RULES, ScheduleOptions
from mlrun_operator.api.v1alpha1.spec import Spec
from mlrun_operator.api.v1alpha1.sweep import Hyperparameters

MAX_REPLICAS: Final = bounds.REPLICAS.limit
_ONE_FUNCTION: Final = "set exactly one of functionRef and function"
_HOSTS_OF_REPLICAS: Final = "replicaHostnames needs replicas"
_HOSTS_OF_SCHEDULES: Final = "replicaHostnames: not with a schedule, because each of its Jobs has another name"
_LIMIT_OF_FUNCTIONS: Final = "maxConcurrentRuns: not in an inline function, which has no other runs"
_ONE_SHAPE: Final = "replicas: not with hyperparameters, whose points are pods of their own"


FloatPointer = Annotated[
    str,
    StringConstraints(pattern=r"^/(parameters|hyperparameters/params)(/([^~/]|~[01])*)+$", max_length=1024),
]


class FunctionRef(Model):
    """A reference to an MlrunFunction in the same namespace."""

    name: EntityName = Field(description="metadata.name of the function, or its original name.")
    on_change: StartsNothing[Literal["Ignore", "Rerun"] | None] = Field(
        None,
        description="Rerun runs a finished run again when the function changes. Ignore, the default, only sets a "
        "condition.",
    )


class OutputRef(Model):
    """The entity that an mlrun output is stored as."""

    name: Annotated[EntityName, TextForm()]
    optional: FalseIsAbsent[bool] = False


class RunSpec(Spec, ScheduleOptions, RunOptions):
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

    name: EntityName | None = Field(None, description="Name of the run in keys and results. Default: metadata.name.")
    project: ProjectName | None = Field(
        None, description="Project of the run. Default: the function's project, or else the namespace."
    )
    function_ref: EmptyCounts[FunctionRef | None] = Field(None, description="MlrunFunction to run.")
    function: EmptyCounts[FunctionSpec | None] = Field(None, description="Inline function to run.")
    action: StartsNothing[str | None] = Field(
        None,
        max_length=32,
        description="Task of the run: job.",
        json_schema_extra=cel("self == 'job'", "action: only job is supported; images are built outside"),
    )
    inputs: EmptyIsAbsent[dict[ParameterName, Input] | None] = Field(
        None,
        description="Handler parameter → its input: a store:// key, a path or URL, or {path or key, kind, format}; or "
        "a list or a map of these.",
        json_schema_extra=FREE_FORM,
    )
    outputs: EmptyIsAbsent[dict[ParameterName, EntityName | OutputRef] | None] = Field(
        None,
        description="mlrun output → name of the stored entity, or {name, optional}.",
        json_schema_extra=FREE_FORM,
    )
    parameters: AsWritten[EmptyIsAbsent[dict[ParameterName, Any] | None]] = Field(
        None, description="Arguments of the handler.", json_schema_extra=FREE_FORM
    )
    hyperparameters: AsWritten[Hyperparameters | None] = Field(
        None,
        description="Runs the function once for each point, which is a set of parameter values. See docs/sweeps.md.",
    )
    # An empty list says that all whole numbers are integers; without the field the handler's hints decide.
    float_parameters: EmptyCounts[list[FloatPointer] | None] = Field(
        None,
        max_length=bounds.FLOAT_PARAMETERS.limit,
        description="JSON pointers to numbers that are floats, or to lists or maps of them: /parameters/rate. "
        "Kubernetes stores 1.0 as 1. Default: the float hints of the handler.",
    )
    values: EmptyCounts[list[EntityName] | None] = Field(
        None, max_length=256, description="Names of the results to keep. Default: all results."
    )
    returns: EmptyCounts[list[LogHint] | None] = Field(
        None,
        max_length=64,
        description="mlrun's log hints for the handler's return values. Default: the function's hints.",
    )
    replicas: int | None = Field(
        None,
        ge=1,
        le=MAX_REPLICAS,
        description="Number of pods that run the function in parallel. Each has its own MLRUN_REPLICA_INDEX, from 0, "
        "and MLRUN_REPLICA_COUNT. Default: one pod without these variables.",
    )
    replica_hostnames: FalseIsAbsent[bool | None] = Field(
        None,
        description="Whether each replica has a DNS name. MLRUN_REPLICA_HOST contains it, with {index} instead of the "
        "index.",
    )
    suspend: StartsNothing[bool | None] = Field(
        None, description="true creates no Job, or terminates the pods of the existing one. false starts them again."
    )
    stop: StartsNothing[bool | None] = Field(
        None, description="true ends the current execution and starts no other. Partial results are kept."
    )
    run_ttl_seconds_after_finished: StartsNothing[int | None] = Field(
        None,
        ge=0,
        le=315_360_000,
        description="Seconds after the end when the run itself is deleted. Ignored for runs of GitOps tools and Helm.",
    )
    rerun: StartsNothing[str | None] = Field(
        None,
        max_length=bounds.RERUN.limit,
        description="Any string. A new value starts a new execution after the current one has ended.",
    )

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
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

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, parameters: dict[str, Any] | None) -> dict[str, Any] | None:
        check_parameters(parameters or {})
        return parameters

    @field_validator("outputs")
    @classmethod
    def _outputs(cls, outputs: dict[str, str | OutputRef] | None) -> dict[str, str | OutputRef] | None:
        """Refuse outputs with the same name, since the status can hold only one of them."""
        names: dict[str, str] = {}
        for output, ref in (outputs or {}).items():
            name = output_ref(ref).name
            if (first_output := names.setdefault(name, output)) != output:
                raise ValueError(
                    f"outputs: {first_output} and {output} are both called {name}; give each a name of its own"
                )
        return outputs

    @field_validator("action")
    @classmethod
    def _only_job(cls, action: str | None) -> str | None:
        if action not in (None, "job"):
            raise ValueError("action: only job is supported; images are built outside")
        return action


def output_ref(value: str | OutputRef) -> OutputRef:
    """Return the output in its long form."""
    return value if isinstance(value, OutputRef) else OutputRef(name=value)
