"""Who wins: the options of a run, over those of its function, over the platform's defaults.

Single values: the nearest. Maps (node selector, labels, annotations, requests, limits): all, key by key. Lists of named
things (env, volumes, secrets, pull secrets): all, by name. Tolerations add up. Affinity, spread constraints and the pod
template are taken whole. What the platform insists on comes last of all, in `pod.py`.
"""

from collections.abc import Mapping
from typing import Any, Final

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.run import RunSpec

_BY_KEY: Final = ("nodeSelector", "podLabels", "podAnnotations")
_BY_NAME: Final = ("env", "volumes", "secrets", "imagePullSecrets")


def effective(run: RunSpec, function: FunctionSpec, defaults: RunOptions | None = None) -> RunOptions:
    """The options that this run has."""
    options = defaults.wire() if defaults else {}
    for nearer in (function.run.wire() if function.run else {}, run.wire()):
        said = {name: value for name, value in nearer.items() if name in _FIELDS}
        options = {**options, **said, **_combined(options, said)}
    return RunOptions.model_validate(options)


_FIELDS: Final = frozenset(field.alias or name for name, field in RunOptions.model_fields.items())


def _combined(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Object:
    both: Object = {name: {**theirs[name], **ours[name]} for name in _BY_KEY if name in theirs and name in ours}
    both |= {name: _by_name(theirs[name], ours[name]) for name in _BY_NAME if name in theirs and name in ours}
    if "tolerations" in theirs and "tolerations" in ours:
        both["tolerations"] = [
            *(t for t in theirs["tolerations"] if t not in ours["tolerations"]),
            *ours["tolerations"],
        ]
    if "resources" in theirs and "resources" in ours:
        kinds = {**theirs["resources"], **ours["resources"]}
        both["resources"] = {k: {**theirs["resources"].get(k, {}), **ours["resources"].get(k, {})} for k in kinds}
    return both


def _by_name(theirs: list[Any], ours: list[Any]) -> list[Any]:
    """Both, in order; of one name ours alone and all of ours, in the place of theirs."""
    mine: dict[str, list[Any]] = {}
    for entry in ours:
        mine.setdefault(_name(entry), []).append(entry)
    named, merged = set(mine), list[Any]()
    for entry in theirs:
        merged += mine.pop(_name(entry), []) if _name(entry) in named else [entry]
    return [*merged, *(entry for entries in mine.values() for entry in entries)]


def _name(entry: Any) -> str:
    return str(entry["name"] if isinstance(entry, Mapping) else entry)
