"""The runs that a schedule keeps: the newest ones, and those that it still needs."""

from mlrun_operator.api.v1alpha1.status import Phase, ScheduleStatus
from mlrun_operator.assess.schedule import Child
from mlrun_operator.plan.awaited import is_needed
from mlrun_operator.plan.backfill import too_large
from mlrun_operator.plan.decision import Decision, Delete
from mlrun_operator.plan.schedule_context import Schedule
from mlrun_operator.render.cron_job import kept_failures, kept_successes


def prune_history(schedule: Schedule) -> tuple[Schedule, Decision | None]:
    """Delete the oldest ended run beyond the limits that the record counts and that is not needed any more."""
    recorded, spec = schedule.context.recorded.schedule or ScheduleStatus(), schedule.spec
    counted = set(recorded.counted_runs or ())
    if schedule.backfill is not None and too_large(schedule.backfill):
        spec = spec.model_copy(update={"backfill": None})
    expired = [
        child for child in _beyond_limits(schedule) if child.name in counted and not is_needed(spec, recorded, child)
    ]
    return schedule, schedule.context.unless_denied(Delete(expired[-1].run)) if expired else None


def _beyond_limits(schedule: Schedule) -> list[Child]:
    """Return the ended runs that the limits do not keep, newest first within each kind."""
    ended = [child for child in reversed(schedule.children) if child.is_finished and not child.is_deleting]
    succeeded = [child for child in ended if child.phase == Phase.SUCCEEDED]
    failed = [child for child in ended if child.phase != Phase.SUCCEEDED]
    return [*succeeded[kept_successes(schedule.spec) :], *failed[kept_failures(schedule.spec) :]]
