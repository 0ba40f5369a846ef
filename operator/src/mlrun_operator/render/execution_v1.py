"""The frozen rules of hashes `v1-…` and digests `sha256:…`, for runs that were recorded with them.

Two versions of the rules are kept: the current and the previous one. Delete this module when the version after v2 is
introduced, because then every run that a supported operator has written has a v2 hash.
"""

from collections.abc import Mapping
from typing import Any, Final

_EXECUTION_FIELDS: Final = (
    "name",
    "project",
    "functionRef",
    "function",
    "inputs",
    "outputs",
    "parameters",
    "hyperparameters",
    "values",
    "returns",
    "replicas",
    "replicaHostnames",
    "nodeSelector",
    "volumes",
    "resources",
    "affinity",
    "tolerations",
    "env",
    "secrets",
    "imagePullSecrets",
    "imagePullPolicy",
    "serviceAccountName",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "topologySpreadConstraints",
    "terminationGracePeriodSeconds",
    "podLabels",
    "podAnnotations",
    "podTemplate",
)
_NOT_OF_FUNCTIONS: Final = ("description", "gitSource", "embedded", "maxConcurrentRuns")


def run_meaning(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the hash of a run's spec covers."""
    meaning = {name: spec[name] for name in _EXECUTION_FIELDS if name in spec}
    if isinstance(meaning.get("function"), Mapping):
        meaning["function"] = function_meaning(meaning["function"])
    if isinstance(meaning.get("functionRef"), Mapping):
        meaning["functionRef"] = {name: value for name, value in meaning["functionRef"].items() if name != "onChange"}
    return meaning


def function_meaning(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the digest of a function's spec covers.

    `source.fileName` is newer than these rules, and its change starts nothing.
    """
    meaning = {name: value for name, value in spec.items() if name not in _NOT_OF_FUNCTIONS}
    if isinstance(meaning.get("source"), Mapping):
        meaning["source"] = {name: value for name, value in meaning["source"].items() if name != "fileName"}
    return meaning
