"""One run at once for each new `spec.rerun` of a schedule."""

from mlrun_operator.api.v1alpha1.status import ScheduleStatus
from mlrun_operator.api.values.names import cron_job_name, short_hash
from mlrun_operator.assess.schedule import MANUAL, manual_prefix
from mlrun_operator.plan.decision import Decision
from mlrun_operator.plan.schedule_context import Schedule, ScheduleContext


def record_rerun(context: ScheduleContext, record: ScheduleStatus) -> ScheduleStatus:
    """Return the record with the `spec.rerun` whose run exists; the first one of a schedule starts none."""
    rerun = context.rerun
    if rerun is None:
        return record
    name = _name(context, rerun)
    exists = any(run["metadata"]["name"] == name for run in context.observation.children)
    is_new = context.recorded.schedule is None
    return record.model_copy(update={"last_rerun": rerun}) if exists or is_new else record


def start_manual_run(schedule: Schedule) -> tuple[Schedule, Decision | None]:
    """Start a run for a new `spec.rerun`."""
    rerun = schedule.spec.rerun
    if not rerun or rerun == schedule.record.last_rerun:
        return schedule, None
    return schedule, schedule.create_run(_name(schedule.context, rerun), MANUAL, schedule.now)


def ignore_manual_run(schedule: Schedule) -> tuple[Schedule, Decision | None]:
    """Record a `spec.rerun` that comes while the schedule is stopped: it starts no run, now or later."""
    return schedule.with_record(last_rerun=schedule.spec.rerun or schedule.record.last_rerun), None


def _name(context: ScheduleContext, rerun: str) -> str:
    """Return the name of the run that `spec.rerun` starts: the same until a status records that run."""
    cron_job = cron_job_name(context.meta["name"], context.meta["uid"])
    return manual_prefix(cron_job) + short_hash(f"{context.recorded.observed_generation} {rerun}")
