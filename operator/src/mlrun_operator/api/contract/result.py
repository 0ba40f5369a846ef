"""The result: what the wrapper reports through the container's termination message, within a budget of bytes.

Plain JSON where it fits, else compressed base64 behind a prefix, else cut in a fixed order and marked `truncated`:
previews, the traceback's beginning, inputs and warnings, the traceback and the parameters of a sweep's best point,
results (largest first), outputs (last names first), at last the message. The whole is always in the store's run.json.

The kubelet cuts the end off a message that is longer than the pod's containers leave room for. Reason and message come
first, so that the head of such a report still tells them. An operator that was rolled back reads reports of newer
wrappers: what it knows of them counts, the rest is left out.
"""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, Final, Literal

from pydantic import ValidationError

from mlrun_operator.api.base import Model
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import InputInfo, OutputInfo, SourceInfo, SweepStatus

COMPRESSED_PREFIX: Final = "zlib+base64:"
# What a result that does not fit keeps of the traceback, and the ever shorter messages at last, in characters.
_TRACEBACK: Final = 1024
_MESSAGES: Final = (1024, 512, 256, 64, 0)
# Bytes of a report as plain JSON, and how deeply its values may be nested: what is written and what is read.
MAX_DECODED: Final = 64 * 1024
MAX_DEPTH: Final = 32
# Fields of which the beginning is worth keeping where a report was cut in them.
_CUT_TEXTS: Final = ("message", "traceback")
# An escape sequence, of which a cut may leave any part, has at most this many characters.
_ESCAPE: Final = 12
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
    """Return the termination message of at most `budget` bytes of UTF-8, with as little cut as that allows.

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


def decode(text: str, exit_code: int | None = None, limit: int = MAX_DECODED) -> Result | None:
    """Return the result in a termination message; None where a container ended without one. Never raises.

    At most `limit` bytes are decoded. A report that is longer, that the kubelet cut, or that holds values which are
    nested more than MAX_DEPTH deep is `truncated`. Of a newer wrapper's what is known here counts, and a reason that is
    not is read as that of the `exit_code`.
    """
    report_text, is_whole = _plain(text, limit)
    try:
        report = json.loads(report_text) if is_whole else _head(report_text)
    except (ValueError, RecursionError):
        report = _head(report_text)
    try:
        return _without_depth(Result.model_validate_json(report_text))
    except ValidationError:
        result = _without_unknown(report, exit_code)
    return result and _without_depth(result)


def _plain(text: str, limit: int) -> tuple[str, bool]:
    """Return the report as plain JSON, and whether that is all of it."""
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
    """Return the bytes of the whole groups of four that are there."""
    data = text.encode("ascii", "ignore")
    return base64.b64decode(data[: len(data) // 4 * 4])


def _head(text: str) -> dict[str, Any] | None:
    """Return the fields of a report whose end is missing: whole ones, and what there is of a text or a map.

    None where it is something else: a report is a single line.
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
    """Yield name and value of the fields of the object at `position`; of a cut value its position instead."""
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
        if position == len(text) and isinstance(value, int | float):  # its last digits may be missing
            return
        yield name, value, None
        position = _next(text, position)


_DECODER: Final = json.JSONDecoder()
_GAP: Final = re.compile(r"[\s,:]*")


def _next(text: str, position: int) -> int:
    gap = _GAP.match(text, position)
    return gap.end() if gap else position


def _cut_text(text: str) -> str:
    """Return a JSON text without its quotes, less an escape sequence that was cut at its end."""
    for length in range(len(text), max(len(text) - _ESCAPE, 0) - 1, -1):
        try:
            head: str = json.loads(f'"{text[:length]}"', strict=False)
        except ValueError:
            continue
        return head.rstrip("\ufffd").encode("utf-8", "ignore").decode()
    return ""


def _without_depth(result: Result) -> Result:
    """Return the result without values that are nested too deeply for a status."""
    results = {name: value for name, value in result.results.items() if _is_shallow(value)}
    outputs = {
        name: output if _is_shallow(output.preview) else _bare(output) for name, output in result.outputs.items()
    }
    sweep = result.sweep if _is_shallow(result.sweep and result.sweep.best and result.sweep.best.parameters) else None
    changes = {"results": results, "outputs": outputs, "sweep": sweep or _without_parameters(result.sweep)}
    bounded = result.model_copy(update=changes)
    return result if bounded == result else bounded.model_copy(update={"truncated": True})


def _is_shallow(value: Any) -> bool:
    """Return whether the value has at most MAX_DEPTH levels."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return True
    return False


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _bare(output: OutputInfo) -> OutputInfo:
    return output.model_copy(update={"preview": None})


def _without_unknown(report: Any, exit_code: int | None) -> Result | None:
    """Return a report without what is unknown here; None where it is none: a log may end with any JSON."""
    if not isinstance(report, dict) or not isinstance(report.get("version"), int) or "reason" not in report:
        return None
    reason = report["reason"]
    if reason not in list(Reason):
        report["reason"] = _reason_of(exit_code)
        warning = f"the wrapper told the reason {str(reason)[:64]!r}, which this operator is too old to know"
        warnings = report.get("warnings")
        report["warnings"] = [*(warnings if isinstance(warnings, list) else ()), warning]
    for _ in range(_ROUNDS):
        try:
            return Result.model_validate(report)
        except ValidationError as error:
            if error.error_count() > _UNKNOWN:
                return None
            # Where something is missing, what should hold it is left out.
            paths = {one["loc"][:-1] if one["type"] == "missing" else one["loc"] for one in error.errors()}
            for path in sorted(paths, key=_last_first):
                if not any(path[:length] in paths for length in range(len(path))):
                    _leave_out(report, path)
    return None


def _last_first(path: tuple[int | str, ...]) -> list[tuple[int, str]]:
    """Return a sort key by which the last entries of a list go first, so that the others keep their numbers."""
    return [(-step, "") if isinstance(step, int) else (0, step) for step in path]


def _reason_of(exit_code: int | None) -> Reason:
    """Return the first reason with this exit code."""
    if exit_code is None:
        return Reason.WRAPPER_ERROR
    reasons = (reason for reason, explanation in EXPLANATIONS.items() if explanation.exit_code == exit_code)
    return next(reasons, Reason.WRAPPER_ERROR)


def _leave_out(report: Any, path: tuple[int | str, ...]) -> None:
    *parents, field = path
    for name in parents:
        report = report[name]
    del report[field]


def _fitting(result: Result, budget: int) -> str | None:
    """Return what fits: plain JSON, else compressed; None where neither does, or where it is more than is decoded."""
    data = json.dumps(result.wire(), ensure_ascii=False, separators=(",", ":")).encode()
    if len(data) <= budget:
        return data.decode()
    if len(data) > MAX_DECODED:
        return None
    text = COMPRESSED_PREFIX + base64.b64encode(zlib.compress(data, 9)).decode()
    return text if len(text) <= budget else None


class _Cuts:
    """Makes the result shorter in the documented order, by the first n cuts, for n from 0 to `count`."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._large_first = sorted(result.results, key=lambda n: (-len(json.dumps(result.results[n], default=str)), n))
        self._last_first = sorted(result.outputs, reverse=True)
        self._before_results = 4
        self._before_outputs = self._before_results + len(self._large_first)
        self._before_message = self._before_outputs + len(self._last_first)
        self.count = self._before_message + len(_MESSAGES)

    def after(self, cuts: int) -> Result:
        """Return the result with the first `cuts` cuts."""
        if cuts == 0:
            return self._result
        result = self._result
        traceback = result.traceback if cuts < 2 else (result.traceback or "")[-_TRACEBACK:]
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
            length = _MESSAGES[cuts - self._before_message - 1]
            update |= {"message": result.message[:length], "source": None, "run_path": None}
        return result.model_copy(update=update)


def _without_parameters(sweep: SweepStatus | None) -> SweepStatus | None:
    if sweep is None or sweep.best is None:
        return sweep
    return sweep.model_copy(update={"best": sweep.best.model_copy(update={"parameters": {}})})
