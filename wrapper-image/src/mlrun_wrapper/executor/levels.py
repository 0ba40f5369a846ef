"""Cuts values that are nested so deeply, or that contain themselves, that neither mlrun nor JSON can write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .limits import RESULT_LEVELS

_CONTAINERS = (dict, list, tuple, set, frozenset)
CUT = "… (nested too deeply)"
CYCLE = "… (contains itself)"


def cut_levels(value: Any, tell: Callable[[], object] | None = None) -> Any:
    """Return the value with a text for what is nested too deeply, and `tell`; the value itself if nothing is."""
    if not _is_deep(value):
        return value
    if tell is not None:
        tell()
    return _cut(value, ())


def too_deep(name: str) -> str:
    """Return the warning about a value of that name which is cut."""
    return f"{name!r} is nested deeper than {RESULT_LEVELS} levels, or contains itself; a text is there instead"


def _is_deep(value: Any) -> bool:
    """Return whether the value has more than RESULT_LEVELS levels. A value that contains itself has."""
    level = {id(value): value} if _is_container(value) else {}
    for _ in range(RESULT_LEVELS):
        level = {id(item): item for parent in level.values() for item in _items(parent) if _is_container(item)}
        if not level:
            return False
    return True


def _cut(value: Any, parents: tuple[int, ...]) -> Any:
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
