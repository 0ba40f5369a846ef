"""Cuts values that are nested so deeply, or that contain themselves, that neither mlrun nor JSON can write them."""

from __future__ import annotations

from typing import Any

# No status holds more than 32 levels; run.json holds as many as this.
MAX_LEVELS = 100
CUT = "… (nested too deeply)"
CYCLE = "… (contains itself)"


def cut_levels(value: Any) -> Any:
    """Return the value with a text for what is nested too deeply; the value itself if nothing is."""
    return _cut(value, ()) if _is_deep(value) else value


def _is_deep(value: Any) -> bool:
    """Return whether the value has more than MAX_LEVELS levels. A value that contains itself has."""
    level = {id(value): value}
    for _ in range(MAX_LEVELS):
        level = {id(item): item for parent in level.values() for item in _items(parent)}
        if not level:
            return False
    return True


def _cut(value: Any, parents: tuple[int, ...]) -> Any:
    if not isinstance(value, (dict, list, tuple)):
        return value
    if id(value) in parents:
        return CYCLE
    if len(parents) >= MAX_LEVELS:
        return CUT
    inner = (*parents, id(value))
    if isinstance(value, dict):
        return {key: _cut(item, inner) for key, item in value.items()}
    return [_cut(item, inner) for item in value]


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
