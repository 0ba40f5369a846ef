"""The floats of a run, written so that Kubernetes, which stores 1.0 as 1, loses none of them."""

from typing import Any

from mlrun_operator.api import bounds, constants
from mlrun_operator.api.objects import Object, spec_of
from mlrun_operator.api.values.float_pointers import float_pointers, has_whole_number, portable
from mlrun_operator.sdk.errors import InvalidArgument

_LIMIT = bounds.FLOAT_PARAMETERS.limit


def with_float_parameters(spec: Object) -> Object:
    """Return a run's spec that says which of its whole numbers are floats; an empty list where none is.

    A spec that says it already, or that has no whole number, stays as it is. Raises InvalidArgument for too many.
    """
    return _with_pointers(spec, pointers_of(spec)) if _is_silent(spec) else spec


def declared(manifest: Object) -> Object:
    """Return a manifest with the whole floats of a run declared. Raises InvalidArgument for too many.

    A run without one stays as `kubectl apply` has it: an unchanged manifest makes nothing run again.
    """
    spec = spec_of(manifest)
    if manifest.get("kind") != constants.RUN_KIND or not _is_silent(spec):
        return manifest
    pointers = pointers_of(spec)
    return {**manifest, "spec": _with_pointers(spec, pointers)} if pointers else manifest


def pointers_of(spec: Object) -> list[str]:
    """Return the pointers to the whole floats of a run's spec. The spec may be malformed."""
    return float_pointers(spec.get("parameters"), "/parameters") + float_pointers(
        _params(spec), "/hyperparameters/params"
    )


def _is_silent(spec: Object) -> bool:
    numbers = (spec.get("parameters"), _params(spec))
    return spec.get("floatParameters") is None and any(map(has_whole_number, numbers))


def _params(spec: Object) -> Any:
    sweep = spec.get("hyperparameters")
    return sweep.get("params") if isinstance(sweep, dict) else None


def _with_pointers(spec: Object, pointers: list[str]) -> Object:
    if len(pointers) > _LIMIT:
        numbers = f"{len(pointers)} whole floats are among integers, such as {pointers[0]}"
        words = f"{numbers}; floatParameters can name at most {_LIMIT}"
        hint = "Give each list floats only, or integers only, or put the numbers into an input."
        raise InvalidArgument("parameters", words, hint=hint)
    written: Object = {**spec, "floatParameters": pointers}
    if spec.get("parameters") is not None:
        written["parameters"] = portable(spec["parameters"])
    if _params(spec) is not None:
        written["hyperparameters"] = {**spec["hyperparameters"], "params": portable(_params(spec))}
    return written
