"""The result: the wrapper's report in the container's termination message, within a budget of bytes.

It is plain JSON if that fits, or else compressed base64 after a prefix. If neither fits, it is shortened in a fixed
order and marked `truncated`: previews, the beginning of the traceback, inputs and warnings, the traceback and the
parameters of a sweep's best point, results (largest first), outputs (last names first), and at last the message. The
complete report is always in the store's run.json.

The kubelet cuts off the end of a message that exceeds the pod's limit. Reason and message come first, so that such a
report still has them. An operator that was rolled back may read reports of newer wrappers: it uses the fields that it
knows and drops the others.
"""

import base64
import binascii
import json
import math
import re
import zlib
from collections.abc import Iterator
from typing import Any, Final, Literal

from pydantic import ValidationError

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model
from mlrun_operator.api.nesting import is_deeper
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import MAX_INPUTS, InputInfo, OutputInfo, SourceInfo, SweepStatus

COMPRESSED_PREFIX: Final = "zlib+base64:"
# The characters of the traceback's end in a shortened report, and the decreasing lengths of its message.
_TRACEBACK_LENGTH: Final = 1024
_MESSAGE_LENGTHS: Final = (1024, 512, 256, 64, 0)
# The maximum size of a report as plain JSON and the maximum nesting of its values, both for writing and for reading.
MAX_DECODED: Final = bounds.REPORT.limit
MAX_DEPTH: Final = bounds.REPORT_DEPTH.limit
# What cannot be written as JSON: half a character, an object, what is nested too deeply.
UNWRITABLE: Final = (ValueError, TypeError, RecursionError)
# Integers beyond these bounds are not numbers for an API server, and no sweep has so many points.
_INT64: Final = 2**63
_INT32: Final = 2**31
# Fields whose beginning is kept if the report was cut inside them.
_CUT_TEXTS: Final = ("message", "traceback")
# The maximum length of an escape sequence, which a cut may leave incomplete.
_MAX_ESCAPE_LENGTH: Final = 12
# Dropping a field of a newer report may make its parent invalid, and so on. No report is nested deeper than this.
_MAX_ROUNDS: Final = 8
_MAX_UNKNOWN_FIELDS: Final = bounds.UNKNOWN_FIELDS.limit


class Result(Model):
    """The report of a wrapper that has ended.

    `traceback` has only the user's frames, not ours. `warnings` become conditions. `run_path` is the directory of
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
    """Return the termination message of at most `budget` bytes of UTF-8, shortened as little as possible.

    Raises ValueError if not even the reason fits.
    """
    cuts = _Cuts(result)
    low, high = 0, cuts.count
    text = _fitting(cuts.after(high), budget)
    if text is None:
        raise ValueError(f"a budget of {budget} bytes is too small for any result")
    while low < high:
        middle = (low + high) // 2
        shorter = _fitting(cuts.after(middle), budget)
        if shorter is None:
            low = middle + 1
        else:
            text, high = shorter, middle
    return text


def decode(text: str, exit_code: int | None = None, limit: int = MAX_DECODED) -> Result | None:
    """Return the result in a termination message; None if the message has none. Never raises.

    At most `limit` bytes are decoded. A report is `truncated` if it is longer, if the kubelet cut it, or if it has
    values that are nested deeper than MAX_DEPTH. In a report of a newer wrapper unknown fields are dropped, and an
    unknown reason is replaced by that of the `exit_code`.
    """
    report_text, is_whole = _plain(text, limit)
    try:
        report = _bounded(Result.model_validate_json(report_text))
        if is_writable(report):
            return report
    except ValidationError:
        pass
    result = _without_unknown(_writable(_loaded(report_text, is_whole=is_whole)), exit_code)
    return _bounded(result) if result else None


def is_writable(result: Result) -> bool:
    """Return whether the result can be written as JSON that an API server reads."""
    try:
        json.dumps(result.wire(), ensure_ascii=False, allow_nan=False).encode()
    except UNWRITABLE:
        return False
    return True


def _loaded(report_text: str, *, is_whole: bool) -> Any:
    """Return the report's fields, or those that can be read."""
    try:
        return json.loads(report_text) if is_whole else _head(report_text)
    except (ValueError, RecursionError):
        return _head(report_text)


def _writable(value: Any, depth: int = 0) -> Any:
    """Return the value with what a status cannot hold replaced: half characters, numbers that are not finite or huge.

    What is nested far too deeply is dropped with its parent later.
    """
    if depth > 2 * MAX_DEPTH:
        return value
    if isinstance(value, dict):
        return {_writable(name): _writable(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_writable(item, depth + 1) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    is_huge = isinstance(value, int) and not -_INT64 <= value < _INT64
    return str(value) if is_huge else value


def _plain(text: str, limit: int) -> tuple[str, bool]:
    """Return the report as plain JSON, and whether it is complete."""
    if not text.startswith(COMPRESSED_PREFIX):
        data = text.encode("utf-8", "replace")
        return data[:limit].decode("utf-8", "ignore"), len(data) <= limit
    decompressor = zlib.decompressobj()
    try:
        data = decompressor.decompress(_base64_head(text.removeprefix(COMPRESSED_PREFIX)), limit)
    except (binascii.Error, zlib.error):
        return "", False
    return data.decode("utf-8", "ignore"), decompressor.eof


def _base64_head(text: str) -> bytes:
    """Return the bytes of all complete groups of four characters."""
    data = text.encode("ascii", "ignore")
    return base64.b64decode(data[: len(data) // 4 * 4])


def _head(text: str) -> dict[str, Any] | None:
    """Return the fields of a report without its end, including the beginning of a text or a map.

    Return None if it has several lines and so is not a report.
    """
    if "\n" in text:
        return None
    report: dict[str, Any] = {}
    for name, value, start in _fields(text, 0):
        if start is None:
            report[name] = value
        elif name in _CUT_TEXTS and text[start : start + 1] == '"':
            report[name] = _cut_text(text[start + 1 :])
        elif text[start : start + 1] == "{":
            report[name] = {key: item for key, item, cut in _fields(text, start) if cut is None}
    return {**report, "truncated": True}


def _fields(text: str, position: int) -> Iterator[tuple[str, Any, int | None]]:
    """Yield the name and value of each field of the object at `position`; for a cut value its position instead."""
    if text[position : position + 1] != "{":
        return
    position = _next(text, position + 1)
    while text[position : position + 1] == '"':
        try:
            name, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        start = _next(text, position)
        try:
            value, position = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            yield name, None, start
            return
        if position == len(text) and isinstance(value, int | float):  # Its last digits may be missing.
            return
        yield name, value, None
        position = _next(text, position)


_DECODER: Final = json.JSONDecoder()
_GAP: Final = re.compile(r"[\s,:]*")


def _next(text: str, position: int) -> int:
    gap = _GAP.match(text, position)
    return gap.end() if gap else position


def _cut_text(text: str) -> str:
    """Return the value of a JSON text whose end was cut off, without an incomplete escape sequence."""
    for length in range(len(text), max(len(text) - _MAX_ESCAPE_LENGTH, 0) - 1, -1):
        try:
            head: str = json.loads(f'"{text[:length]}"', strict=False)
        except ValueError:
            continue
        return head.rstrip("\ufffd").encode("utf-8", "ignore").decode()
    return ""


def _bounded(result: Result) -> Result:
    """Return the result without what a status cannot hold: values that are nested too deeply, too many inputs."""
    results = {name: value for name, value in result.results.items() if _is_shallow(value)}
    outputs = {
        name: output if _is_shallow(output.preview) else _bare(output) for name, output in result.outputs.items()
    }
    sweep = result.sweep if _is_shallow(result.sweep and result.sweep.best and result.sweep.best.parameters) else None
    sweep = sweep or _without_parameters(result.sweep)
    changes = {
        "results": results,
        "outputs": outputs,
        "sweep": sweep if sweep and _has_small_counts(sweep) else None,
        "inputs": result.inputs[:MAX_INPUTS],
    }
    bounded = result.model_copy(update=changes)
    return result if bounded == result else bounded.model_copy(update={"truncated": True})


def _is_shallow(value: Any) -> bool:
    return not is_deeper(value, MAX_DEPTH)


def _bare(output: OutputInfo) -> OutputInfo:
    return output.model_copy(update={"preview": None})


def _without_unknown(report: Any, exit_code: int | None) -> Result | None:
    """Return a report without unknown fields; None if it is not a report. A log may end with any JSON."""
    if not isinstance(report, dict) or not isinstance(report.get("version"), int) or "reason" not in report:
        return None
    reason = report["reason"]
    if reason not in list(Reason):
        report["reason"] = _reason_of(exit_code)
        warning = f"the wrapper reported the reason {str(reason)[:64]!r}, which this operator is too old to know"
        warnings = report.get("warnings")
        report["warnings"] = [*(warnings if isinstance(warnings, list) else ()), warning]
    for _ in range(_MAX_ROUNDS):
        try:
            return Result.model_validate(report)
        except ValidationError as error:
            if error.error_count() > _MAX_UNKNOWN_FIELDS:
                return None
            # If a required field is missing, its parent is dropped.
            paths = {e["loc"][:-1] if e["type"] == "missing" else e["loc"] for e in error.errors()}
            for path in sorted(paths, key=_last_first):
                if not any(path[:length] in paths for length in range(len(path))):
                    _drop(report, path)
    return None


def _last_first(path: tuple[int | str, ...]) -> list[tuple[int, str]]:
    """Return a sort key that puts the last entries of a list first, so that the other indexes stay valid."""
    return [(-step, "") if isinstance(step, int) else (0, step) for step in path]


def _reason_of(exit_code: int | None) -> Reason:
    """Return the first reason with this exit code."""
    if exit_code is None:
        return Reason.WRAPPER_ERROR
    reasons = (reason for reason, explanation in EXPLANATIONS.items() if explanation.exit_code == exit_code)
    return next(reasons, Reason.WRAPPER_ERROR)


def _drop(report: Any, path: tuple[int | str, ...]) -> None:
    *parents, field = path
    for name in parents:
        report = report[name]
    del report[field]


def _fitting(result: Result, budget: int) -> str | None:
    """Return the result as plain or compressed JSON; None if neither fits, or if it is too large to decode."""
    data = json.dumps(result.wire(), ensure_ascii=False, separators=(",", ":")).encode()
    if len(data) <= budget:
        return data.decode()
    if len(data) > MAX_DECODED:
        return None
    text = COMPRESSED_PREFIX + base64.b64encode(zlib.compress(data, 9)).decode()
    return text if len(text) <= budget else None


class _Cuts:
    """Shortens the result in the documented order, by the first n cuts, for n from 0 to `count`."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._large_first = sorted(result.results, key=lambda n: (-len(json.dumps(result.results[n], default=str)), n))
        self._last_first = sorted(result.outputs, reverse=True)
        self._before_results = 4
        self._before_outputs = self._before_results + len(self._large_first)
        self._before_message = self._before_outputs + len(self._last_first)
        self.count = self._before_message + len(_MESSAGE_LENGTHS)

    def after(self, cuts: int) -> Result:
        """Return the result with the first `cuts` cuts."""
        if cuts == 0:
            return self._result
        result = self._result
        traceback = result.traceback if cuts < 2 else (result.traceback or "")[-_TRACEBACK_LENGTH:]
        dropped_results = set(self._large_first[: max(cuts - self._before_results, 0)])
        dropped_outputs = set(self._last_first[: max(cuts - self._before_outputs, 0)])
        update: dict[str, Any] = {
            "truncated": True,
            "traceback": (traceback or None) if cuts < self._before_results else None,
            "results": {name: value for name, value in result.results.items() if name not in dropped_results},
            "outputs": {name: _bare(output) for name, output in result.outputs.items() if name not in dropped_outputs},
        }
        if cuts >= 3:
            update |= {"inputs": [], "warnings": []}
        if cuts >= self._before_results:
            update["sweep"] = _without_parameters(result.sweep)
        if cuts > self._before_message:
            length = _MESSAGE_LENGTHS[cuts - self._before_message - 1]
            update |= {"message": result.message[:length], "source": None, "run_path": None}
        return result.model_copy(update=update)


def _has_small_counts(sweep: SweepStatus) -> bool:
    counts = (sweep.points, sweep.running, sweep.succeeded, sweep.failed, sweep.skipped)
    return all(0 <= count < _INT32 for count in counts)


def _without_parameters(sweep: SweepStatus | None) -> SweepStatus | None:
    if sweep is None or sweep.best is None:
        return sweep
    return sweep.model_copy(update={"best": sweep.best.model_copy(update={"parameters": {}})})
