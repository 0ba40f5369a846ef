"""The envelope of one execution, from the run, its pinned function and the platform."""

from dataclasses import dataclass
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.envelope import Envelope, FunctionInfo, RunInfo, ScheduleInfo, StoreInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, annotations_of, labels_of
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.inputs import resolve
from mlrun_operator.api.v1alpha1.run import RunSpec, output_ref
from mlrun_operator.api.v1alpha1.sweep import sweep_info
from mlrun_operator.render.execution import function_digest

# Fields of a function that its pods do not need.
_NOT_FOR_PODS: Final = ("description", "git_source", "embedded", "run", "max_concurrent_runs")

# Room for containers that are added later: by service meshes, by agents and by `kubectl debug`.
_INJECTED_CONTAINERS: Final = 4


@dataclass(frozen=True, slots=True)
class PinnedFunction:
    """A function as it is when an execution starts. `name` is the original name."""

    name: str
    uuid: str
    digest: str
    spec: FunctionSpec
    generation: int | None = None

    @classmethod
    def of_object(cls, function: dict[str, Any]) -> "PinnedFunction":
        """Return an MlrunFunction as it is now. Raises pydantic.ValidationError if its spec is malformed."""
        meta, spec = function["metadata"], FunctionSpec.model_validate(function.get("spec"))
        return cls(
            name=spec.name or meta["name"],
            uuid=spec.uuid or meta["uid"],
            digest=function_digest(function["spec"]),
            spec=spec,
            generation=meta.get("generation"),
        )

    @classmethod
    def of_inline(cls, run_name: str, run_uid: str, raw_spec: dict[str, Any], spec: FunctionSpec) -> "PinnedFunction":
        """Return the inline function of a run; name and uuid default to those of the run."""
        return cls(spec.name or run_name, spec.uuid or run_uid, function_digest(raw_spec), spec)


def build_envelope(run: Object, spec: RunSpec, function: PinnedFunction, n: int, platform: Platform) -> Envelope:
    """Return the envelope of execution `n`, for a pod of one container."""
    meta = run["metadata"]
    return Envelope(
        run=RunInfo(
            name=spec.name or meta["name"],
            namespace=meta["namespace"],
            uid=meta["uid"],
            project=spec.project or function.spec.project or meta["namespace"],
            execution=n,
        ),
        function=FunctionInfo(
            name=function.name,
            uuid=function.uuid,
            digest=function.digest,
            spec=function.spec.model_copy(update=dict.fromkeys(_NOT_FOR_PODS)),
        ),
        inputs={name: resolve(value) for name, value in (spec.inputs or {}).items()},
        outputs={name: output_ref(value) for name, value in (spec.outputs or {}).items()},
        parameters=spec.parameters or {},
        float_parameters=spec.float_parameters,
        values=spec.values,
        returns=spec.returns if spec.returns is not None else function.spec.returns,
        schedule=_schedule_of(run, spec),
        sweep=sweep_info(spec.hyperparameters, _seed_of(run), n) if spec.hyperparameters else None,
        store=_store_of(platform, meta["namespace"]),
        fetch=platform.fetch,
        pip=platform.pip,
        proxy=platform.proxy,
        ca_bundle=platform.ca_bundle,
        result_budget=result_budget(containers=1),
    )


def _seed_of(run: Object) -> str:
    """Return the seed of a random sweep, so that all runs of a schedule have the same points."""
    return str(labels_of(run).get(constants.LABEL_SCHEDULE_UID) or run["metadata"]["uid"])


def _schedule_of(run: Object, spec: RunSpec) -> ScheduleInfo | None:
    """Return the schedule that the pods belong to; with the slot where the schedule made a run."""
    if spec.schedule is not None:
        return ScheduleInfo(expression=spec.schedule, time_zone=spec.time_zone)
    annotations = annotations_of(run)
    time = annotations.get(constants.ANNOTATION_SCHEDULED_TIME)
    if time is None or constants.LABEL_SCHEDULE_UID not in labels_of(run):
        return None
    expression, zone = annotations.get(constants.ANNOTATION_EXPRESSION), annotations.get(constants.ANNOTATION_TIME_ZONE)
    return ScheduleInfo(expression=expression, time_zone=zone, time=time)


def _store_of(platform: Platform, namespace: str) -> StoreInfo:
    return platform.store.model_copy(update={"root": platform.store.root.replace("{namespace}", namespace)})


def result_budget(containers: int) -> int:
    """Return how many bytes one termination message may have in a pod of that many containers.

    The kubelet shares 12 KiB among all containers of the pod, at most 4 KiB for each, and cuts longer messages.
    """
    return min(4096, 12288 // (containers + _INJECTED_CONTAINERS))
