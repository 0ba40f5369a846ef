"""The check of free-form parts of a pod, which the CRD accepts with any content, against Kubernetes' own types.

`pod_types.json` holds the types; it is generated from Kubernetes' schema. Fields that it does not know pass: a newer
Kubernetes may have them.
"""

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final

from mlrun_operator.api import bounds

# The largest free-form part as JSON, in bytes. It is rendered and hashed at every look at its run.
MAX_SIZE: Final = bounds.FREE_FORM.limit
# The deepest nesting that Kubernetes' pods have is 12 levels.
_MAX_DEPTH: Final = bounds.FREE_FORM_DEPTH.limit
_MAX_PROBLEMS: Final = 5
_MAX_SHOWN: Final = 40


def checked(value: Any, kind: str, path: str = "", *, is_partial: bool = False) -> Any:
    """Return the value of this type without fields that are null, which Kubernetes takes as absent.

    With `is_partial` required fields of the value itself may be missing, as in a template that is merged.
    Raises ValueError that names each wrong field by its path.
    """
    _check_size(value)
    check = _Check()
    cleaned = check(value, kind, path, 0, is_partial=is_partial)
    if check.problems:
        raise ValueError("; ".join(check.problems))
    return cleaned


def _check_size(value: Any) -> None:
    try:
        size = len(json.dumps(value, default=str).encode())
    except RecursionError:
        size = MAX_SIZE + 1
    if size > MAX_SIZE:
        raise ValueError(f"it is larger than {MAX_SIZE // 1024} KiB, or nested too deeply; make it smaller")


@cache
def _table() -> dict[str, dict[str, tuple[str, bool]]]:
    """Return the fields of each type: name → type, and whether it is required."""
    types: dict[str, dict[str, str]] = json.loads(
        files(__package__).joinpath("pod_types.json").read_text(encoding="utf-8")
    )
    return {
        kind: {name.rstrip("!"): (field_kind, name.endswith("!")) for name, field_kind in fields.items()}
        for kind, fields in types.items()
    }


class _Check:
    """Walks a value along its type and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def __call__(self, value: Any, kind: str, path: str, depth: int, *, is_partial: bool = False) -> Any:
        if depth > _MAX_DEPTH:
            return self._refuse(path, f"is nested more than {_MAX_DEPTH} levels deep")
        if kind.startswith("["):
            return self._list(value, kind[1:-1], path, depth)
        if kind.startswith("{"):
            return self._map(value, kind[1:-1], path, depth)
        if kind in _table():
            return self._object(value, kind, path, depth, is_partial=is_partial)
        is_valid, words = _SCALARS.get(kind, _ANY)
        return value if is_valid(value) else self._refuse_type(path, words, value)

    def _list(self, value: Any, kind: str, path: str, depth: int) -> Any:
        if not isinstance(value, list):
            return self._refuse_type(path, "a list", value)
        return [self(entry, kind, f"{path}[{number}]", depth + 1) for number, entry in enumerate(value)]

    def _map(self, value: Any, kind: str, path: str, depth: int) -> Any:
        if not isinstance(value, dict):
            return self._refuse_type(path, "an object", value)
        return {name: self(entry, kind, _join(path, name), depth + 1) for name, entry in value.items()}

    def _object(self, value: Any, kind: str, path: str, depth: int, *, is_partial: bool) -> Any:
        if not isinstance(value, dict):
            return self._refuse_type(path, "an object", value)
        fields = _table()[kind]
        value = {name: entry for name, entry in value.items() if entry is not None}
        if not is_partial:
            for name, (_, is_required) in fields.items():
                if is_required and name not in value:
                    self._refuse(_join(path, name), "is required")
        return {
            name: self(entry, fields[name][0], _join(path, name), depth + 1) if name in fields else entry
            for name, entry in value.items()
        }

    def _refuse_type(self, path: str, words: str, value: Any) -> None:
        hint = "; put it in quotes" if words == "a string" and isinstance(value, bool | int | float) else ""
        self._refuse(path, f"must be {words}, not {_shown(value)}{hint}")

    def _refuse(self, path: str, words: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(f"{path} {words}" if path else f"it {words}")


def _shown(value: Any) -> str:
    """Return the beginning of the value as JSON."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _join(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_Scalar = tuple[Callable[[Any], bool], str]
_ANY: Final[_Scalar] = (lambda _: True, "anything")
_SCALARS: Final[dict[str, _Scalar]] = {
    "string": (_is_text, "a string"),
    "integer": (_is_integer, "a whole number"),
    "number": (_is_number, "a number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "quantity": (lambda value: _is_text(value) or _is_number(value), "a quantity, such as 500m or 2Gi"),
    "intOrString": (lambda value: _is_text(value) or _is_integer(value), "a whole number or a string"),
}
