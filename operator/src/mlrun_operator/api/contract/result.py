"""The result: what the wrapper reports through the container's termination message, within a budget of bytes.

Plain JSON where it fits, else compressed base64 behind a prefix, else cut in a fixed order and marked `truncated`:
previews, the traceback's beginning, inputs and warnings, the traceback and the parameters of a sweep's best point,
results (largest first), outputs (last names first), at last the message. The whole is always in the store's run.json.

An operator that was rolled back reads reports of newer wrappers: what it knows of them counts, the rest is left out.
"""

import base64
import json
import zlib
from typing import Any, Final, Literal

from pydantic import ValidationError

from mlrun_operator.api.base import Model
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import InputInfo, OutputInfo, SourceInfo, SweepStatus

COMPRESSED_PREFIX: Final = "zlib+base64:"
# What a result that does not fit keeps of the traceback, and the ever shorter messages at last, in characters.
_TRACEBACK: Final = 1024
_MESSAGES: Final = (1024, 512, 256, 64, 0)
# No result compresses better than this; trying would only cost time.
_HOPELESS: Final = 1000
# What is left out of a newer report may make what holds it invalid, and that again; no report is nested deeper.
_ROUNDS: Final = 8
# Unknown fields of one report; with more it is none.
_UNKNOWN: Final = 10_000


class Result(Model):
    """How the wrapper ended.

    `traceback` is the user's own, without our frames; `warnings` become conditions; `run_path` is the folder of
    run.json and log.txt.
    """

    version: Literal[1] = 1
    reason: Reason
    message: str = ""
    traceback: str | None = None
    source: SourceInfo | None = None
    inputs: list[InputInfo] = []
    outputs: dict[str, OutputInfo] = {}
    results: dict[str, Any] = {}
    warnings: list[str] = []
    sweep: SweepStatus | None = None
    run_path: str | None = None
    truncated: bool = False


def encode(result: Result, budget: int) -> str:
    """The termination message of at most `budget` bytes of UTF-8, with as little cut as that allows.

    Raises ValueError where not even the reason fits.
    """
    cuts = _Cuts(result)
    low, high = 0, cuts.count
    text = _fitting(cuts.after(high), budget)
    if text is None:
        raise ValueError(f"a budget of {budget} bytes holds no result")
    while low < high:
        middle = (low + high) // 2
        shorter = _fitting(cuts.after(middle), budget)
        if shorter is None:
            low = middle + 1
        else:
            text, high = shorter, middle
    return text


def decode(text: str, exit_code: int | None = None) -> Result | None:
    """The result in a termination message; None where a container ended without one.

    Of a newer wrapper's what is known here. A reason that is not is read as that of the `exit_code`.
    """
    try:
        if text.startswith(COMPRESSED_PREFIX):
            text = zlib.decompress(base64.b64decode(text.removeprefix(COMPRESSED_PREFIX))).decode()
        report = json.loads(text)
    except (ValueError, zlib.error, RecursionError):
        return None
    try:
        return Result.model_validate_json(text)
    except ValidationError:
        return _known(report, exit_code)


def _known(report: Any, exit_code: int | None) -> Result | None:
    """A report without what is unknown here; None where it is none: a log may end with any JSON."""
    if not isinstance(report, dict) or not isinstance(report.get("version"), int) or "reason" not in report:
        return None
    told = report["reason"]
    if told not in list(Reason):
        report["reason"] = _reason_of(exit_code)
        text = f"the wrapper told the reason {str(told)[:64]!r}, which this operator is too old to know"
        before = report.get("warnings")
        report["warnings"] = [*(before if isinstance(before, list) else ()), text]
    for _ in range(_ROUNDS):
        try:
            return Result.model_validate(report)
        except ValidationError as error:
            if error.error_count() > _UNKNOWN:
                return None
            # Of something missing what should hold it.
            places = {each["loc"][:-1] if each["type"] == "missing" else each["loc"] for each in error.errors()}
            for place in sorted(places, key=_last_first):
                if not any(place[:length] in places for length in range(len(place))):
                    _leave_out(report, place)
    return None


def _last_first(place: tuple[int | str, ...]) -> list[tuple[int, str]]:
    """So that those of a list keep their numbers until they go."""
    return [(-part, "") if isinstance(part, int) else (0, part) for part in place]


def _reason_of(exit_code: int | None) -> Reason:
    """The first that ends so."""
    found = (reason for reason, told in EXPLANATIONS.items() if exit_code is not None and told.exit_code == exit_code)
    return next(found, Reason.WRAPPER_ERROR)


def _leave_out(report: Any, place: tuple[int | str, ...]) -> None:
    *holders, last = place
    for name in holders:
        report = report[name]
    del report[last]


def _fitting(result: Result, budget: int) -> str | None:
    """The shorter of what fits: plain where it does, else compressed; None where neither does."""
    plain = json.dumps(result.wire(), ensure_ascii=False, separators=(",", ":")).encode()
    if len(plain) <= budget:
        return plain.decode()
    if len(plain) > budget * _HOPELESS:
        return None
    text = COMPRESSED_PREFIX + base64.b64encode(zlib.compress(plain, 9)).decode()
    return text if len(text) <= budget else None


class _Cuts:
    """The result after the first n cuts, in the documented order, for n from 0 to `count`."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._large_first = sorted(result.results, key=lambda n: (-len(json.dumps(result.results[n], default=str)), n))
        self._last_first = sorted(result.outputs, reverse=True)
        self._before_results = 4
        self._before_outputs = self._before_results + len(self._large_first)
        self._before_message = self._before_outputs + len(self._last_first)
        self.count = self._before_message + len(_MESSAGES)

    def after(self, cuts: int) -> Result:
        """The first `cuts` cuts applied."""
        if cuts == 0:
            return self._result
        result = self._result
        traceback = result.traceback if cuts < 2 else (result.traceback or "")[-_TRACEBACK:]
        without = set(self._large_first[: max(cuts - self._before_results, 0)])
        gone = set(self._last_first[: max(cuts - self._before_outputs, 0)])
        update: dict[str, Any] = {
            "truncated": True,
            "traceback": (traceback or None) if cuts < self._before_results else None,
            "results": {name: value for name, value in result.results.items() if name not in without},
            "outputs": {
                name: output.model_copy(update={"preview": None})
                for name, output in result.outputs.items()
                if name not in gone
            },
        }
        if cuts >= 3:
            update |= {"inputs": [], "warnings": []}
        if cuts >= self._before_results:
            update["sweep"] = _without_parameters(result.sweep)
        if cuts > self._before_message:
            length = _MESSAGES[cuts - self._before_message - 1]
            update |= {"message": result.message[:length], "source": None, "run_path": None}
        return result.model_copy(update=update)


def _without_parameters(sweep: SweepStatus | None) -> SweepStatus | None:
    if sweep is None or sweep.best is None:
        return sweep
    return sweep.model_copy(update={"best": sweep.best.model_copy(update={"parameters": {}})})
