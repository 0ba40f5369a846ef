"""The hash of a run's spec and the digest of a function, each compared by the rules that made it."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.render import execution_v1
from mlrun_operator.render.meaning import as_spelled, meaning, shape_of

# Change both when the rules of `meaning` change, or the mark of a field that users may have set. Then move the previous
# rules into a frozen module beside `execution_v1`. A new field needs no new version, and neither do rules by which more
# spellings are one: add them, and compare by the previous ones as well.
HASH_VERSION: Final = "v2"
DIGEST_VERSION: Final = "v2-sha256"

Spec = Mapping[str, Any]


def execution_hash(run_spec: Spec) -> str:
    """Return `v2-` and 16 hex digits over the parts of a run's spec that change an execution."""
    return _hash(run_spec, HASH_VERSION)


def is_same_execution(recorded_hash: str, run_spec: Spec) -> bool | None:
    """Return whether a spec has the recorded hash by the rules of that hash; None if its rules are unknown.

    The rules of a newer operator are unknown. Such a run counts as unchanged until its hash is replaced.
    """
    version = recorded_hash.partition("-")[0]
    return recorded_hash in _hashes(run_spec, version) if version in _RUN_MEANINGS else None


def function_digest(function_spec: Spec) -> str:
    """Return `v2-sha256:` and 64 hex digits over the parts of a function's spec that change an execution."""
    return _digest(function_spec, DIGEST_VERSION)


def is_same_function(recorded_digest: str, function_spec: Spec) -> bool | None:
    """Return whether a spec has the recorded digest by the rules of that digest; None if its rules are unknown."""
    version = recorded_digest.partition(":")[0]
    return recorded_digest in _digests(function_spec, version) if version in _FUNCTION_MEANINGS else None


def _run_meaning(spec: Spec) -> Any:
    return meaning(spec, shape_of(RunSpec))


def _function_meaning(spec: Spec) -> Any:
    return meaning(spec, shape_of(FunctionSpec))


_RUN_AS_SPELLED: Final = as_spelled(shape_of(RunSpec))
_FUNCTION_AS_SPELLED: Final = as_spelled(shape_of(FunctionSpec))


def _run_as_spelled(spec: Spec) -> Any:
    """Return the meaning as the first hashes v2 had it, where a long form was another than its text."""
    return meaning(spec, _RUN_AS_SPELLED)


def _function_as_spelled(spec: Spec) -> Any:
    return meaning(spec, _FUNCTION_AS_SPELLED)


_Meaning = Callable[[Spec], Any]
_RUN_MEANINGS: Final[Mapping[str, tuple[_Meaning, ...]]] = {
    "v1": (execution_v1.run_meaning,),
    HASH_VERSION: (_run_meaning, _run_as_spelled),
}
_FUNCTION_MEANINGS: Final[Mapping[str, tuple[_Meaning, ...]]] = {
    "sha256": (execution_v1.function_meaning,),
    DIGEST_VERSION: (_function_meaning, _function_as_spelled),
}


def _hash(run_spec: Spec, version: str) -> str:
    return next(_hashes(run_spec, version))


def _hashes(run_spec: Spec, version: str) -> Iterator[str]:
    """Yield the spec's hash by the rules of this version, then by those that it had before."""
    spec = _map_or_empty(run_spec)
    return (f"{version}-{_sha256(rule(spec))[:16]}" for rule in _RUN_MEANINGS[version])


def _digest(function_spec: Spec, version: str) -> str:
    return next(_digests(function_spec, version))


def _digests(function_spec: Spec, version: str) -> Iterator[str]:
    """Yield the digest by the rules of this version, then by those that it had before."""
    spec = _map_or_empty(function_spec)
    return (f"{version}:{_sha256(rule(spec))}" for rule in _FUNCTION_MEANINGS[version])


def _map_or_empty(spec: Any) -> dict[str, Any]:
    """Return the spec; an empty one if the stored value is not a map."""
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
    """A piece of JSON text that needs no more encoding."""


def _deep_json(value: Any) -> list[str]:
    """Return the same text as `_json` in pieces, however deeply the value is nested."""
    texts, stack = list[str](), [value]
    while stack:
        node = stack.pop()
        match node:
            case _Text():
                texts.append(node)
            case dict():
                members = [m for key in sorted(node) for m in (_Text(f",{_json(key)}:"), node[key])]
                stack += [_Text("}"), *reversed(_opened("{", members))]
            case list():
                members = [m for item in node for m in (_Text(","), item)]
                stack += [_Text("]"), *reversed(_opened("[", members))]
            case _:
                texts.append(_json(node))
    return texts


def _opened(bracket: str, members: list[Any]) -> list[Any]:
    """Return the members with the bracket instead of the first comma."""
    return [_Text(bracket + members[0][1:]), *members[1:]] if members else [_Text(bracket)]
