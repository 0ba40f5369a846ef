"""A sweep that fans out has two Jobs: its points, and once they are over the collector, whose end is the run's.

Points are over when their Job has ended, in whatever way, or is suspended for good: because the run is to stop, or was
evicted too often. The collector runs no code of the user's, so making it again is harmless: it needs no record.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import Execution, Phase
from mlrun_operator.assess.conditions import Verdict
from mlrun_operator.assess.execution import Assessment
from mlrun_operator.assess.jobs import end_of, points_of
from mlrun_operator.assess.pods import A_LOOK, may_report, still_ending, view
from mlrun_operator.assess.status import with_job
from mlrun_operator.assess.sweep_collect import collecting, ending
from mlrun_operator.assess.sweep_status import lost
from mlrun_operator.assess.times import format_time
from mlrun_operator.plan.context import Case, Object, Plan, queued_by_kueue
from mlrun_operator.plan.progress import assessed, pending_over, pods_of, since, suspension, told
from mlrun_operator.plan.start import AGAIN, refused
from mlrun_operator.render.collector import build_collector

# How long a run that is to end waits for the collector's pod to start.
_PATIENCE: Final = timedelta(seconds=60)
# And one whose points were evicted: their nodes went, and new ones take their time.
_PATIENCE_FOR_NODES: Final = timedelta(minutes=15)
STOPPED: Final = Verdict(Phase.STOPPED, Reason.STOPPED, "stopped by spec.stop")


def collect(case: Case, latest: Execution, job: Object) -> Plan | None:
    """What a sweep needs once its points' Job has ended; None for any other Job, and before."""
    if points_of(job) is None:
        return None
    if end_of(job) is not None:
        if still_ending(pods_of(case, job), case.seen.now):
            return Plan(status=with_job(case.frame, latest, job, assessed(case, job)), requeue=A_LOOK)
        return _collect(case, latest, job)
    early = case.collector_of(latest.number)  # of a stop that was taken back
    return Plan(delete=early) if early and not early["metadata"].get("deletionTimestamp") else None


def end_points(case: Case, latest: Execution, job: Object, why: Verdict) -> Plan | None:
    """Let running points end, collect what they all have, and end so; None where there is nothing to collect.

    The suspended Job is deleted once the run's end is recorded. Kueue would resume it, so that its Jobs are deleted.
    """
    if points_of(job) is None or queued_by_kueue(job) or not _begun(case, latest, job):
        return None
    if not job["spec"].get("suspend"):
        return Plan(suspend=(job, True))
    if may_report(pods_of(case, job), case.seen.now):
        now = ending(assessed(case, job), why)
        return Plan(status=with_job(case.frame, latest, job, now), requeue=A_LOOK)
    return _collect(case, latest, job, why)


def _begun(case: Case, latest: Execution, job: Object) -> bool:
    """Whether a point has ever started."""
    recorded = case.before.execution == latest and case.before.attempt_count
    return bool(recorded) or any(view(pod).started for pod in pods_of(case, job))


def _collect(case: Case, latest: Execution, job: Object, why: Verdict | None = None) -> Plan:
    """Put together what there is; `why` it ends where the points did not end by themselves."""
    points, collector = assessed(case, job), case.collector_of(latest.number)
    if collector is None:
        return _made(case, latest, job, points)
    asked = why or (STOPPED if case.stopping else None)
    if asked is None and (wanted := suspension(case, collector)) is not None:
        return Plan(suspend=(collector, wanted))
    its = assessed(case, collector)
    if its.wait is not None and its.wait <= timedelta(0):
        return Plan(confirm=True)
    now = collecting(points, its, why)
    late = pending_over(case, collector, its)
    if asked is not None and (given_up := _given_up(case, collector, its)) is not None:
        now = replace(now, phase=asked.phase, reason=asked.reason, message=f"{asked.message}; {given_up}")
    elif late is not None and late <= timedelta(0):
        words = f"what its points have left was not put together: no pod could start; {its.reason}: {its.message}"
        now = replace(now, phase=Phase.FAILED, reason=Reason.PENDING_DEADLINE_EXCEEDED, message=words)
    status = with_job(case.frame, latest, job, now)
    if now.phase.finished and status.completion_time is None:
        status = status.model_copy(update={"completion_time": format_time(case.seen.now)})
    step = told(case, collector, its, status)
    if asked is None or now.phase.finished or step.acts:
        return step
    return replace(step, requeue=min(step.requeue or _PATIENCE, _PATIENCE))


def _made(case: Case, latest: Execution, job: Object, points: Assessment) -> Plan:
    """Make the collector, from the whole of the points' Job, or say what is in its way."""
    whole = case.seen.whole
    if whole is None or whole["metadata"]["uid"] != job["metadata"]["uid"]:
        return Plan(read=job)
    try:
        wanted = build_collector(whole, case.seen.run, latest.number, lost(points.replicas))
    except ValueError as error:
        now = replace(points, phase=Phase.FAILED, reason=Reason.WRAPPER_ERROR, message=str(error))
        return Plan(status=with_job(case.frame, latest, job, now))
    taken = any(other["metadata"]["name"] == wanted["metadata"]["name"] for other in case.seen.jobs)
    said = refused(case, wanted, taken=taken)
    if said is None:
        return Plan(create=wanted)
    phase = Phase.FAILED if said.phase.finished else Phase.RUNNING
    now = replace(points, phase=phase, reason=said.reason, message=said.message)
    return Plan(status=with_job(case.frame, latest, job, now), requeue=None if phase.finished else AGAIN)


def _given_up(case: Case, collector: Object, its: Assessment) -> str | None:
    """What a run that is to end says where its collector's pod does not start in time."""
    waited = case.seen.now - since(collector, case.seen.now)
    patience = _PATIENCE if case.stopping else _PATIENCE_FOR_NODES
    if its.phase.finished or any(pod.started for pod in its.pods) or waited < patience:
        return None
    return f"what its points have left was not put together: {its.message or 'the pod did not start'}"
