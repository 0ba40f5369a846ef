"""What is told of an execution that goes on, and when to look again though nothing happens."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api.objects import Object, has_condition, status_of
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import Phase, RunStatus
from mlrun_operator.assess.execution import Assessment, lacking_pods
from mlrun_operator.assess.jobs import collects
from mlrun_operator.assess.pods import PodView, awaited, presumed_lost_in
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.context import RunContext
from mlrun_operator.plan.decision import Ask, Decision, ReadEvents, Tell

# Some causes exist only in events; a pod that is this long in coming is asked for, ever more seldom.
_EVENTS_AFTER: Final = timedelta(seconds=3)
_LONGEST_EVENTS_INTERVAL: Final = timedelta(seconds=60)


def tell_progress(
    context: RunContext,
    job: Object,
    assessment: Assessment,
    status: RunStatus,
    waits: Iterable[timedelta | None] = (),
) -> Decision:
    """Tell the status, and when to look again: for the pod's report, the pending deadline, or causes in events."""
    is_waiting = _is_waiting_for_pod(assessment)
    waited = _waited(context, job) if is_waiting else timedelta(0)
    is_unexplained = is_waiting and assessment.reason in (Reason.CREATED, Reason.RUNNING)
    if is_unexplained and waited >= _EVENTS_AFTER and context.observation.events is None:
        return Ask(ReadEvents())
    all_waits = [*waits, assessment.wait, pending_left(context, job, assessment), _lost_wait(context)]
    if is_unexplained or (is_waiting and context.observation.events is not None):
        interval = min(max(waited, _EVENTS_AFTER), _LONGEST_EVENTS_INTERVAL)
        all_waits.append(max(_EVENTS_AFTER - waited, interval))
    # A wait that is over is for something that does not come now, as a deadline of what is superseded in a moment.
    return Tell(status, min((wait for wait in all_waits if wait is not None and wait > timedelta(0)), default=None))


def _lost_wait(context: RunContext) -> timedelta | None:
    """Return how long until a pod that was told to end is presumed lost; None where there is none."""
    waits = (presumed_lost_in(pod, context.observation.now) for pod in context.living_pods())
    return min((wait for wait in waits if wait is not None), default=None)


def pending_left(context: RunContext, job: Object, assessment: Assessment) -> timedelta | None:
    """Return how much of the pending deadline is left; None where it does not run.

    It runs while nothing of the execution runs and a pod has not started: the first one, a retry's, or a replica's
    that is left of many. A sweep that has begun has no such deadline.
    """
    limit = context.limit("pendingDeadlineSeconds", job)
    if limit is None or _rests(assessment) or any(pod.started and not pod.ended for pod in assessment.pods):
        return None
    pod = awaited(assessment.pods)
    has_begun = any(pod.started for pod in assessment.pods) or (_has_run(context) and not collects(job))
    if has_begun and (pod is None or assessment.sweep or not _is_first_or_retry(context, job, assessment.pods, pod)):
        return None
    moments = [pod.created if pod else None, *(pod.attempt.completion_time for pod in assessment.pods)]
    times = [time for moment in moments if (time := parse_time(moment)) is not None]
    since = max([waiting_for_pods_since(job, context.observation.now), *times])
    return since + timedelta(seconds=limit) - context.observation.now


def _rests(assessment: Assessment) -> bool:
    """Return whether the execution is over, suspended or queued: no deadline runs then."""
    resting = assessment.reason in (Reason.QUEUED, Reason.JOB_SUSPENDED) or assessment.phase is Phase.SUSPENDED
    return assessment.phase.finished or resting or assessment.end is not None


def _is_first_or_retry(context: RunContext, job: Object, pods: Sequence[PodView], pod: PodView) -> bool:
    """Return whether the pod is the first one or in the place of one that failed, not of one that was disrupted."""
    others = [other for other in pods if other.started and other.index == pod.index]
    if others:
        return not (others[-1].disrupted or others[-1].attempt.reason == Reason.EVICTED)
    if pod.index is None:
        return collects(job) or not _has_run(context)
    statuses = (status for status in context.recorded.replica_statuses or () if status.index == pod.index)
    return not any(status.attempt_count for status in statuses)


def waiting_for_pods_since(job: Object, now: datetime) -> datetime:
    """Return when the Job began to wait for its pod: its start, which a resumption sets anew.

    Until the Job controller has seen the resumption its start is that of before the suspension.
    """
    if has_condition(job, "Suspended") and not job["spec"].get("suspend"):
        return now
    started = status_of(job).get("startTime") or job["metadata"].get("creationTimestamp")
    return parse_time(started) or now


def _waited(context: RunContext, job: Object) -> timedelta:
    """Return for how long the Job, or the newest pod, or its way to a node is waited for; a slow clock says nothing."""
    times = [waiting_for_pods_since(job, context.observation.now)]
    pods = context.pods_of(job)
    for pod in [pod for pod in pods if not context.read_pod(pod).started] or pods:
        scheduled = (c for c in status_of(pod).get("conditions") or () if c.get("type") == "PodScheduled")
        moments = (pod["metadata"].get("creationTimestamp"), *(c.get("lastTransitionTime") for c in scheduled))
        times += [time for moment in moments if (time := parse_time(moment)) is not None]
    return max(context.observation.now - max(times), timedelta(0))


def _has_run(context: RunContext) -> bool:
    """Return whether a pod of this execution has started before: a drained node is no deadline."""
    return context.is_recorded and context.recorded.phase is Phase.RUNNING


def _is_waiting_for_pod(assessment: Assessment) -> bool:
    """Return whether the execution waits for a pod to start, its first one or a retry's."""
    if assessment.end is not None or assessment.phase not in (Phase.PENDING, Phase.RUNNING):
        return False
    if assessment.reason in (Reason.QUEUED, Reason.JOB_SUSPENDED):
        return False
    return not assessment.pods or awaited(assessment.pods) is not None or lacking_pods(assessment)
