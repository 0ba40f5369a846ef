"""Missed slots that the operator runs under `catchUp: All`, oldest first (BEHAVIOUR C6)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from mlrun_operator.api import bounds
from mlrun_operator.api.v1alpha1.schedule import SHORT_DEADLINE
from mlrun_operator.assess.schedule import CATCH_UP, SCHEDULE, SECOND, SETTLING_TIME, makes_up_all
from mlrun_operator.assess.times import format_time
from mlrun_operator.plan.decision import Decision
from mlrun_operator.plan.schedule_context import Schedule

# The CronJob controller does not fire a slot any more that is older than this, where the operator catches up.
_TOO_LATE_TO_FIRE: Final = timedelta(seconds=SHORT_DEADLINE) + SETTLING_TIME
_DEFAULT_MAX: Final = 100
_MAX_SLOTS_PER_PASS: Final = bounds.CATCH_UP_SLOTS.limit
_MAX_RUNS_BEHIND: Final = bounds.CATCH_UP_BEHIND.limit


def catch_up(schedule: Schedule) -> tuple[Schedule, Decision | None]:
    """Start the run of the oldest missed slot; count those as missed that are too many."""
    if not makes_up_all(schedule.spec):
        return schedule, None
    missed = _missed_slots(schedule)
    can_start = _can_start(schedule)
    skipped = _skipped(schedule, missed, can_start=can_start)
    next_slot = missed[skipped] if len(missed) > skipped else None
    if next_slot is not None and can_start and not skipped:
        return schedule, schedule.run_slot(CATCH_UP, next_slot)
    schedule = schedule.with_record(missed=schedule.record.missed + skipped)
    passed = schedule.slots.cron.previous(next_slot or _newest(schedule))
    if passed is None or passed <= schedule.caught_up_to:
        return schedule, None
    return schedule.with_record(caught_up_to=format_time(passed)), None


def next_catch_up(schedule: Schedule) -> datetime | None:
    """Return when the next slot can be missed; None where nothing is caught up on."""
    if not makes_up_all(schedule.spec):
        return None
    slot = schedule.slots.cron.next(schedule.caught_up_to)
    return slot + _TOO_LATE_TO_FIRE + SECOND if slot else None


def _newest(schedule: Schedule) -> datetime:
    """Return the moment before which the CronJob controller fires no slot any more."""
    return schedule.now - _TOO_LATE_TO_FIRE


def _missed_slots(schedule: Schedule) -> list[datetime]:
    slots = schedule.slots.cron.slots(schedule.caught_up_to + SECOND, _newest(schedule))
    return list(islice((slot for slot in slots if not schedule.slots.has_run(slot)), _MAX_SLOTS_PER_PASS))


def _can_start(schedule: Schedule) -> bool:
    """Return whether a missed slot may run now: they run one after the other, unless runs may overlap."""
    runs = (child for child in schedule.children if child.trigger in (SCHEDULE, CATCH_UP))
    return schedule.spec.concurrency_policy == "Allow" or all(child.is_finished for child in runs)


def _skipped(schedule: Schedule, missed: Sequence[datetime], *, can_start: bool) -> int:
    """Return how many of the oldest missed slots are not run.

    Runs of later slots are kept while a slot waits, so one that waits behind a run that hangs is given up in time.
    """
    later = sum(
        child.slot > schedule.caught_up_to for child in schedule.children if child.trigger in (SCHEDULE, CATCH_UP)
    )
    is_crowded = not can_start and later > _MAX_RUNS_BEHIND
    limit = (schedule.spec.catch_up.max if schedule.spec.catch_up else None) or _DEFAULT_MAX
    return min(len(missed), max(is_crowded, len(missed) - limit))
