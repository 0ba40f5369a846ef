"""How an execution is doing, as a status, and when to look again though nothing happens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import Phase, RunStatus
from mlrun_operator.assess.execution import Assessment, assess, lacking_pods
from mlrun_operator.assess.jobs import collects, controlled_by, end_of
from mlrun_operator.assess.pods import PodView, awaited, unstarted
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.context import Case, Object, Plan, queued_by_kueue

# Some causes exist only in events; a pod that is this long in coming is asked for, ever more seldom.
_PATIENCE: Final = timedelta(seconds=3)
_SELDOM: Final = timedelta(seconds=60)


def assessed(case: Case, job: Object) -> Assessment:
    """What the Job and its pods say."""
    events, queued = case.seen.events or (), queued_by_kueue(job)
    return assess(job, pods_of(case, job), case.seen.now, confirmed=case.seen.confirmed, queued=queued, events=events)


def pods_of(case: Case, job: Object) -> list[Object]:
    """The Job's own pods."""
    return [pod for pod in case.seen.pods if controlled_by(pod, job["metadata"]["uid"])]


def suspension(case: Case, job: Object) -> bool | None:
    """What the Job's `suspend` should be and is not; with a Kueue queue it is Kueue's."""
    if queued_by_kueue(job) or end_of(job):
        return None
    wanted = bool(case.spec.get("suspend"))
    return wanted if wanted != bool(job["spec"].get("suspend")) else None


def told(case: Case, job: Object, now: Assessment, status: RunStatus) -> Plan:
    """The status, and when to look again: for the pod's report, the pending deadline, or the causes in events."""
    waited = case.seen.now - _hangs_since(case, job)
    hanging = _hanging(now)
    unexplained = hanging and now.reason in (Reason.CREATED, Reason.RUNNING)
    if unexplained and waited >= _PATIENCE and case.seen.events is None:
        return Plan(ask_events=True)
    waits = [now.wait, pending_over(case, job, now)]
    if unexplained or (hanging and case.seen.events is not None):
        waits.append(max(_PATIENCE - waited, min(max(waited, _PATIENCE), _SELDOM)))
    requeue = min((wait for wait in waits if wait is not None), default=None)
    return Plan(status=status, requeue=requeue)


def pending_over(case: Case, job: Object, now: Assessment) -> timedelta | None:
    """How long until the pending deadline; None where it does not run.

    It runs while nothing of the execution runs and a pod has not started: the first one, a retry's, or a replica's
    that is left of many. A sweep that has begun has no such deadline.
    """
    limit = case.limit("pendingDeadlineSeconds", job)
    resting = now.phase.finished or now.phase is Phase.SUSPENDED or now.reason is Reason.QUEUED or now.end is not None
    if limit is None or resting or any(pod.started and not pod.ended for pod in now.pods):
        return None
    waited_for = awaited(now.pods)
    begun = any(pod.started for pod in now.pods) or (_ran(case) and not collects(job))
    if begun and (waited_for is None or now.sweep is not None or not _first_or_retry(case, job, now.pods, waited_for)):
        return None
    moments = [waited_for.created if waited_for else None, *(pod.attempt.completion_time for pod in now.pods)]
    began = max([since(job, case.seen.now), *(time for moment in moments if (time := parse_time(moment)) is not None)])
    return began + timedelta(seconds=limit) - case.seen.now


def _first_or_retry(case: Case, job: Object, pods: Sequence[PodView], waited_for: PodView) -> bool:
    """Whether the pod is the first one or in the place of one that failed, not of one that was evicted or vanished."""
    others = [pod for pod in pods if pod.started and pod.index == waited_for.index]
    if others:
        return others[-1].attempt.reason != Reason.EVICTED
    if waited_for.index is None:
        return collects(job) or not _ran(case)
    known = (each for each in case.before.replica_statuses or () if each.index == waited_for.index)
    return not any(each.attempt_count for each in known)


def since(job: Object, now: datetime) -> datetime:
    """When the Job began to wait for its pod: its start, which a resumption sets anew."""
    started = (job.get("status") or {}).get("startTime") or job["metadata"].get("creationTimestamp")
    return parse_time(started) or now


def _hangs_since(case: Case, job: Object) -> datetime:
    """When what is waited for began: the Job, or the newest pod, or its way to a node; an event comes soon after."""
    times = [since(job, case.seen.now)]
    pods = pods_of(case, job)
    for pod in unstarted(pods) or pods:
        scheduled = (c for c in (pod.get("status") or {}).get("conditions") or () if c.get("type") == "PodScheduled")
        moments = (pod["metadata"].get("creationTimestamp"), *(c.get("lastTransitionTime") for c in scheduled))
        times += [time for moment in moments if (time := parse_time(moment)) is not None]
    return max(times)


def _ran(case: Case) -> bool:
    """Whether a pod of this execution has started before: a drained node is no deadline."""
    written = case.before.execution
    same = written is not None and case.latest is not None and written.number == case.latest.number
    return same and case.before.phase is Phase.RUNNING


def _hanging(now: Assessment) -> bool:
    """Whether the execution waits for a pod to start, its first one or a retry's."""
    if now.end is not None or now.phase not in (Phase.PENDING, Phase.RUNNING) or now.reason is Reason.QUEUED:
        return False
    return not now.pods or awaited(now.pods) is not None or lacking_pods(now)
