"""Live results: what a handler has logged so far, as its pod tells it while it runs.

A pod writes them as a line of its log, the frame, and as `live.json` beside its run.json. A frame is a JSON object
whose first field no other program writes, and it names its pod: so another run's log that a handler prints is not taken
for its own. They are for display only, since a handler may print whatever it likes.
"""

import json
import math
from datetime import datetime
from typing import Any, Final

from pydantic import ConfigDict, Field, JsonValue

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model
from mlrun_operator.api.nesting import is_deeper

# The name of the document in a run's folder of the store.
LIVE_FILE: Final = "live.json"
# The first field of a frame, with its version, and how every frame begins.
_MARK: Final = "mlrun-operator.dev/live"
PREFIX: Final = f'{{"{_MARK}":1,'
_LEVELS: Final = 16
# For the digits of the count of what is left out, and the newline.
_SPARE: Final = 16


class LiveIteration(Model):
    """A point of a sweep, or a child context: what it has logged."""

    model_config = ConfigDict(extra="ignore")

    number: int
    state: str = Field(max_length=32)
    results: dict[str, JsonValue] = {}


class LiveResults(Model):
    """What a pod tells. Results and iterations are in the order in which they were first logged."""

    model_config = ConfigDict(extra="ignore")

    pod: str = Field(max_length=253)
    time: datetime
    progress: float | None = Field(None, ge=0, le=100, description="How much is done, in percent.")
    results: dict[str, JsonValue] = {}
    nonfinite: list[str] = []
    omitted: int = Field(0, ge=0, description="Results that are left out: too many, or too large.")
    iterations: list[LiveIteration] = []
    ended: int | None = Field(None, ge=0, description="How many iterations have ended.")
    total: int | None = Field(None, ge=0, description="How many points there are.")

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was told yet."""
        return not (self.results or self.iterations or self.omitted) and self.progress is None


def encode(live: LiveResults, limit: int = bounds.LIVE_FRAME.limit) -> str:
    """Return the frame, in ASCII and with its newline at most `limit` bytes: of what does not fit, the newest."""
    head = {_MARK: 1, **live.model_copy(update={"results": {}, "iterations": []}).wire()}
    room = _room(head, limit)
    if room < 0 and head.pop("nonfinite", None):
        room = _room(head, limit)
    iterations = _last_that_fit([each.model_dump(mode="json") for each in live.iterations], room // 2)
    room -= sum(map(_size, iterations))
    results = _last_that_fit([{name: value} for name, value in live.results.items()], room)
    head |= {"omitted": live.omitted + len(live.results) - len(results)}
    head |= {"results": {name: value for each in results for name, value in each.items()}, "iterations": iterations}
    return _json(head)


def decode(text: str, limit: int = bounds.LIVE_FRAME.limit) -> LiveResults | None:
    """Return the live results in a line or a document; None where it is none, or larger or deeper than ours are."""
    if not text.startswith(PREFIX) or len(text) > limit:
        return None
    try:
        document = json.loads(text, parse_constant=_finite, parse_float=_finite)
        return None if is_deeper(document, _LEVELS) else LiveResults.model_validate(document)
    except (ValueError, RecursionError, OverflowError):
        return None


def _last_that_fit(parts: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for part in reversed(parts):
        if (size := _size(part)) <= room:
            kept.append(part)
            room -= size
    return kept[::-1]


def _room(head: dict[str, Any], limit: int) -> int:
    return limit - len(_json({**head, "omitted": 0})) - _SPARE


def _size(part: dict[str, Any]) -> int:
    """Return the bytes of an iteration, or of a result, with its comma."""
    return len(_json(part)) + (1 if len(part) > 1 else -1)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _finite(text: str) -> float:
    """Return the number. Raises ValueError for NaN and infinities, which are not JSON."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number
