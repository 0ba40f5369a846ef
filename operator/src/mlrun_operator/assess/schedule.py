"""What a schedule has done: its runs counted once each, its slots fired or missed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import BackfillStatus, Phase, RunStatus, ScheduleStatus
from mlrun_operator.api.values.cron import DEFAULT_ZONE, Cron
from mlrun_operator.api.values.names import slot_name
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.jobs import function_of
from mlrun_operator.assess.status import StatusBase
from mlrun_operator.assess.times import format_time, parse_time

Object = dict[str, Any]
BACKFILL: Final = "Backfill"
CATCH_UP: Final = "CatchUp"
MANUAL: Final = "Manual"
SCHEDULE: Final = "Schedule"
OLDEST_FIRST: Final = "OldestFirst"
# How many missed slots one look counts.
_MOST_MISSED: Final = 1000
# So long after a slot the CronJob controller has seen it come, though its clock is another and its requests are slow.
SETTLED: Final = timedelta(seconds=65)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Child:
    """A run that the schedule made, as far as the schedule cares."""

    run: Object
    name: str
    slot: datetime
    trigger: str
    phase: str | None

    @classmethod
    def of(cls, run: Object) -> "Child | None":
        """None for a run without a slot of its own."""
        notes = run["metadata"].get("annotations") or {}
        slot = parse_time(notes.get(constants.ANNOTATION_SCHEDULED_TIME))
        if slot is None:
            return None
        phase = (run.get("status") or {}).get("phase")
        return cls(run, run["metadata"]["name"], slot, notes.get(constants.ANNOTATION_TRIGGER, SCHEDULE), phase)

    @property
    def finished(self) -> bool:
        """Whether it has ended, as recorded."""
        return self.phase in _ENDS

    @property
    def dying(self) -> bool:
        """Whether it is being deleted."""
        return bool(self.run["metadata"].get("deletionTimestamp"))


_ENDS: Final = tuple(phase.value for phase in Phase if phase.finished)


def children_of(runs: Sequence[Object]) -> list[Child]:
    """The runs of a schedule, oldest slot first."""
    found = [child for run in runs if (child := Child.of(run)) is not None]
    return sorted(found, key=lambda child: (child.slot, child.name))


def tallied(before: ScheduleStatus, children: Sequence[Child]) -> ScheduleStatus:
    """The counts with the runs that have ended since. Each counts once: the counted ones are remembered by name."""
    counted = set(before.counted or ())
    new = [child for child in children if child.finished and child.name not in counted]
    ends = [child.phase for child in new]
    successes = [child.slot for child in children if child.phase == Phase.SUCCEEDED]
    fired = [child.slot for child in children if child.trigger in (SCHEDULE, CATCH_UP)]
    return before.model_copy(
        update={
            "active": sum(not child.finished for child in children),
            "succeeded": before.succeeded + ends.count(Phase.SUCCEEDED),
            "failed": before.failed + ends.count(Phase.FAILED),
            "stopped": before.stopped + ends.count(Phase.STOPPED),
            "counted": [child.name for child in children if child.finished] or None,
            "last": _latest(before.last, fired),
            "last_success": _latest(before.last_success, successes),
        }
    )


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of a schedule, and which of them have a run: its name is `prefix` and the slot in minutes."""

    cron: Cron
    prefix: str
    taken: frozenset[str]

    def name(self, slot: datetime) -> str:
        """The name of the slot's run."""
        return slot_name(self.prefix, slot)

    def open(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The slots of a range that have no run."""
        return (slot for slot in self.cron.slots(start, end) if self.name(slot) not in self.taken)


@dataclass(frozen=True, slots=True)
class Firing:
    """A CronJob, as far as it tells what it may still fire: since when it is, its last firing, and how late it may."""

    cron: Cron
    since: datetime
    last: datetime | None = None
    deadline: int | None = None

    def begins(self, now: datetime) -> datetime:
        """The moment from which on it may fire; what is before is the past.

        It fires the newest slot that has come, after its last firing and its creation, if it is not later than the
        deadline, and no older one (`mostRecentScheduleTime` in Kubernetes' pkg/controller/cronjob/utils.go).
        """
        known = [self.since + _SECOND, self.last + _SECOND if self.last else None, self.cron.previous(now)]
        if self.deadline is not None:  # to the next minute: slots are whole ones, and what is counted once is counted
            latest = now - timedelta(seconds=self.deadline, microseconds=1)
            known.append(latest.replace(second=0, microsecond=0) + timedelta(minutes=1))
        return max(moment for moment in known if moment is not None)


def passed(backfill: BackfillStatus | None, slot: datetime) -> bool:
    """Whether the backfill has passed the slot: it has had its run then, also where that is gone."""
    cursor = parse_time(backfill.cursor) if backfill else None
    if backfill is None or cursor is None:
        return False
    if backfill.order == OLDEST_FIRST:
        return datetime.fromisoformat(backfill.start) <= slot <= cursor
    return cursor <= slot < datetime.fromisoformat(backfill.until)


def timed(ledger: ScheduleStatus, spec: RunSpec, slots: Slots, since: datetime, now: datetime) -> ScheduleStatus:
    """The ledger with slots before the last firing that nothing fired counted as missed; `since` begins a new schedule.

    Under `catchUp: All` the slots are dealt with one by one instead, by the plan.
    """
    expression = f"{spec.schedule} {spec.time_zone or DEFAULT_ZONE}"
    if ledger.expression != expression:
        begin = since if ledger.expression is None else now
        ledger = ledger.model_copy(update={"expression": expression, "handled": format_time(begin)})
    handled, last = parse_time(ledger.handled) or since, parse_time(ledger.last)
    if last is None or last <= handled or (spec.catch_up and spec.catch_up.policy == "All"):
        return ledger
    absent = (slot for slot in slots.open(handled + _SECOND, last) if not passed(ledger.backfill, slot))
    missed = sum(1 for _ in islice(absent, _MOST_MISSED))
    return ledger.model_copy(update={"missed": ledger.missed + missed, "handled": format_time(last)})


def with_schedule(
    base: StatusBase,
    outcome: Outcome,
    ledger: ScheduleStatus,
    cron_job: Object | None,
    warnings: Sequence[tuple[str, str]] = (),
) -> RunStatus:
    """The status of a schedule."""
    return RunStatus(
        observed_generation=base.generation,
        phase=outcome.phase,
        reason=outcome.reason,
        message=outcome.message or None,
        conditions=base.conditions(outcome, warnings),
        cron_job_name=cron_job["metadata"]["name"] if cron_job else None,
        function=function_of(cron_job) if cron_job else None,
        schedule=ledger,
    )


def _latest(known: str | None, slots: Sequence[datetime]) -> str | None:
    newest = max((format_time(slot) for slot in slots), default=None)
    return max(filter(None, (known, newest)), default=None)
