"""Pairs of measurements, their order turned every time, and the line of the table that they become."""

import os
import statistics
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
ROW = "| {:<46} | {:>9} | {:>9} | {:>16} | {:>15} | {:>5} |"
HEAD = ("median", "wrapper", "bare", "ratio of pairs", "aim", "load")


def pairs(runs: int, ours: Callable[[], T], theirs: Callable[[], T]) -> tuple[list[T], list[T]]:
    """`runs` of each, side by side in time; the first pair, which finds cold caches, does not count."""
    found: tuple[list[T], list[T]] = ([], [])
    for number in range(runs + 1):
        sides = [(0, ours), (1, theirs)]
        for side, action in sides if number % 2 else reversed(sides):
            result = action()
            if number:
                found[side].append(result)
    return found


def line(name: str, ours: Sequence[float], theirs: Sequence[float] = (), aim: tuple[str, float] | None = None) -> str:
    """`aim` is `<= n` or `>= n` of the ratio, or `+<= n` of the difference; whether it was reached is told."""
    mine = statistics.median(ours)
    load = f"{os.getloadavg()[0]:.1f}"
    if not theirs:
        return ROW.format(name, f"{mine:.2f}", "", "", "", load)
    other = statistics.median(theirs)
    ratio = statistics.median(a / b if b else 0.0 for a, b in zip(ours, theirs, strict=True))
    more = statistics.median(a - b for a, b in zip(ours, theirs, strict=True))
    return ROW.format(name, f"{mine:.2f}", f"{other:.2f}", f"{ratio:.2f} ({more:+.2f})", _told(aim, ratio, more), load)


def _told(aim: tuple[str, float] | None, ratio: float, more: float) -> str:
    if aim is None:
        return ""
    kind, limit = aim
    reached = {"<=": ratio <= limit, ">=": ratio >= limit, "+<=": more <= limit}[kind]
    return f"{kind} {limit}: {'yes' if reached else 'NO'}"
