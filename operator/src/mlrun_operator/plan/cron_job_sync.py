"""The schedule's CronJob, as the spec has it: created, replaced where it differs, suspended where nothing may fire."""

from datetime import timedelta
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, spec_of
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import Phase, ScheduleStatus
from mlrun_operator.api.words import clauses
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.schedule import schedule_status
from mlrun_operator.plan.decision import Create, Decision, Do, Replace, SetSuspended, Tell
from mlrun_operator.plan.observation import Refusal
from mlrun_operator.plan.schedule_context import ScheduleContext
from mlrun_operator.plan.start import refused
from mlrun_operator.render.cron_job import build_cron_job, is_in_line
from mlrun_operator.render.envelope import PinnedFunction

# When a CronJob that somebody else has changed at once is written again.
_UNDONE_INTERVAL: Final = timedelta(minutes=1)


def pause(
    context: ScheduleContext, record: ScheduleStatus, outcome: Outcome, requeue_after: timedelta | None = None
) -> Decision:
    """Suspend the CronJob, whatever it was rendered from; then tell why nothing fires."""
    cron_job = context.cron_job
    warnings = []
    if cron_job is not None and not spec_of(cron_job).get("suspend"):
        if (decision := context.first(SetSuspended(cron_job, suspended=True))) is not None:
            return decision
        cause = clauses(*context.observation.denials) or _changed_by_another(cron_job)
        warnings = [(cond.SUSPEND_IGNORED, f"the schedule may still fire: {cause}")]
        requeue_after = min(requeue_after or _UNDONE_INTERVAL, _UNDONE_INTERVAL)
    record = record.model_copy(update={"next_schedule_time": None})
    return Tell(schedule_status(context.base, outcome, record, cron_job, warnings), requeue_after)


def sync_cron_job(
    context: ScheduleContext, spec: RunSpec, function: PinnedFunction, record: ScheduleStatus, *, is_paused: bool
) -> Decision | None:
    """Create or replace the CronJob, or tell why the API server refuses it; None where it is as it should be."""
    rendered = build_cron_job(context.observation.run, spec, function, context.platform, is_paused=is_paused)
    cron_job = context.cron_job
    if cron_job is not None and is_in_line(cron_job, rendered):
        return None
    is_taken = cron_job is None and context.observation.cron_job is not None
    outcome = refused(_refusal_of(context, rendered), rendered, is_taken=is_taken)
    if outcome is not None:
        retry_after = None if outcome.phase.finished else context.retry_after("Reconciling")
        return pause(context, record, outcome, retry_after)
    if cron_job is None:
        return Do(Create(rendered))
    return context.first(Replace(_in_place_of(cron_job, rendered))) or _tell_changed(context, record, cron_job)


def _tell_changed(context: ScheduleContext, record: ScheduleStatus, cron_job: Object) -> Decision:
    """Tell that the CronJob was written and is not as it was written."""
    outcome = Outcome(Phase.PENDING, Reason.ADMISSION_DENIED, _changed_by_another(cron_job))
    status = schedule_status(context.base, outcome, record, cron_job)
    return Tell(status, context.retry_after("Reconciling"))


def _changed_by_another(cron_job: Object) -> str:
    name = cron_job["metadata"]["name"]
    return (
        f"another client or an admission webhook changes CronJob {name} as soon as the operator has written it; "
        f"`kubectl get cronjob {name} -o yaml --show-managed-fields` shows who"
    )


def _refusal_of(context: ScheduleContext, cron_job: Object) -> Refusal | None:
    """Return why the CronJob was refused; what was refused may also have been a run."""
    refusal = context.observation.refusal
    return refusal if refusal and refusal.name in (None, cron_job["metadata"]["name"]) else None


def _in_place_of(cron_job: Object, rendered: Object) -> Object:
    """Return the rendered CronJob as the replacement of this state of the existing one."""
    meta = cron_job["metadata"]
    annotations = {
        **rendered["metadata"]["annotations"],
        constants.ANNOTATION_REPLACED_GENERATION: str(meta.get("generation", 0)),
    }
    version = {name: meta[name] for name in ("resourceVersion", "uid")}
    return {**rendered, "metadata": {**rendered["metadata"], **version, "annotations": annotations}}
