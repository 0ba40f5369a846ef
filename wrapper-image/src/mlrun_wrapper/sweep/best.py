"""Which point is the best, and how the whole sweep ended. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import SweepBest, SweepStatus
from mlrun_operator.api.v1alpha1.sweep import SweepInfo
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.point_summary import Summary

_NAMED: Final = 5
_LISTED: Final = 10
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Selector:
    """mlrun's `[min.|max.]<result>`."""

    result: str
    smallest: bool = False

    @classmethod
    def parse(cls, text: str) -> "Selector":
        """Without min or max it is max."""
        head, dot, tail = text.partition(".")
        return cls(tail, head == "min") if dot and head in ("min", "max") else cls(text)

    def __str__(self) -> str:
        return f"{'min' if self.smallest else 'max'}.{self.result}"


def number(value: Any) -> float | None:
    """A result as a number that can be compared, also of a text, as in mlrun; NaN and infinities are none."""
    if not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def best_of(summaries: Iterable[Summary], selector: Selector) -> Summary | None:
    """Of the points that ended well the best, of equals the first; None where none has the selector's result."""
    values = [(number(each.results.get(selector.result)), each) for each in summaries if each.state == "completed"]
    found = [(-value if selector.smallest else value, each) for value, each in values if value is not None]
    return max(found, key=lambda pair: pair[0])[1] if found else None  # max gives the first of equals


def status_of(summaries: Sequence[Summary], sweep: SweepInfo, best: Summary | None) -> SweepStatus:
    """What the run's status says of it."""
    states = Counter(each.state for each in summaries)
    return SweepStatus(
        points=len(summaries),
        succeeded=states["completed"],
        failed=states["error"],
        skipped=states["skipped"] + states["stopped"],
        seed=sweep.seed if sweep.strategy == "random" else None,
        best=SweepBest(iteration=best.iteration, parameters=best.parameters) if best else None,
    )


def failed_points(summaries: Iterable[Summary]) -> list[Summary]:
    """Without those that were told to end."""
    return [each for each in summaries if each.state == "error"]


def warnings_of(failed: Sequence[Summary]) -> list[str]:
    """The failed points, those with the same words together; of many words the first ones."""
    by_words: dict[str, list[int]] = {}
    for each in failed:
        by_words.setdefault(_short(each), []).append(each.iteration)
    told = [f"{_points(numbers)} failed: {words}" for words, numbers in list(by_words.items())[:_NAMED]]
    rest = sum(len(numbers) for numbers in list(by_words.values())[_NAMED:])
    return [*told, f"{rest} more points failed, for other reasons"] if rest else told


def _points(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"point {numbers[0]}"
    named = ", ".join(map(str, numbers[:_LISTED]))
    return f"points {named}" if len(numbers) <= _LISTED else f"points {named} and {len(numbers) - _LISTED} more"


def verdict(
    summaries: Sequence[Summary], sweep: SweepInfo, best: Summary | None, *, last_word: bool
) -> StepError | None:
    """Why the sweep failed; None where it succeeded. With `last_word` it is not tried again."""
    failed = failed_points(summaries)
    succeeded = [each for each in summaries if each.state == "completed"]
    if len(failed) <= sweep.max_errors and succeeded:
        return None if best or not sweep.selector else _nothing_selected(succeeded, sweep.selector, last_word)
    if not failed:
        return StepError(Reason.HANDLER_FAILED, f"none of the {len(summaries)} points came to its end", final=last_word)
    first = f"the first: point {failed[0].iteration}: {_short(failed[0])}"
    text = f"{len(failed)} of {len(summaries)} points failed"
    text += f", and maxErrors is {sweep.max_errors}" if succeeded else ", and none succeeded"
    return StepError(_common(failed), f"{text}; {first}", final=last_word or all(each.final for each in failed))


def _nothing_selected(succeeded: Sequence[Summary], selector: str, last_word: bool) -> StepError:  # noqa: FBT001 - as above
    names = sorted({name for each in succeeded for name, value in each.results.items() if number(value) is not None})
    have = f"their numbers are {', '.join(names)}" if names else "they logged no numbers"
    text = f"selector {selector!r}: none of the {len(succeeded)} points that succeeded has such a number; {have}"
    return StepError(Reason.OUTPUT_MISSING, text, final=last_word)


def _common(failed: Sequence[Summary]) -> Reason:
    reasons = {each.reason for each in failed}
    common = reasons.pop() if len(reasons) == 1 else None
    return common or Reason.HANDLER_FAILED


def _short(summary: Summary) -> str:
    text = " ".join(summary.message.split()) or str(summary.reason or "no report")
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
