"""The hash of what a user wants to run and the digest of a function, each compared by the rules that it was made by."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.render import execution_v1
from mlrun_operator.render.meaning import meaning, shape_of

# Change both when the rules of `meaning` change, or a mark of a field that users may have set: the rules of before go
# into a frozen module beside `execution_v1`. A new field needs no new version.
HASH_VERSION: Final = "v2"
DIGEST_VERSION: Final = "v2-sha256"

Spec = Mapping[str, Any]


def execution_hash(run_spec: Spec) -> str:
    """Return `v2-` and 16 hex digits over what a run's spec says of an execution."""
    return _hash(run_spec, HASH_VERSION)


def is_same_execution(recorded_hash: str, run_spec: Spec) -> bool | None:
    """Return whether a spec has a recorded hash by that hash's own rules; None where the rules are unknown.

    Unknown are the rules of a newer operator: such a run's spec says nothing new until its hash is replaced.
    """
    version = recorded_hash.partition("-")[0]
    return _hash(run_spec, version) == recorded_hash if version in _RUN_MEANINGS else None


def function_digest(function_spec: Spec) -> str:
    """Return `v2-sha256:` and 64 hex digits over what a function's spec says of an execution."""
    return _digest(function_spec, DIGEST_VERSION)


def is_same_function(recorded_digest: str, function_spec: Spec) -> bool | None:
    """Return whether a spec has a recorded digest by that digest's own rules; None where the rules are unknown."""
    version = recorded_digest.partition(":")[0]
    return _digest(function_spec, version) == recorded_digest if version in _FUNCTION_MEANINGS else None


def comparable(one: str, other: str) -> bool:
    """Whether both hashes were made by the same rules."""
    return one.split("-", 1)[0] == other.split("-", 1)[0]


def _run_meaning(spec: Spec) -> Any:
    return meaning(spec, shape_of(RunSpec))


def _function_meaning(spec: Spec) -> Any:
    return meaning(spec, shape_of(FunctionSpec))


_Meanings = Mapping[str, Callable[[Spec], Any]]
_RUN_MEANINGS: Final[_Meanings] = {"v1": execution_v1.run_meaning, HASH_VERSION: _run_meaning}
_FUNCTION_MEANINGS: Final[_Meanings] = {"sha256": execution_v1.function_meaning, DIGEST_VERSION: _function_meaning}


def _hash(run_spec: Spec, version: str) -> str:
    return f"{version}-{_sha256(_RUN_MEANINGS[version](_map_or_empty(run_spec)))[:16]}"


def _digest(function_spec: Spec, version: str) -> str:
    return f"{version}:{_sha256(_FUNCTION_MEANINGS[version](_map_or_empty(function_spec)))}"


def _map_or_empty(spec: Any) -> dict[str, Any]:
    """Return the spec; an object may have been stored with any other value in its place."""
    return dict(spec) if isinstance(spec, Mapping) else {}


def _sha256(value: object) -> str:
    try:
        text = _json(value)
    except RecursionError:
        text = "".join(_deep_json(value))
    return hashlib.sha256(text.encode()).hexdigest()


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


class _Text(str):
    """A finished part of the JSON text."""


def _deep_json(value: Any) -> list[str]:
    """Return the parts of the same text as `_json`, however deeply the value is nested."""
    parts, stack = list[str](), [value]
    while stack:
        part = stack.pop()
        match part:
            case _Text():
                parts.append(part)
            case dict():
                members = [m for key in sorted(part) for m in (_Text(f",{_json(key)}:"), part[key])]
                stack += [_Text("}"), *reversed(_opened("{", members))]
            case list():
                members = [m for item in part for m in (_Text(","), item)]
                stack += [_Text("]"), *reversed(_opened("[", members))]
            case _:
                parts.append(_json(part))
    return parts


def _opened(bracket: str, members: list[Any]) -> list[Any]:
    """Return the members behind a bracket in the place of the first comma."""
    return [_Text(bracket + members[0][1:]), *members[1:]] if members else [_Text(bracket)]
