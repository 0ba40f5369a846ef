"""One axis of a plot: where a value lies on it, from 0 to 1, and which values it names. Pure."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlrun_wrapper.sweep.best import number

# Positive values that span more than so many decades are drawn by their logarithms.
_DECADES: Final = 2.0
_TICKS: Final = 5
_LABEL: Final = 14
_MOST_LABELS: Final = 12


class Scale(ABC):
    """Places values on an axis."""

    @abstractmethod
    def at(self, value: Any) -> float | None:
        """From 0, the lowest, to 1; None for what does not lie on it."""

    @abstractmethod
    def ticks(self) -> list[tuple[float, str]]:
        """Places with their labels, from the lowest."""


@dataclass(frozen=True, slots=True)
class Numbers(Scale):
    """From `low` to `high`, which are drawn as they are; `log` by their logarithms."""

    low: float
    high: float
    log: bool = False

    def at(self, value: Any) -> float | None:
        """See `Scale.at`."""
        found = number(value)
        if found is None:
            return None
        if self.low == self.high:
            return 0.5
        low, high, found = (math.log(each) if self.log else each for each in (self.low, self.high, found))
        return (found - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """See `Scale.ticks`."""
        values = _decades(self.low, self.high) if self.log else _round_steps(self.low, self.high)
        return [(place, short(value)) for value in values if (place := self.at(value)) is not None]


@dataclass(frozen=True, slots=True)
class Words(Scale):
    """Each of the values at a place of its own, the first at the bottom."""

    values: tuple[str, ...]

    def at(self, value: Any) -> float | None:
        """See `Scale.at`."""
        text = _text(value)
        if text not in self.values:
            return None
        return 0.5 if len(self.values) == 1 else self.values.index(text) / (len(self.values) - 1)

    def ticks(self) -> list[tuple[float, str]]:
        """See `Scale.ticks`."""
        step = math.ceil(len(self.values) / _MOST_LABELS)
        return [(self.at(value) or 0.0, short(value)) for value in self.values[::step]]


def scale_of(values: Sequence[Any]) -> Scale | None:
    """The scale on which all values lie; None where there are none."""
    held = [value for value in values if value is not None]
    if not held:
        return None
    numbers = [found for value in held if not isinstance(value, (str, bool)) and (found := number(value)) is not None]
    if len(numbers) < len(held):
        return Words(tuple(dict.fromkeys(_text(value) for value in held)))
    low, high = min(numbers), max(numbers)
    return Numbers(low, high, log=low > 0 and math.log10(high / low) > _DECADES)


def short(value: Any) -> str:
    """A value as a label."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.4g}"
    text = _text(value)
    return f"{text[: _LABEL - 1]}…" if len(text) > _LABEL else text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _decades(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = math.ceil((last - first + 1) / _MOST_LABELS)
    return [10.0**power for power in range(first, last + 1, step)]


def _round_steps(low: float, high: float) -> list[float]:
    """Up to so many values at round steps of 1, 2 or 5."""
    if low == high:
        return [low]
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step - 1e-9)
    return [round(count * step, 12) for count in range(first, math.floor(high / step + 1e-9) + 1)]
