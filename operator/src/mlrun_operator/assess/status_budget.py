"""The budget of a status: JSON bytes for each of its parts, so that the API server takes every status that is told.

Each part is cut by itself, what people miss least first, and a condition tells of it. Uids, phases and counters stay:
without them attempts, replicas and runs would be counted again. A schedule's record is never cut, for the same reason:
it takes no more names of runs than it has room for.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from mlrun_operator.api import bounds
from mlrun_operator.api.v1alpha1.status import Condition, RunStatus
from mlrun_operator.assess import conditions as cond

_REPORT_FIELDS: Final = ("source", "inputs", "outputs", "results", "sweep")
_PARTS: Final = {
    "report": (bounds.STATUS_REPORT.limit, _REPORT_FIELDS),
    "replicas": (bounds.STATUS_REPLICAS.limit, ("replica_statuses",)),
    "attempts": (bounds.STATUS_ATTEMPTS.limit, ("attempts",)),
    "conditions": (bounds.STATUS_CONDITIONS.limit, ("conditions",)),
    "rest": (bounds.STATUS_REST.limit, ("message", "execution", "executions")),
}
# A status of so many bytes has no part that is too large.
_NONE_TOO_LARGE: Final = min(budget for budget, _ in _PARTS.values())
# The decreasing lengths of messages that are too long.
_LENGTHS: Final = (512, 256, 128, 32, 0)


def within_budget(status: RunStatus) -> RunStatus:
    """Return the status with each part cut to its budget; the status itself if none is too large."""
    if len(status.model_dump_json(exclude_none=True).encode()) <= _NONE_TOO_LARGE:
        return status
    cut_parts = []
    for part, (budget, fields) in _PARTS.items():
        if _size(status, fields) > budget:
            status = _cut(status, part, budget, fields)
            cut_parts.append(part)
    return _told(status, cut_parts) if cut_parts else status


def _size(status: RunStatus, fields: tuple[str, ...]) -> int:
    return len(
        json.dumps(status.model_dump(mode="json", include=set(fields), exclude_none=True), ensure_ascii=False).encode()
    )


def _cut(status: RunStatus, part: str, budget: int, fields: tuple[str, ...]) -> RunStatus:
    """Return the status with the first cuts of this part that make it fit, or with all of them."""
    for update in _cuts(status, part):
        status = status.model_copy(update=update)
        if _size(status, fields) <= budget:
            break
    return status


def _cuts(status: RunStatus, part: str) -> Iterator[dict[str, Any]]:
    if part == "report":
        yield from _report_cuts(status)
    elif part == "replicas":
        for name in ("results", "outputs"):
            yield {"replica_statuses": _without(status.replica_statuses, name)}
            status = status.model_copy(update={"replica_statuses": _without(status.replica_statuses, name)})
        yield from ({"replica_statuses": _shortened(status.replica_statuses, n)} for n in _LENGTHS)
    elif part == "rest":
        yield from ({"message": (status.message or "")[:length] or None} for length in _LENGTHS)
    else:
        yield from ({part: _shortened(getattr(status, part), length)} for length in _LENGTHS)


def _report_cuts(status: RunStatus) -> Iterator[dict[str, Any]]:
    """Yield the cuts of what a report has told; the names and keys of outputs go last."""
    outputs = status.outputs or {}
    yield {"outputs": {name: output.model_copy(update={"preview": None}) for name, output in outputs.items()} or None}
    best = status.sweep.best if status.sweep else None
    if status.sweep and best:
        bare = best.model_copy(update={"parameters": {}})
        yield {"sweep": status.sweep.model_copy(update={"best": bare})}
    yield {"inputs": None}
    yield {"results": None}
    yield {"outputs": None}


def _without(items: Any, name: str) -> Any:
    return [item.model_copy(update={name: None}) for item in items or ()] or None


def _shortened(items: Any, length: int) -> Any:
    return [item.model_copy(update={"message": (item.message or "")[:length]}) for item in items or ()] or None


def _told(status: RunStatus, parts: list[str]) -> RunStatus:
    """Return the status with the condition that tells of its cuts; one that tells of a cut report stays."""
    conditions = status.conditions or []
    if not conditions or any(condition.type == cond.RESULT_TRUNCATED for condition in conditions):
        return status
    words = f"too long for the status: {', '.join(parts)}; run.json in the store has all of it"
    condition = Condition(
        type=cond.RESULT_TRUNCATED,
        status="True",
        reason=cond.RESULT_TRUNCATED,
        message=words,
        last_transition_time=conditions[0].last_transition_time,
        observed_generation=status.observed_generation,
    )
    return status.model_copy(update={"conditions": [*conditions, condition]})
