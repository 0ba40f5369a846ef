"""The backfill of a schedule: from `spec.backfill` to the next run of it, and the words where it is not done."""

from typing import Final

from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import ScheduleStatus
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.assess.schedule import BACKFILL
from mlrun_operator.assess.times import format_time
from mlrun_operator.plan.backfill import advance, initial_status, too_large
from mlrun_operator.plan.decision import Decision
from mlrun_operator.plan.schedule_context import Schedule, ScheduleContext
from mlrun_operator.plan.start import restored

_NOT_RUN_AGAIN: Final = (
    "restored from a backup without its status, so the backfill is not run again; "
    "to run one, set another range or order"
)


def run_backfill(schedule: Schedule) -> tuple[Schedule, Decision | None]:
    """Start the next run of the backfill, or record how far it is."""
    request, backfill = schedule.spec.backfill, schedule.backfill
    if request is None or backfill is None:
        return schedule.with_record(backfill=None), None
    if too_large(backfill):
        return schedule.with_record(backfill=backfill), None
    active = sum(child.trigger == BACKFILL and not child.is_finished for child in schedule.children)
    step = advance(backfill, request, schedule.slots, schedule.fire_horizon, active)
    if step.slot is not None:
        return schedule, schedule.run_slot(BACKFILL, step.slot)
    status = step.status
    if step.is_complete and not active:
        status = status.model_copy(update={"completion_time": format_time(schedule.now)})
    return schedule.with_record(backfill=status), None


def complete_restored_backfill(context: ScheduleContext, spec: RunSpec, record: ScheduleStatus) -> ScheduleStatus:
    """Return the record of a schedule that has just come back from a backup: its backfill counts as complete."""
    if context.recorded.schedule is not None or spec.backfill is None or not restored(context.observation.run):
        return record
    now = context.observation.now
    status = initial_status(spec.backfill, parse_cron(spec.schedule or "", spec.time_zone), now)
    return record.model_copy(update={"backfill": status.model_copy(update={"completion_time": format_time(now)})})


def backfill_warning(schedule: Schedule) -> str | None:
    """Return why the backfill is not run though the spec asks for it."""
    backfill = schedule.backfill
    if backfill is None:
        return None
    is_left_out = backfill.completion_time and not backfill.started_slots and backfill.total
    if is_left_out and restored(schedule.context.observation.run):
        return _NOT_RUN_AGAIN
    return too_large(backfill)
