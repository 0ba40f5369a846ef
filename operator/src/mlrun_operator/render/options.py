"""The effective options of a run: its own override those of its function, which override the platform's defaults.

Maps (node selector, labels, annotations, requests, limits) are merged by key. Lists of named entries (env, volumes,
secrets, pull secrets) are merged by name, host aliases by address. Tolerations add up. Any other value is replaced as
a whole, affinity, spread constraints and pod template included. The settings that the platform enforces are applied
last, in `pod.py`.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.options import Resources, RunOptions
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.values.labels import is_extended
from mlrun_operator.api.words import in_words

_BY_KEY: Final = ("nodeSelector", "podLabels", "podAnnotations")
_BY_NAME: Final = ("env", "volumes", "secrets", "imagePullSecrets", "hostAliases")


def effective(run: RunSpec, function: FunctionSpec, defaults: RunOptions | None = None) -> RunOptions:
    """Return the effective options of a run. Raises ValueError where the run's and the function's contradict."""
    options = defaults.wire() if defaults else {}
    for spec in (function.run.wire() if function.run else {}, run.wire()):
        overrides = {name: value for name, value in spec.items() if name in _FIELDS}
        options = {**options, **overrides, **_merged(options, overrides)}
    try:
        merged = RunOptions.model_validate(options)
    except ValidationError as error:
        raise ValueError(in_words(error)) from None
    _check_devices(merged.resources)
    return merged


def _check_devices(resources: Resources | None) -> None:
    """Kubernetes does not overcommit devices: without a limit it takes no request for one. Raises ValueError."""
    limits = (resources.limits if resources else None) or {}
    for name, amount in ((resources.requests if resources else None) or {}).items():
        if is_extended(name) and name not in limits:
            raise ValueError(f"resources.requests.{name} {amount} has no limit; write it under limits instead")


_FIELDS: Final = frozenset(field.alias or name for name, field in RunOptions.model_fields.items())


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> Object:
    """Return the merged values of the maps and lists that both have."""
    shared = base.keys() & overrides.keys()
    merged: Object = {name: {**base[name], **overrides[name]} for name in _BY_KEY if name in shared}
    merged |= {name: _merged_by_name(base[name], overrides[name]) for name in _BY_NAME if name in shared}
    if "tolerations" in shared:
        merged["tolerations"] = [
            *(toleration for toleration in base["tolerations"] if toleration not in overrides["tolerations"]),
            *overrides["tolerations"],
        ]
    if "resources" in shared:
        merged["resources"] = _merged_resources(base["resources"], overrides["resources"])
    return merged


def _merged_resources(base: Object, overrides: Object) -> Object:
    return {kind: {**base.get(kind, {}), **overrides.get(kind, {})} for kind in {**base, **overrides}}


def _merged_by_name(base: list[Any], overrides: list[Any]) -> list[Any]:
    """Return all entries in order; the overrides of a name replace the base entry of that name, in its place."""
    remaining: dict[str, list[Any]] = {}
    for entry in overrides:
        remaining.setdefault(_name(entry), []).append(entry)
    override_names, merged = set(remaining), list[Any]()
    for entry in base:
        merged += remaining.pop(_name(entry), []) if _name(entry) in override_names else [entry]
    return [*merged, *(entry for entries in remaining.values() for entry in entries)]


def _name(entry: Any) -> str:
    return str(entry.get("name", entry.get("ip")) if isinstance(entry, Mapping) else entry)
