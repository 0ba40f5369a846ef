"""A schedule: its CronJob kept in line, a run for every slot, slots of the past, and the history (BEHAVIOUR C).

The steps of a schedule stand in order; the first that has a decision wins. Each is a module.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api.contract.envelope import EnvelopeTooLargeError
from mlrun_operator.api.objects import is_deleting, spec_of, status_of
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import BackfillStatus, Phase, ScheduleStatus
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.api.values.names import cron_job_name
from mlrun_operator.api.words import clauses, in_words
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.schedule import (
    SETTLING_TIME,
    Child,
    CronJobTimes,
    Slots,
    children_of,
    count_ends,
    count_missed,
    schedule_status,
    uncounted_warning,
)
from mlrun_operator.assess.times import format_time, parse_time
from mlrun_operator.plan.adopt import adopt_fired_jobs
from mlrun_operator.plan.backfill import initial_status, is_same_request, recount, too_large
from mlrun_operator.plan.catch_up import catch_up, next_catch_up
from mlrun_operator.plan.cron_job_sync import pause, sync_cron_job
from mlrun_operator.plan.decision import Decision, Tell
from mlrun_operator.plan.history import prune_history
from mlrun_operator.plan.manual_run import ignore_manual_run, record_rerun, start_manual_run
from mlrun_operator.plan.past_slots import backfill_warning, complete_restored_backfill, run_backfill
from mlrun_operator.plan.schedule_context import Schedule, ScheduleContext
from mlrun_operator.plan.schedule_pause import BEING_DELETED, WITHOUT_COUNTS, are_counts_lost, pause_reason
from mlrun_operator.plan.start import missing, resolve

Step = Callable[[Schedule], tuple[Schedule, Decision | None]]

WHILE_FIRING: Final[tuple[Step, ...]] = (
    start_manual_run,  # a run at once for a new spec.rerun
    catch_up,  # missed slots, under catchUp: All
    run_backfill,  # slots of the past
    prune_history,  # what is beyond the history limits
)
WHILE_SUSPENDED: Final[tuple[Step, ...]] = (start_manual_run, prune_history)
WHILE_STOPPED: Final[tuple[Step, ...]] = (ignore_manual_run, prune_history)

# A schedule looks again this long after each slot, whether it has fired.
_AFTER_A_SLOT: Final = timedelta(seconds=5)
_SHORTEST_WAIT: Final = timedelta(seconds=1)


def reconcile_schedule(context: ScheduleContext) -> Decision:
    """Return what a schedule needs next."""
    return adopt_fired_jobs(context) or _reconcile(context)


def _reconcile(context: ScheduleContext) -> Decision:
    children = children_of(context.observation.children)
    record = record_rerun(context, count_ends(context.recorded.schedule or ScheduleStatus(), children))
    if is_deleting(context.observation.run):
        return pause(context, record, BEING_DELETED)
    try:
        spec = RunSpec.model_validate(context.spec)
        record = complete_restored_backfill(context, spec, record)
        return _reconcile_spec(context, spec, record, children)
    except EnvelopeTooLargeError as error:
        return pause(context, record, Outcome(Phase.FAILED, Reason.ENVELOPE_TOO_LARGE, str(error)))
    except ValueError as error:
        return pause(context, record, Outcome(Phase.FAILED, Reason.INVALID_RUN, in_words(error)))


def _reconcile_spec(context: ScheduleContext, spec: RunSpec, record: ScheduleStatus, children: list[Child]) -> Decision:
    if are_counts_lost(context, spec):
        return pause(context, record, WITHOUT_COUNTS)
    function = resolve(context.observation.run, context.observation.function, spec)
    reason = pause_reason(spec, record)
    if function is None:
        is_stopped = reason is not None and reason.phase is Phase.STOPPED  # it needs no function any more
        return pause(context, record, reason if reason and is_stopped else missing(spec, context.meta["namespace"]))
    decision = sync_cron_job(context, spec, function, record, is_paused=reason is not None)
    return decision or _advance(_schedule(context, spec, record, children), reason)


def _schedule(context: ScheduleContext, spec: RunSpec, record: ScheduleStatus, children: list[Child]) -> Schedule:
    now, cron_job = context.observation.now, context.cron_job
    cron = parse_cron(spec.schedule or "", spec.time_zone)
    run_names = frozenset(run["metadata"]["name"] for run in context.observation.children)
    slots = Slots(cron, cron_job_name(context.meta["name"], context.meta["uid"]), run_names)
    created_at = (parse_time(cron_job["metadata"].get("creationTimestamp")) if cron_job else None) or now
    last_fired = parse_time(status_of(cron_job).get("lastScheduleTime"))
    times = CronJobTimes(cron, created_at, last_fired, spec_of(cron_job).get("startingDeadlineSeconds"))
    updated = _for_backfill(count_missed(record, spec, slots, created_at, now), record, spec, slots)
    backfill, horizon = _backfill(spec, updated, times, now)
    return Schedule(context, spec, slots, created_at, updated, children, backfill, horizon)


def _for_backfill(record: ScheduleStatus, previous: ScheduleStatus, spec: RunSpec, slots: Slots) -> ScheduleStatus:
    """Return the record with the backfill counted anew where the expression has changed."""
    is_changed = record.expression != previous.expression
    if not is_changed or record.backfill is None or not is_same_request(spec.backfill, record.backfill):
        return record
    return record.model_copy(update={"backfill": recount(record.backfill, slots.cron)})


def _backfill(
    spec: RunSpec, record: ScheduleStatus, times: CronJobTimes, now: datetime
) -> tuple[BackfillStatus | None, datetime]:
    """Return the backfill that the spec asks for, and the moment from which on the CronJob controller may fire."""
    recorded = record.backfill if is_same_request(spec.backfill, record.backfill) else None
    if spec.backfill is None or (recorded and recorded.completion_time):
        return recorded, times.created_at
    backfill = recorded or initial_status(spec.backfill, times.cron, times.fire_horizon(now))
    return backfill, times.fire_horizon(now - SETTLING_TIME)


def _advance(schedule: Schedule, reason: Outcome | None) -> Decision:
    """Take the first step that is due; where there is none, tell the status."""
    next_slot = schedule.slots.cron.next(schedule.now) if reason is None else None
    schedule = schedule.with_record(next_schedule_time=format_time(next_slot) if next_slot else None)
    for step in _steps(schedule, reason):
        schedule, decision = step(schedule)
        if decision is not None:
            return decision
    warnings = _warnings(schedule)
    if reason is None and next_slot is None:
        warnings.insert(0, _never_fires(schedule))
    outcome = reason or Outcome(Phase.SCHEDULED, Reason.SCHEDULED, _never_fires(schedule) if not next_slot else "")
    conditions = [(cond.WARNINGS, clauses(*warnings))] if warnings else []
    cron_job = schedule.context.cron_job
    status = schedule_status(schedule.context.base, outcome, schedule.record, cron_job, conditions)
    return Tell(status, _requeue_after(schedule, next_slot))


def _steps(schedule: Schedule, reason: Outcome | None) -> tuple[Step, ...]:
    """Return what may happen: a suspended schedule can be started by hand, a stopped one only loses old runs."""
    if schedule.context.observation.refusal is not None:
        return ()  # a run was refused: it is tried again later
    if reason is None:
        return WHILE_FIRING
    return WHILE_SUSPENDED if reason.phase is Phase.SUSPENDED else WHILE_STOPPED


def _warnings(schedule: Schedule) -> list[str]:
    """Return what is not done though the spec asks for it."""
    refusal = schedule.context.observation.refusal
    refused_run = f"run {refusal.name} was refused: {refusal.message}" if refusal else None
    uncounted = uncounted_warning(schedule.record, schedule.children)
    return [warning for warning in (refused_run, backfill_warning(schedule), uncounted) if warning]


def _never_fires(schedule: Schedule) -> str:
    expression = schedule.spec.schedule
    if schedule.slots.cron.ever_fires:
        return f"schedule {expression!r} has no slot within the next five years"
    return f"schedule {expression!r} never fires: none of its months has that day; change it, or use spec.rerun"


def _requeue_after(schedule: Schedule, next_slot: datetime | None) -> timedelta | None:
    """Return when to look again though nothing happens: after the next slot, or when one is due by other means."""
    if schedule.context.observation.refusal is not None:
        return schedule.context.retry_after(cond.WARNINGS)
    if next_slot is None:
        return None
    moments = [next_slot + _AFTER_A_SLOT, next_catch_up(schedule)]
    backfill = schedule.record.backfill
    if backfill and not backfill.completion_time and not too_large(backfill):
        moments.append(schedule.now + SETTLING_TIME)  # its next slot may still be the CronJob's to fire
    return max(min(moment for moment in moments if moment) - schedule.now, _SHORTEST_WAIT)
