"""What a schedule has done: its runs counted once each, its slots fired or missed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from mlrun_operator.api import bounds, constants
from mlrun_operator.api.objects import Object, annotations_of, controller_of, is_deleting, status_of
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import MAX_MESSAGE, BackfillStatus, Phase, RunStatus, ScheduleStatus
from mlrun_operator.api.values.cron import DEFAULT_ZONE, Cron
from mlrun_operator.api.values.names import cron_job_name, slot_name
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.jobs import function_of
from mlrun_operator.assess.status import StatusBase, without_noise
from mlrun_operator.assess.times import format_time, parse_time

BACKFILL: Final = "Backfill"
CATCH_UP: Final = "CatchUp"
MANUAL: Final = "Manual"
SCHEDULE: Final = "Schedule"
OLDEST_FIRST: Final = "OldestFirst"
# The CronJob controller has acted on a slot this long after it, though its clock differs and its requests are slow.
SETTLING_TIME: Final = timedelta(seconds=65)
MAX_SLOTS_PER_PASS: Final = bounds.SLOTS_PER_PASS.limit
SECOND: Final = timedelta(seconds=1)
# Of the record's bytes what its other fields need at most; the names of counted runs have the rest.
OTHER_FIELDS_BYTES: Final = 4 * bounds.KIB
_NAMES_BYTES: Final = bounds.STATUS_SCHEDULE.limit - OTHER_FIELDS_BYTES
_MAX_NAMES: Final = bounds.COUNTED_RUNS.limit
# JSON puts a name into quotes, and a comma and a space after it.
_BYTES_AROUND_NAME: Final = 4
_ENDED_PHASES: Final = tuple(phase.value for phase in Phase if phase.finished)


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
        """Return the run as its schedule sees it; None where no schedule made it, as with a copy of another name."""
        annotations = annotations_of(run)
        slot = parse_time(annotations.get(constants.ANNOTATION_SCHEDULED_TIME))
        trigger = annotations.get(constants.ANNOTATION_TRIGGER, SCHEDULE)
        if slot is None or not _has_name_of_slot(run, slot, trigger):
            return None
        return cls(run, run["metadata"]["name"], slot, trigger, status_of(run).get("phase"))

    @property
    def is_finished(self) -> bool:
        """Return whether it has ended, as recorded."""
        return self.phase in _ENDED_PHASES

    @property
    def is_deleting(self) -> bool:
        """Return whether it is being deleted."""
        return is_deleting(self.run)


def manual_prefix(cron_job: str) -> str:
    """Return what the names of runs begin with that `spec.rerun` of a schedule starts."""
    return f"{cron_job}-t-"


def _has_name_of_slot(run: Object, slot: datetime, trigger: str) -> bool:
    """Return whether the run has the one name that its schedule or its Job gave it; a copy has another."""
    name, schedule = run["metadata"]["name"], controller_of(run, constants.RUN_KIND)
    cron_job = cron_job_name(schedule.get("name", ""), schedule.get("uid", ""))
    if name == slot_name(cron_job, slot) or (trigger == MANUAL and name.startswith(manual_prefix(cron_job))):
        return True
    job_name = annotations_of(run).get(constants.ANNOTATION_JOB_UID, "").rpartition("/")[0]
    return bool(job_name == name)


def children_of(runs: Sequence[Object]) -> list[Child]:
    """Return the runs of a schedule, oldest slot first."""
    children = [child for run in runs if (child := Child.of(run)) is not None]
    return sorted(children, key=lambda child: (child.slot, child.name))


def count_ends(record: ScheduleStatus, children: Sequence[Child]) -> ScheduleStatus:
    """Return the record with the runs that have ended since.

    Each run counts once, by its first end: the counted ones are remembered by name, also while one runs again. Runs for
    whose names the record has no room are counted when it has.
    """
    counted = set(record.counted_runs or ())
    new = _countable(counted, children)
    ends = [child.phase for child in children if child.name in new]
    successes = [child.slot for child in children if child.phase == Phase.SUCCEEDED]
    fired = [child.slot for child in children if child.trigger in (SCHEDULE, CATCH_UP)]
    return record.model_copy(
        update={
            "active": sum(not child.is_finished for child in children),
            "succeeded": record.succeeded + ends.count(Phase.SUCCEEDED),
            "failed": record.failed + ends.count(Phase.FAILED),
            "stopped": record.stopped + ends.count(Phase.STOPPED),
            "counted_runs": [child.name for child in children if child.name in counted | new] or None,
            "last_schedule_time": _latest(record.last_schedule_time, fired),
            "last_successful_time": _latest(record.last_successful_time, successes),
        }
    )


def _countable(counted: set[str], children: Sequence[Child]) -> set[str]:
    """Return the names of the runs whose end is to be counted now, the oldest first, as many as have room."""
    kept = [child.name for child in children if child.name in counted]
    room, names = _NAMES_BYTES - sum(map(_name_bytes, kept)), set[str]()
    for child in children:
        if not child.is_finished or child.name in counted:
            continue
        room -= _name_bytes(child.name)
        if room < 0 or len(kept) + len(names) >= _MAX_NAMES:
            break
        names.add(child.name)
    return names


def _name_bytes(name: str) -> int:
    return len(name) + _BYTES_AROUND_NAME


def uncounted_warning(record: ScheduleStatus, children: Sequence[Child]) -> str | None:
    """Return the message that ends are not counted yet, since too many runs are kept; None where all are."""
    counted = set(record.counted_runs or ())
    number = sum(child.is_finished and child.name not in counted for child in children)
    if not number:
        return None
    return (
        f"{number} runs that have ended are not counted yet, because too many are kept; "
        "delete runs of this schedule, or find out what keeps them from being deleted"
    )


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of a schedule, and the names of the runs that it has."""

    cron: Cron
    cron_job: str
    run_names: frozenset[str]

    def name(self, slot: datetime) -> str:
        """Return the name of the slot's run."""
        return slot_name(self.cron_job, slot)

    def has_run(self, slot: datetime) -> bool:
        """Return whether the slot's run exists."""
        return self.name(slot) in self.run_names


@dataclass(frozen=True, slots=True)
class CronJobTimes:
    """What a CronJob tells of the slots it may still fire: since when it exists, its last firing, its deadline."""

    cron: Cron
    created_at: datetime
    last_fired: datetime | None = None
    deadline_seconds: int | None = None

    def fire_horizon(self, now: datetime) -> datetime:
        """Return the moment from which on the CronJob may fire; slots before it are the past.

        It fires the newest slot that has come, after its last firing and its creation, if it is not later than the
        deadline, and no older one (`mostRecentScheduleTime` in Kubernetes' pkg/controller/cronjob/utils.go).
        """
        bounds = [self.created_at + SECOND, self.last_fired + SECOND if self.last_fired else None]
        bounds += [self.cron.previous(now)]
        if self.deadline_seconds is not None:  # rounded up to a minute, as slots are: else a slot could count twice
            oldest = now - timedelta(seconds=self.deadline_seconds, microseconds=1)
            bounds.append(oldest.replace(second=0, microsecond=0) + timedelta(minutes=1))
        return max(bound for bound in bounds if bound is not None)


def has_passed(backfill: BackfillStatus | None, slot: datetime) -> bool:
    """Return whether the backfill has passed the slot: it has had its run then, even where that is deleted."""
    cursor = parse_time(backfill.cursor) if backfill else None
    if backfill is None or cursor is None:
        return False
    if backfill.order == OLDEST_FIRST:
        return datetime.fromisoformat(backfill.start) <= slot <= cursor
    return cursor <= slot < datetime.fromisoformat(backfill.effective_to)


def makes_up_all(spec: RunSpec) -> bool:
    """Return whether every missed slot is run by the operator (`catchUp: All`)."""
    return spec.catch_up is not None and spec.catch_up.policy == "All"


def count_missed(
    record: ScheduleStatus, spec: RunSpec, slots: Slots, created_at: datetime, now: datetime
) -> ScheduleStatus:
    """Return the record with the slots before the last firing that nothing fired counted as missed.

    A pass looks at a bounded number of slots, and the next one goes on at `caughtUpTo`. A new schedule begins at
    `created_at`. Under `catchUp: All` the planner passes the slots one by one instead.
    """
    record = _for_expression(record, spec, created_at, now)
    caught_up_to = parse_time(record.caught_up_to) or created_at
    last = parse_time(record.last_schedule_time)
    if last is None or last <= caught_up_to or makes_up_all(spec):
        return record
    due = list(islice(slots.cron.slots(caught_up_to + SECOND, last), MAX_SLOTS_PER_PASS))
    missed = sum(not slots.has_run(slot) and not has_passed(record.backfill, slot) for slot in due)
    reached = due[-1] if len(due) == MAX_SLOTS_PER_PASS else last
    return record.model_copy(update={"missed": record.missed + missed, "caught_up_to": format_time(reached)})


def _for_expression(record: ScheduleStatus, spec: RunSpec, created_at: datetime, now: datetime) -> ScheduleStatus:
    """Return the record for the expression of now: another one has no slots before it was set."""
    expression = f"{spec.schedule} {spec.time_zone or DEFAULT_ZONE}"
    if record.expression == expression:
        return record
    begin = created_at if record.expression is None else now
    return record.model_copy(update={"expression": expression, "caught_up_to": format_time(begin)})


def schedule_status(
    base: StatusBase,
    outcome: Outcome,
    record: ScheduleStatus,
    cron_job: Object | None,
    warnings: Sequence[tuple[str, str]] = (),
) -> RunStatus:
    """Return the status of a schedule."""
    outcome = without_noise(base.recorded, outcome)
    return RunStatus(
        observed_generation=base.generation,
        phase=outcome.phase,
        reason=outcome.reason,
        message=outcome.message[: MAX_MESSAGE * 4] or None,
        conditions=base.conditions(outcome, warnings),
        cron_job_name=cron_job["metadata"]["name"] if cron_job else None,
        function=function_of(cron_job) if cron_job else None,
        schedule=record,
    )


def _latest(recorded: str | None, slots: Sequence[datetime]) -> str | None:
    newest = max((format_time(slot) for slot in slots), default=None)
    return max(filter(None, (recorded, newest)), default=None)
