"""Slots of the past that run once each, some at a time, resumable at any moment (BEHAVIOUR C3)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from mlrun_operator.api.cron import Cron
from mlrun_operator.api.schedule import Backfill
from mlrun_operator.api.status import BackfillStatus
from mlrun_operator.assess.schedule import Slots
from mlrun_operator.assess.times import format_time, parse_time

MAX_SLOTS: Final = 10_000
_OLDEST: Final = "OldestFirst"


def walked(
    asked: Backfill, before: BackfillStatus | None, slots: Slots, bound: datetime, active: int
) -> tuple[BackfillStatus, datetime | None]:
    """How far the backfill is, and the slot to start now; None while it is full, and at its end.

    Its cursor has passed every slot whose run was ever seen, so that a run which history has pruned is not made again.
    `bound` is the moment from which on the CronJob controller fires, `active` how many of its runs go on.
    """
    status = before if before and _same(before, asked) else _begun(asked, slots.cron, bound)
    if status.completion_time:
        return status, None
    for slot in _rest(status, slots.cron):
        if slots.name(slot) not in slots.taken:
            return status, slot if active < (asked.parallelism or 1) else None
        status = _past(status, slot)
    return status, None


def ahead_of(asked: Backfill | None, recorded: BackfillStatus | None, slot: datetime) -> bool:
    """Whether the backfill, as recorded, has still to pass the slot: its run must stay, else it is made again."""
    if asked is None or not datetime.fromisoformat(asked.start) <= slot < datetime.fromisoformat(asked.to):
        return False
    if recorded is None or not _same(recorded, asked):
        return True
    until, cursor = parse_time(recorded.until), parse_time(recorded.cursor)
    if recorded.completion_time or until is None or slot >= until:
        return False
    return cursor is None or (slot > cursor if recorded.order == _OLDEST else slot < cursor)


def check_size(asked: Backfill | None, before: BackfillStatus | None, cron: Cron, now: datetime) -> None:
    """Raise ValueError where a new backfill has more slots than one may have."""
    if asked is None or (before is not None and _same(before, asked)):
        return
    start, until = datetime.fromisoformat(asked.start), min(datetime.fromisoformat(asked.to), now)
    if sum(1 for _ in islice(cron.slots(start, until), MAX_SLOTS + 1)) > MAX_SLOTS:
        raise ValueError(f"backfill: the range has more than {MAX_SLOTS} slots; make it smaller")


def _same(status: BackfillStatus, asked: Backfill) -> bool:
    return (status.start, status.to, status.order) == (asked.start, asked.to, asked.order or _OLDEST)


def _begun(asked: Backfill, cron: Cron, bound: datetime) -> BackfillStatus:
    start, until = datetime.fromisoformat(asked.start), min(datetime.fromisoformat(asked.to), bound)
    total = sum(1 for _ in cron.slots(start, until))
    return BackfillStatus(
        start=asked.start,
        to=asked.to,
        order=asked.order or _OLDEST,
        until=format_time(until),
        total=total,
        started=0,
        progress=f"0/{total}",
    )


def _rest(status: BackfillStatus, cron: Cron) -> Iterator[datetime]:
    """The slots that the cursor has not passed, in order."""
    start, until = datetime.fromisoformat(status.start), datetime.fromisoformat(status.until)
    cursor = parse_time(status.cursor)
    if status.order == _OLDEST:
        yield from cron.slots(max(start, cursor + timedelta(seconds=1)) if cursor else start, until)
        return
    slot = cron.previous(min(until, cursor) if cursor else until)
    while slot is not None and slot >= start:
        yield slot
        slot = cron.previous(slot)


def _past(status: BackfillStatus, slot: datetime) -> BackfillStatus:
    started = status.started + 1
    return status.model_copy(
        update={"cursor": format_time(slot), "started": started, "progress": f"{started}/{status.total}"}
    )
