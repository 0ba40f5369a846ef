"""A sweep that fans out has two Jobs: its points, and once they are over the collector, whose end is the run's.

Points are over when their Job has ended, in whatever way, or is suspended for good because the execution is being
ended. The collector runs no code of the user's, so making it again is harmless: it needs no record.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from mlrun_operator.api.objects import Object, has_job_ended, has_pod_ended, is_deleting
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import Ending, Execution, Phase
from mlrun_operator.api.words import clauses
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.execution import Assessment, outcome_of
from mlrun_operator.assess.jobs import end_of, has_decided, points_of
from mlrun_operator.assess.pods import POD_POLL_INTERVAL, is_presumed_lost, may_report, still_ending
from mlrun_operator.assess.status import job_status
from mlrun_operator.assess.sweep_collect import collecting, ending_points
from mlrun_operator.assess.sweep_status import lost
from mlrun_operator.assess.times import format_time, parse_time
from mlrun_operator.plan.assessed import assessed
from mlrun_operator.plan.begin_end import recorded_outcome
from mlrun_operator.plan.context import RunContext, is_queued_by_kueue, is_workload_active
from mlrun_operator.plan.decision import (
    Ask,
    Create,
    Decision,
    Do,
    ReadDirectly,
    ReadWholeJob,
    ReadWorkload,
    SetActive,
    SetSuspended,
    Tell,
)
from mlrun_operator.plan.limits import described_cause
from mlrun_operator.plan.progress import pending_left, tell_progress, waiting_for_pods_since
from mlrun_operator.plan.start import RETRY_INTERVAL, refused
from mlrun_operator.plan.suspend import is_suspended_by_us, success_while_suspended, suspend_or_resume
from mlrun_operator.render.collector import build_collector

# How long a run that is to stop waits for the collector's pod to start.
_COLLECTOR_GRACE: Final = timedelta(seconds=60)
# And one whose points were evicted: their nodes went, and new ones take their time.
_COLLECTOR_GRACE_AFTER_EVICTION: Final = timedelta(minutes=15)
# How long Kueue may take to suspend the points of a run that is being ended.
_KUEUE_GRACE: Final = timedelta(seconds=60)
STOPPED: Final = Outcome(Phase.STOPPED, Reason.STOPPED, "stopped by spec.stop")
# Ends after which there is nothing to collect.
_WITHOUT_RESULTS: Final = (Reason.JOB_DELETED, Reason.SUPERSEDED, Reason.VOLUME_UNSUPPORTED)


def collect(context: RunContext, execution: Execution, job: Object) -> Decision | None:
    """Return what a sweep needs once its points' Job has ended; None for any other Job, and before."""
    if points_of(job) is None or end_of(job) is None:
        return None
    if still_ending(context.pods_of(job), context.observation.now):
        return Tell(job_status(context.base, execution, job, assessed(context, job)), POD_POLL_INTERVAL)
    return _collect(context, execution, job)


def end_points(context: RunContext, execution: Execution, ending: Ending) -> Decision | None:
    """Let the points of a sweep that is being ended end, and collect what they have; None where that is not to be done.

    The suspended Job is deleted once the run's end is recorded. One in a Kueue queue that cannot be held is deleted at
    once, since Kueue would resume it.
    """
    job, outcome = context.job, recorded_outcome(ending)
    if job is None or points_of(job) is None or is_deleting(job) or outcome.reason in _WITHOUT_RESULTS:
        return None
    if not _has_begun(context, execution, job):
        return None
    is_at_rest = has_job_ended(job) or has_decided(job)
    if not is_at_rest and is_queued_by_kueue(job):
        if not _is_held(context, job):
            return _hold(context, execution, job, ending)
    elif not is_at_rest and not job["spec"].get("suspend"):
        return context.first(SetSuspended(job, suspended=True))
    if may_report(context.pods_of(job), context.observation.now):
        return _tell_ending_points(context, execution, job, outcome)
    return _collect(context, execution, job, outcome)


def _tell_ending_points(context: RunContext, execution: Execution, job: Object, outcome: Outcome) -> Tell:
    assessment = ending_points(assessed(context, job), outcome)
    return Tell(job_status(context.base, execution, job, assessment), POD_POLL_INTERVAL)


def _is_held(context: RunContext, job: Object) -> bool:
    """Return whether Kueue has suspended the Job and lets it not go on: its Workload was set inactive."""
    read = context.workload_of(job)
    is_inactive = read is not None and read.workload is not None and not is_workload_active(read.workload)
    return bool(job["spec"].get("suspend")) and (is_suspended_by_us(job) or is_inactive)


def _hold(context: RunContext, execution: Execution, job: Object, ending: Ending) -> Decision | None:
    """Have Kueue suspend the points; None where their Workload is out of reach, or Kueue does not act."""
    read = context.workload_of(job)
    if read is None:
        return Ask(ReadWorkload(job))
    since = parse_time(ending.since)
    if read.workload is None or since is None or context.observation.now >= since + _KUEUE_GRACE:
        return None
    if is_workload_active(read.workload):
        return context.first(SetActive(job, read.workload, active=False))
    return _tell_ending_points(context, execution, job, recorded_outcome(ending))


def _has_begun(context: RunContext, execution: Execution, job: Object) -> bool:
    """Return whether a point has ever started, or what there is of points is being collected."""
    if context.base.of(execution).attempt_count or context.collector_of(execution.number) is not None:
        return True
    return any(context.read_pod(pod).started for pod in context.pods_of(job))


def _collect(context: RunContext, execution: Execution, job: Object, outcome: Outcome | None = None) -> Decision:
    """Collect what there is; with `outcome` the run ends so, since the points did not end by themselves."""
    points, collector = assessed(context, job), context.collector_of(execution.number)
    if collector is None:
        return _create_collector(context, execution, job, points)
    if is_deleting(collector):
        return Tell(requeue_after=POD_POLL_INTERVAL)
    collected = _collected(context, collector)
    is_under_way = outcome is None and not collected.phase.finished
    if is_under_way and (decision := suspend_or_resume(context, execution, collector)) is not None:
        return decision
    is_given_up = outcome is not None and _is_lost(context, collector) and not context.observation.fresh
    if is_given_up or (collected.wait is not None and collected.wait <= timedelta(0)):
        return Ask(ReadDirectly())
    assessment = _in_time(context, collector, collected, collecting(points, collected, outcome), outcome)
    status = job_status(context.base, execution, job, assessment)
    if assessment.phase.finished and status.completion_time is None:
        status = status.model_copy(update={"completion_time": format_time(context.observation.now)})
    waits = [] if outcome is None or assessment.phase.finished else [_COLLECTOR_GRACE]
    return tell_progress(context, collector, collected, status, waits)


def _collected(context: RunContext, collector: Object) -> Assessment:
    """Return how the collector is doing. It has also ended where its pod succeeded while it was being suspended."""
    collected, success = assessed(context, collector), success_while_suspended(context, collector)
    if success is None:
        return collected
    outcome = outcome_of(success)
    return replace(collected, phase=outcome.phase, reason=outcome.reason, message=outcome.message, last=success)


def _in_time(
    context: RunContext, collector: Object, collected: Assessment, assessment: Assessment, outcome: Outcome | None
) -> Assessment:
    """Return the assessment; the run ends without its results where the collector's pod does not start in time."""
    left = pending_left(context, collector, collected)
    if outcome is not None and (message := _given_up(context, collector, collected, outcome)) is not None:
        message = clauses(outcome.message, message)
        return replace(assessment, phase=outcome.phase, reason=outcome.reason, message=message)
    if left is not None and left <= timedelta(0):
        message = f"results were not collected because the collector pod could not start; {described_cause(collected)}"
        return replace(assessment, phase=Phase.FAILED, reason=Reason.PENDING_DEADLINE_EXCEEDED, message=message)
    return assessment


def _create_collector(context: RunContext, execution: Execution, job: Object, points: Assessment) -> Decision:
    """Create the collector, from the whole of the points' Job, or tell what is in its way."""
    whole_job = context.observation.whole_job
    if whole_job is None or whole_job["metadata"]["uid"] != job["metadata"]["uid"]:
        return Ask(ReadWholeJob(job))
    try:
        collector = build_collector(whole_job, context.observation.run, execution.number, lost(points.replicas))
    except ValueError as error:
        assessment = replace(points, phase=Phase.FAILED, reason=Reason.WRAPPER_ERROR, message=str(error))
        return Tell(job_status(context.base, execution, job, assessment))
    names = {other["metadata"]["name"] for other in context.observation.jobs}
    outcome = refused(context.observation.refusal, collector, is_taken=collector["metadata"]["name"] in names)
    if outcome is None:
        return Do(Create(collector))
    phase = Phase.FAILED if outcome.phase.finished else Phase.RUNNING
    assessment = replace(points, phase=phase, reason=outcome.reason, message=outcome.message)
    status = job_status(context.base, execution, job, assessment)
    return Tell(status, None if phase.finished else RETRY_INTERVAL)


def _is_lost(context: RunContext, collector: Object) -> bool:
    """Return whether the collector's pod should have ended for long: its node may be lost."""
    pods = (pod for pod in context.pods_of(collector) if not has_pod_ended(pod))
    return any(is_presumed_lost(pod, context.observation.now) for pod in pods)


def _given_up(context: RunContext, collector: Object, collected: Assessment, outcome: Outcome) -> str | None:
    """Return what a run that is being ended tells where its collector's pod does not start in time, or is lost."""
    now = context.observation.now
    if not collected.phase.finished and _is_lost(context, collector):
        return "results were not collected because the collector pod did not end in its grace period"
    waited = now - waiting_for_pods_since(collector, now)
    is_stopped = outcome.phase is Phase.STOPPED or context.stops
    grace = _COLLECTOR_GRACE if is_stopped else _COLLECTOR_GRACE_AFTER_EVICTION
    if collected.phase.finished or any(pod.started for pod in collected.pods) or waited < grace:
        return None
    return f"results were not collected because the collector pod could not start; {described_cause(collected)}"
