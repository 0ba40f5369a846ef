"""How much of a run is done, as the handler itself tells: by a result or by tqdm's bars."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

RESULT = "progress"


def result_done(results: Mapping[str, Any]) -> float | None:
    """Return the result `progress`, where it is a number from 0 to 1."""
    done = results.get(RESULT)
    if isinstance(done, bool) or not isinstance(done, (int, float)) or not 0 <= done <= 1:
        return None
    return float(done)


def tqdm_done(modules: Mapping[str, Any]) -> float | None:
    """Return the part that the outermost bar with a total shows, where the handler has imported tqdm.

    tqdm itself keeps a list of its open bars, so a printed line that looks like a bar is none, and its own work costs
    nothing more. A `tqdm` of another make has no such list.
    """
    try:
        bars = sorted(modules["tqdm.std"].tqdm._instances.copy(), key=_depth)
    except (KeyError, AttributeError, TypeError, RuntimeError):  # the last one: the list is just changing
        return None
    parts = [part for part in map(_part, bars) if part is not None]
    return parts[0] if parts else None


def _depth(bar: Any) -> int:
    return abs(int(getattr(bar, "pos", 0)))


def _part(bar: Any) -> float | None:
    """Return the part of one bar; None where it has no total."""
    try:
        part = float(bar.n) / float(bar.total)
    except (AttributeError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return round(min(max(part, 0.0), 1.0), 4) if math.isfinite(part) else None
