"""An execution that was made and is not over is followed: ended, steered, or told of (BEHAVIOUR A4, A6, A8, B)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, annotations_of, condition_of, has_job_ended, is_deleting, spec_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import Ending, Execution, Phase
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.api.values.names import slot_of
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.execution import Assessment, without_start
from mlrun_operator.assess.jobs import DEADLINE, deadline_message, has_decided, points_of
from mlrun_operator.assess.pods import may_report
from mlrun_operator.assess.status import job_status
from mlrun_operator.assess.times import format_time
from mlrun_operator.plan.assessed import assessed
from mlrun_operator.plan.begin_end import begin_end
from mlrun_operator.plan.context import RunContext, can_make_pods, is_watched
from mlrun_operator.plan.decision import Ask, Decision, Delete, ReadDirectly
from mlrun_operator.plan.end import conclude
from mlrun_operator.plan.limits import end_by_limit, patch_limits
from mlrun_operator.plan.progress import tell_progress
from mlrun_operator.plan.sidecars import end_sidecars, lingering_wait
from mlrun_operator.plan.supersede import change_warnings, supersede, supersede_wait
from mlrun_operator.plan.suspend import (
    suspend_or_resume,
    suspend_warnings,
    undone_wait,
    undone_warnings,
    waits_to_resume,
    workload_wait,
)
from mlrun_operator.plan.sweep import STOPPED, collect

# A Job whose label was taken off is read this often.
_UNWATCHED_INTERVAL: Final = timedelta(seconds=30)

_Policy = Callable[[RunContext, Execution, Object, Assessment], Decision | None]


def follow(context: RunContext) -> Decision | None:
    """Lead an execution that has a Job on, or tell how it is doing."""
    execution = context.latest
    if execution is None or context.is_over or not (context.was_made or context.job):
        return None
    job = context.job
    if job is None:
        return _end_without_job(context, execution)
    assessment = assessed(context, job)
    if context.is_job_recorded or has_job_ended(job) or context.observation.is_status_refused:
        for policy in _POLICIES:
            if (decision := policy(context, execution, job, assessment)) is not None:
                return decision
    return _progress(context, execution, job, assessment)


def _end_without_job(context: RunContext, execution: Execution) -> Decision:
    """End an execution whose Job was deleted by somebody else; that it is gone is read directly."""
    if not context.observation.fresh:
        return Ask(ReadDirectly())
    if context.stops:
        outcome = STOPPED
    elif is_replaced(context):
        outcome = Outcome(Phase.STOPPED, Reason.REPLACED, EXPLANATIONS[Reason.REPLACED].happened)
    else:
        outcome = _job_deleted(context, execution)
    if context.living_pods():
        return begin_end(context, execution, outcome)
    since = format_time(context.observation.now)
    ending = Ending(phase=outcome.phase, reason=outcome.reason, message=outcome.message, since=since)
    return conclude(context, execution, ending)


def _job_deleted(context: RunContext, execution: Execution) -> Outcome:
    name = context.recorded.job_name or context.job_name(execution.number)
    return Outcome(Phase.FAILED, Reason.JOB_DELETED, f"Job {name} was deleted before its end was recorded")


def _stop(context: RunContext, execution: Execution, job: Object, _: Assessment) -> Decision | None:
    """End the execution where the run is to stop; one that has ended by itself is told as it ended."""
    if not context.stops or (has_job_ended(job) and points_of(job) is None):
        return None
    if context.observation.is_status_refused and can_make_pods(job) and (delete := context.first(Delete(job))):
        return delete  # what cannot be recorded must end all the same
    return begin_end(context, execution, STOPPED)


def _end_deleted(context: RunContext, execution: Execution, job: Object, _: Assessment) -> Decision | None:
    """End an execution whose Job somebody else is deleting."""
    if not is_deleting(job) or has_job_ended(job):
        return None
    if is_replaced(context):
        return begin_end(context, execution, Outcome(Phase.STOPPED, Reason.REPLACED, _happened(Reason.REPLACED)))
    return begin_end(context, execution, _job_deleted(context, execution))


def _end_by_limit(context: RunContext, execution: Execution, job: Object, assessment: Assessment) -> Decision | None:
    """End the execution by a limit; not where a change takes its place in a moment, perhaps one of that limit."""
    is_superseded = supersede_wait(context, execution, job, assessment) is not None
    return None if is_superseded else end_by_limit(context, execution, job, assessment)


def _end_decided(context: RunContext, execution: Execution, job: Object, assessment: Assessment) -> Decision | None:
    """Record the end that Kubernetes has decided while pods still run: they may never end, with their node."""
    if has_job_ended(job) or not has_decided(job) or not context.living_pods():
        return None
    if points_of(job) is not None and may_report(context.living_pods(), context.observation.now):
        return None  # the Job ends by itself, and then its results are collected
    failure = condition_of(job, "FailureTarget")
    if not failure:
        return begin_end(context, execution, Outcome(Phase.SUCCEEDED, Reason.SUCCEEDED, ""))
    if failure.get("reason") == DEADLINE:
        message = deadline_message(job)
        if assessment.phase is Phase.PENDING and assessment.message:
            message = without_start(message, assessment.outcome)
        return begin_end(context, execution, Outcome(Phase.FAILED, Reason.DEADLINE_EXCEEDED, message))
    failed = next((pod for pod in reversed(assessment.pods) if pod.ended and not pod.succeeded), None)
    reason = Reason(failed.attempt.reason) if failed and failed.attempt.reason else Reason.TERMINATED
    message = (failed.attempt.message if failed else None) or failure.get("message") or _happened(reason)
    return begin_end(context, execution, Outcome(Phase.FAILED, reason, message))


def _end_by_sidecar(context: RunContext, execution: Execution, job: Object, _: Assessment) -> Decision | None:
    return end_sidecars(context, execution, job) if points_of(job) is None or not has_job_ended(job) else None


def _suspend(context: RunContext, execution: Execution, job: Object, _: Assessment) -> Decision | None:
    return suspend_or_resume(context, execution, job)


def _patch_limits(context: RunContext, _: Execution, job: Object, __: Assessment) -> Decision | None:
    return patch_limits(context, job)


def _collect(context: RunContext, execution: Execution, job: Object, _: Assessment) -> Decision | None:
    return collect(context, execution, job)


def _read_directly(_: RunContext, __: Execution, ___: Object, assessment: Assessment) -> Decision | None:
    """Ask directly for the pods of a Job that has ended, before their reports are given up."""
    is_due = assessment.wait is not None and assessment.wait <= timedelta(0)
    return Ask(ReadDirectly()) if is_due else None


_POLICIES: Final[tuple[_Policy, ...]] = (
    _stop,  # spec.stop, of the run or of its schedule
    _end_deleted,  # somebody else deletes the Job
    supersede,  # it waits for a cause, and what it was made of has changed
    _end_by_limit,  # disruptions, volumes that the API server dropped, the pending deadline
    _end_decided,  # Kubernetes has decided, and pods still run
    _end_by_sidecar,  # the wrapper has reported, another container runs on or has failed
    _suspend,  # spec.suspend
    _patch_limits,  # an edit of Kubernetes' own limits
    _collect,  # the points of a sweep are over
    _read_directly,
)


def _progress(context: RunContext, execution: Execution, job: Object, assessment: Assessment) -> Decision:
    warnings = [
        *change_warnings(context, execution, job),
        *suspend_warnings(context, job),
        *undone_warnings(context, job),
    ]
    status = job_status(context.base, execution, job, assessment, warnings if not assessment.phase.finished else ())
    waits = [supersede_wait(context, execution, job, assessment), lingering_wait(context)]
    waits += [undone_wait(context, job), workload_wait(context, job)]
    if not is_watched(job):
        waits.append(_UNWATCHED_INTERVAL)
    if job["spec"].get("suspend") and (context.living_pods() or waits_to_resume(context, job)):
        waits.append(timedelta(seconds=5))
    return tell_progress(context, job, assessment, status, waits)


def is_replaced(context: RunContext) -> bool:
    """Return whether the Job went because the next slot of its schedule took its place."""
    schedule = context.observation.schedule
    if schedule is None or context.fired_job_uid is None:
        return False
    slot = slot_of(context.meta["name"], schedule["metadata"]["uid"])
    if slot is None:
        return False
    annotations = annotations_of(context.observation.run)
    try:
        cron = parse_cron(annotations[constants.ANNOTATION_EXPRESSION], annotations[constants.ANNOTATION_TIME_ZONE])
    except (KeyError, ValueError):
        return False
    later = cron.next(slot)
    replaces = spec_of(schedule).get("concurrencyPolicy") == "Replace"
    return replaces and later is not None and later <= context.observation.now


def _happened(reason: Reason) -> str:
    return EXPLANATIONS[reason].happened
