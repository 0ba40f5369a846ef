"""Slots of the past that run once each, some at a time, resumable at any moment (BEHAVIOUR C3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice

from mlrun_operator.api.v1alpha1.schedule import MAX_BACKFILL, Backfill
from mlrun_operator.api.v1alpha1.status import BackfillStatus
from mlrun_operator.api.values.cron import Cron
from mlrun_operator.assess.schedule import OLDEST_FIRST, SECOND, Slots, has_passed
from mlrun_operator.assess.times import format_time, parse_time


@dataclass(frozen=True, slots=True)
class BackfillStep:
    """How far a backfill is, the slot to start now, and whether there is none left."""

    status: BackfillStatus
    slot: datetime | None = None
    is_complete: bool = False


def is_same_request(request: Backfill | None, recorded: BackfillStatus | None) -> bool:
    """Return whether the recorded backfill is the one that the spec asks for.

    The expression does not tell them apart: an edit of it must not run again what has run.
    """
    if request is None or recorded is None:
        return False
    order = request.order or OLDEST_FIRST
    return (recorded.start, recorded.to, recorded.order) == (request.start, request.to, order)


def initial_status(request: Backfill, cron: Cron, fire_horizon: datetime) -> BackfillStatus:
    """Return a backfill at its beginning; the CronJob controller fires the slots from `fire_horizon` on."""
    end = min(datetime.fromisoformat(request.to), fire_horizon)
    status = BackfillStatus(
        start=request.start,
        to=request.to,
        order=request.order or OLDEST_FIRST,
        effective_to=format_time(end),
        total=0,
        started_slots=0,
        progress="",
    )
    return _with_total(status, _count(cron, datetime.fromisoformat(request.start), end))


def recount(status: BackfillStatus, cron: Cron) -> BackfillStatus:
    """Return the backfill after a change of the expression: from its cursor on it goes by the new one."""
    if status.completion_time:
        return status
    start, end = datetime.fromisoformat(status.start), datetime.fromisoformat(status.effective_to)
    cursor = parse_time(status.cursor)
    if cursor is not None and status.order == OLDEST_FIRST:
        start = max(start, cursor + SECOND)
    elif cursor is not None:
        end = min(end, cursor)
    return _with_total(status, status.started_slots + _count(cron, start, end))


def too_large(status: BackfillStatus) -> str | None:
    """Return the message that the backfill has too many slots; None where it has not."""
    if status.completion_time or status.total <= MAX_BACKFILL:
        return None
    return f"backfill: the range has more than {MAX_BACKFILL} slots, so none of it is run; choose a smaller range"


def advance(
    status: BackfillStatus, request: Backfill, slots: Slots, fire_horizon: datetime, active: int
) -> BackfillStep:
    """Return the backfill as far as it can go now: no slot that may still fire, not too many runs at a time.

    Its cursor passes every slot whose run exists, so that a run which history deletes later is not made again.
    """
    if status.completion_time:
        return BackfillStep(status)
    for slot in _remaining_slots(status, slots.cron):
        if not slots.has_run(slot):
            can_start = slot < fire_horizon and active < (request.parallelism or 1)
            return BackfillStep(status, slot if can_start else None)
        status = _after(status, slot)
    return BackfillStep(_with_total(status, status.started_slots), is_complete=True)


def is_pending(request: Backfill | None, recorded: BackfillStatus | None, slot: datetime) -> bool:
    """Return whether the backfill, as recorded, has still to pass the slot: without its run it would run again."""
    if request is None or not datetime.fromisoformat(request.start) <= slot < datetime.fromisoformat(request.to):
        return False
    if recorded is None or not is_same_request(request, recorded):
        return True
    end = parse_time(recorded.effective_to)
    if recorded.completion_time or end is None or slot >= end or too_large(recorded):
        return False
    return not has_passed(recorded, slot)


@lru_cache(maxsize=64)
def _count(cron: Cron, start: datetime, end: datetime) -> int:
    """Return the number of slots, up to one more than a backfill may have; asked anew before each of its first runs."""
    return sum(1 for _ in islice(cron.slots(start, end), MAX_BACKFILL + 1))


def _remaining_slots(status: BackfillStatus, cron: Cron) -> Iterator[datetime]:
    """Yield the slots that the cursor has not passed, in the backfill's order."""
    start, end = datetime.fromisoformat(status.start), datetime.fromisoformat(status.effective_to)
    cursor = parse_time(status.cursor)
    if status.order == OLDEST_FIRST:
        yield from cron.slots(max(start, cursor + SECOND) if cursor else start, end)
        return
    slot = cron.previous(min(end, cursor) if cursor else end)
    while slot is not None and slot >= start:
        yield slot
        slot = cron.previous(slot)


def _after(status: BackfillStatus, slot: datetime) -> BackfillStatus:
    passed = status.model_copy(update={"cursor": format_time(slot), "started_slots": status.started_slots + 1})
    return _with_total(passed, status.total)


def _with_total(status: BackfillStatus, total: int) -> BackfillStatus:
    return status.model_copy(update={"total": total, "progress": f"{status.started_slots}/{total}"})
