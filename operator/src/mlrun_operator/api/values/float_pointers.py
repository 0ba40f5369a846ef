"""JSON pointers to the floats of a run. The API server writes 1.0 as 1 and -0.0 as 0, so numbers alone do not tell.

A pointer to a list or a map means all numbers inside it. The pointers start at the run's spec: `/parameters/rate`,
`/hyperparameters/params/rate/0`. The text `-0.0` stands for the number, whose sign is lost on the way.
"""

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

NEGATIVE_ZERO: Final = "-0.0"


def float_pointers(value: Any, pointer: str) -> list[str]:
    """Return the pointers to the whole floats in a value that is at `pointer`.

    >>> float_pointers({"a": 1.0, "b": 1, "c": [0.5, 2.0], "d": 0.5}, "/parameters")
    ['/parameters/a', '/parameters/c']
    """
    if _is_whole_float(value):
        return [pointer]
    members = ((f"{pointer}/{_escaped(key)}", member) for key, member in _members(value))
    return [found for place, member in members for found in _member_pointers(member, place)]


def _member_pointers(value: Any, pointer: str) -> list[str]:
    """Return the pointer to a list or a map alone where all its numbers are floats."""
    pointers = float_pointers(value, pointer)
    return [pointer] if pointers and all(map(_stays_itself, _leaves(value))) else pointers


def _stays_itself(leaf: Any) -> bool:
    """Return whether a value in a container that is read as floats is read as what it is."""
    return not _is_integer(leaf) and leaf != NEGATIVE_ZERO


def portable(value: Any) -> Any:
    """Return the value with each negative zero as the text that keeps its sign."""
    if isinstance(value, float) and value == 0 and math.copysign(1, value) < 0:
        return NEGATIVE_ZERO
    if isinstance(value, Mapping):
        return {key: portable(member) for key, member in value.items()}
    return [portable(member) for member in value] if isinstance(value, list) else value


def has_whole_number(value: Any) -> bool:
    """Return whether a number in the value could be an integer or a float once Kubernetes has stored it."""
    return any(_is_integer(leaf) or _is_whole_float(leaf) for leaf in _leaves(value))


def with_floats(spec: Mapping[str, Any], pointers: Iterable[str]) -> tuple[dict[str, Any], list[str]]:
    """Return a copy of a spec in which the numbers at the pointers are floats, and a warning for each useless pointer.

    >>> with_floats({"parameters": {"a": 1, "b": "-0.0"}}, ["/parameters/a", "/parameters/b", "/parameters/c"])
    ({'parameters': {'a': 1.0, 'b': -0.0}}, ["floatParameters: '/parameters/c' is not in the run"])
    """
    changed, warnings = copy.deepcopy(dict(spec)), list[str]()
    for pointer in pointers:
        place = _place(changed, pointer)
        if place is None:
            warnings.append(f"floatParameters: {pointer!r} is not in the run")
        elif not _make_floats(*place):
            warnings.append(f"floatParameters: {pointer!r} is not a number and contains none")
    return changed, warnings


def _place(spec: dict[str, Any], pointer: str) -> tuple[Any, Any] | None:
    """Return the container that the pointer ends in and the member's key; None if there is no such member."""
    container: Any = {"": spec}
    key: Any = ""
    for part in pointer.split("/")[1:]:
        container = container[key]
        key = _key_in(container, part.replace("~1", "/").replace("~0", "~"))
        if key is None:
            return None
    return container, key


def _key_in(container: Any, name: str) -> str | int | None:
    """Return the key or the index of that name; None if the container has none."""
    if isinstance(container, dict):
        return name if name in container else None
    if isinstance(container, list) and name.isdecimal() and str(int(name)) == name:
        return int(name) if int(name) < len(container) else None
    return None


def _make_floats(container: Any, key: Any) -> bool:
    """Make floats of the member, or of the numbers inside it, in place. Return whether there was a number."""
    value = container[key]
    if isinstance(value, dict | list):
        return sum(_make_floats(value, key_inside) for key_inside, _ in _members(value)) > 0  # each of them
    if isinstance(value, float):
        return True
    if not _is_integer(value) and value != NEGATIVE_ZERO:
        return False
    try:
        container[key] = float(value)
    except OverflowError:  # an integer of more than 308 digits, which only a local run can have
        return False
    return True


def _members(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _leaves(value: Any) -> Iterator[Any]:
    if not isinstance(value, dict | list):
        yield value
    for _, member in _members(value):
        yield from _leaves(member)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_whole_float(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer()


def _escaped(key: str | int) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
