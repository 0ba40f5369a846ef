"""Puts a text where neither mlrun nor JSON can write a value: nested too deeply, within itself, of too many digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .limits import RESULT_LEVELS

_CONTAINERS = (dict, list, tuple, set, frozenset)
CUT = "… (nested too deeply)"
CYCLE = "… (contains itself)"
# Python writes no integer of more than 4,300 digits as decimals: that would take minutes.
_MAX_BITS = 14284


def cut_levels(value: Any, tell: Callable[[], object] | None = None) -> Any:
    """Return the value with a text for what cannot be written, and `tell`; the value itself if all of it can be."""
    if not _needs_cut(value):
        return value
    if tell is not None:
        tell()
    return _cut(value, ())


def too_deep(name: str) -> str:
    """Return the warning about a value of that name which is cut."""
    return (
        f"{name!r} is nested deeper than {RESULT_LEVELS} levels, contains itself, or has an integer of more than 4,300 "
        "digits; a text is there instead"
    )


def is_long(value: Any) -> bool:
    """Return whether the value is an integer that Python does not write as decimals."""
    return isinstance(value, int) and value.bit_length() > _MAX_BITS


def _needs_cut(value: Any) -> bool:
    """Return whether some integer is too long, or there are more than RESULT_LEVELS levels.

    A value that contains itself has more.
    """
    if is_long(value):
        return True
    level = {id(value): value} if _is_container(value) else {}
    for _ in range(RESULT_LEVELS):
        items = [item for parent in level.values() for item in _items(parent)]
        if any(map(is_long, items)):
            return True
        level = {id(item): item for item in items if _is_container(item)}
        if not level:
            return False
    return True


def _cut(value: Any, parents: tuple[int, ...]) -> Any:
    if is_long(value):
        return hex(value)
    if not _is_container(value):
        return value
    if id(value) in parents:
        return CYCLE
    if len(parents) >= RESULT_LEVELS:
        return CUT
    inner = (*parents, id(value))
    if isinstance(value, dict):
        return {key: _cut(item, inner) for key, item in value.items()}
    return [_cut(item, inner) for item in value]


def _is_container(value: Any) -> bool:
    return isinstance(value, _CONTAINERS)


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value
