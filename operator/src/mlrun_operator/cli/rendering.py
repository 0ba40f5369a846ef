"""The Job of a run, or the CronJob of a schedule, from manifests alone."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, spec_of, status_of
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.values.names import kubernetes_name
from mlrun_operator.render.cron_job import build_cron_job
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.job import build_job

# The uid of an object that was not written to a cluster yet.
UNBORN: Final = "00000000-0000-4000-8000-000000000000"


def born(value: Object, namespace: str = "default") -> Object:
    """The object as a cluster would return it: with a name, a namespace, a uid and a generation."""
    meta = value.get("metadata") or {}
    name = meta.get("name") or f"{meta.get('generateName', '')}xxxxx"
    return {**value, "metadata": {"namespace": namespace, "uid": UNBORN, "generation": 1, **meta, "name": name}}


def referred(run: Object, objects: Iterable[Object]) -> Object | None:
    """The MlrunFunction among the objects that a run refers to, by its Kubernetes name or its original one."""
    reference = spec_of(run).get("functionRef")
    asked = reference.get("name") if isinstance(reference, dict) else None
    if not isinstance(asked, str):
        return None
    functions = [value for value in objects if value.get("kind") == constants.FUNCTION_KIND]
    namespace = _meta(run, "namespace")
    for name in (asked, kubernetes_name(asked)):
        for function in functions:
            near = _meta(function, "namespace") in (None, namespace) or namespace is None
            if _meta(function, "name") == name and near:
                return function
    return None


def job_of(run: Object, objects: Sequence[Object], platform: Platform, namespace: str | None = None) -> Object | None:
    """The Job of the run's current execution, the first where none is recorded; of a schedule its CronJob.

    None where the run's function is missing. Raises ValueError for what the operator refuses.
    """
    whole = born(run, namespace or "default")
    spec = RunSpec.model_validate(whole["spec"])
    meta, function = whole["metadata"], referred(run, objects)
    if spec.function is not None:
        pin = PinnedFunction.of_inline(spec.name or meta["name"], meta["uid"], whole["spec"]["function"], spec.function)
    elif function is not None:
        pin = PinnedFunction.of_object(born(function, meta["namespace"]))
    else:
        return None
    if spec.schedule is not None:
        return build_cron_job(whole, spec, pin, platform, is_paused=bool(spec.suspend or spec.stop))
    number = (status_of(run).get("execution") or {}).get("number", 1)
    return build_job(whole, spec, pin, number, platform)


def _meta(value: Object, field: str) -> Any:
    meta = value.get("metadata")
    return meta.get(field) if isinstance(meta, dict) else None
