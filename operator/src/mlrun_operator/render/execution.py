"""What an execution is started for: the hash of the user's intent and the digest of the function."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from mlrun_operator.api.v1alpha1.run import EXECUTION_FIELDS

# Change it when the meaning of the hash changes: hashes of different versions are never compared.
HASH_VERSION: Final = "v1"
# Fields of a function that do not change what runs.
_PROSE: Final = ("description", "gitSource", "embedded", "maxConcurrentRuns")


def execution_hash(run_spec: Mapping[str, Any]) -> str:
    """`v1-` and 16 hex digits over the fields that change what runs, as the user wrote them; absent stays absent."""
    meant = {name: run_spec[name] for name in EXECUTION_FIELDS if name in run_spec}
    if isinstance(meant.get("function"), Mapping):
        meant["function"] = _without_prose(meant["function"])
    if isinstance(meant.get("functionRef"), Mapping):
        meant["functionRef"] = {name: value for name, value in meant["functionRef"].items() if name != "onChange"}
    return f"{HASH_VERSION}-{_sha256(meant)[:16]}"


def function_digest(function_spec: Mapping[str, Any]) -> str:
    """`sha256:` and 64 hex digits over the function's spec without its prose.

    Another text stands before the colon when the rules change: digests of different rules are never compared.
    """
    return f"sha256:{_sha256(_without_prose(function_spec))}"


def comparable(one: str, other: str) -> bool:
    """Whether both hashes were made by the same rules."""
    return one.split("-", 1)[0] == other.split("-", 1)[0]


def _without_prose(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in _PROSE}


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def is_same_execution(recorded_hash: str, run_spec: Mapping[str, Any]) -> bool | None:
    """Return whether the recorded hash is the spec's, by its own version's rules; None where they are unknown."""
    return recorded_hash == execution_hash(run_spec) if comparable(recorded_hash, HASH_VERSION) else None


def is_same_function(recorded_digest: str, function_spec: Mapping[str, Any]) -> bool | None:
    """Return whether the recorded digest is the function's, by its own version's rules; None where they are unknown."""
    return recorded_digest == function_digest(function_spec) if recorded_digest.startswith("sha256:") else None
