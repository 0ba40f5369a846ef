"""Slots of the past that run once each, some at a time, resumable at any moment (BEHAVIOUR C3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice

from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.schedule import MAX_BACKFILL, Backfill
from mlrun_operator.api.v1alpha1.status import BackfillStatus, ScheduleStatus
from mlrun_operator.api.values.cron import Cron
from mlrun_operator.assess.schedule import MANUAL, OLDEST_FIRST, Child, Slots, passed
from mlrun_operator.assess.times import format_time, parse_time


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a backfill is, the slot to start now, and whether there is none left."""

    status: BackfillStatus
    slot: datetime | None = None
    over: bool = False


def goes_on(asked: Backfill | None, before: BackfillStatus | None) -> bool:
    """Whether the recorded backfill is the one that is asked for.

    The expression does not tell them apart: an edit of it must not run again what has run.
    """
    if asked is None or before is None:
        return False
    return (before.start, before.to, before.order) == (asked.start, asked.to, asked.order or OLDEST_FIRST)


def begun(asked: Backfill, cron: Cron, bound: datetime) -> BackfillStatus:
    """A backfill at its beginning; `bound` is the moment from which on the CronJob controller fires."""
    until = min(datetime.fromisoformat(asked.to), bound)
    return _of(
        BackfillStatus(
            start=asked.start,
            to=asked.to,
            order=asked.order or OLDEST_FIRST,
            until=format_time(until),
            total=0,
            started=0,
            progress="",
        ),
        _count(cron, datetime.fromisoformat(asked.start), until),
    )


def recounted(status: BackfillStatus, cron: Cron) -> BackfillStatus:
    """The backfill after a change of the expression: from its cursor on it walks by the new one."""
    if status.completion_time:
        return status
    start, until, cursor = *map(datetime.fromisoformat, (status.start, status.until)), parse_time(status.cursor)
    if cursor is not None and status.order == OLDEST_FIRST:
        start = max(start, cursor + timedelta(seconds=1))
    elif cursor is not None:
        until = min(until, cursor)
    return _of(status, status.started + _count(cron, start, until))


def too_large(status: BackfillStatus) -> str | None:
    """That the backfill has more slots than one may have, in words."""
    if status.completion_time or status.total <= MAX_BACKFILL:
        return None
    return f"backfill: the range has more than {MAX_BACKFILL} slots, and nothing of it is run; make it smaller"


def walked(status: BackfillStatus, asked: Backfill, slots: Slots, bound: datetime, active: int) -> Walk:
    """The backfill, as far as it can go now: no slot that the CronJob controller might fire, not too many at a time.

    Its cursor has passed every slot whose run was ever seen, so that a run which history has pruned is not made again.
    """
    if status.completion_time:
        return Walk(status)
    for slot in _rest(status, slots.cron):
        if slots.name(slot) not in slots.taken:
            free = slot < bound and active < (asked.parallelism or 1)
            return Walk(status, slot if free else None)
        status = _past(status, slot)
    return Walk(_of(status, status.started), over=True)


def ahead_of(asked: Backfill | None, recorded: BackfillStatus | None, slot: datetime) -> bool:
    """Whether the backfill, as recorded, has still to pass the slot: its run must stay, else it is made again."""
    if asked is None or not datetime.fromisoformat(asked.start) <= slot < datetime.fromisoformat(asked.to):
        return False
    if recorded is None or not goes_on(asked, recorded):
        return True
    until = parse_time(recorded.until)
    if recorded.completion_time or until is None or slot >= until or too_large(recorded):
        return False
    return not passed(recorded, slot)


@lru_cache(maxsize=64)
def _count(cron: Cron, start: datetime, until: datetime) -> int:
    """How many slots there are, as far as it matters; a look counts them before each of the first runs."""
    return sum(1 for _ in islice(cron.slots(start, until), MAX_BACKFILL + 1))


def _rest(status: BackfillStatus, cron: Cron) -> Iterator[datetime]:
    """The slots that the cursor has not passed, in order."""
    start, until = datetime.fromisoformat(status.start), datetime.fromisoformat(status.until)
    cursor = parse_time(status.cursor)
    if status.order == OLDEST_FIRST:
        yield from cron.slots(max(start, cursor + timedelta(seconds=1)) if cursor else start, until)
        return
    slot = cron.previous(min(until, cursor) if cursor else until)
    while slot is not None and slot >= start:
        yield slot
        slot = cron.previous(slot)


def _past(status: BackfillStatus, slot: datetime) -> BackfillStatus:
    passed_it = status.model_copy(update={"cursor": format_time(slot), "started": status.started + 1})
    return _of(passed_it, status.total)


def _of(status: BackfillStatus, total: int) -> BackfillStatus:
    return status.model_copy(update={"total": total, "progress": f"{status.started}/{total}"})


def is_still_needed(spec: RunSpec, recorded: ScheduleStatus, child: Child) -> bool:
    """Return whether the slot would run again if its run went now: catch-up or backfill has not passed it yet."""
    if child.trigger == MANUAL:
        return False
    if spec.catch_up and spec.catch_up.policy == "All":
        caught_up_to = parse_time(recorded.handled)
        if caught_up_to is None or child.slot > caught_up_to:
            return True
    return ahead_of(spec.backfill, recorded.backfill, child.slot)
