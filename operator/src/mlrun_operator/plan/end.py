"""One policy for every end that is not the pods' own: stop, limits, a lost Job, a newer spec, a sidecar (BEHAVIOUR A4).

That the execution is being ended, and how, is recorded first. Then its Job goes, its pods are waited for, and what they
report is added; only then is it over.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from mlrun_operator.api.objects import Object, has_job_ended, is_deleting, status_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import Ending, Execution, Phase
from mlrun_operator.api.words import clauses, sentences
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.execution import left_by, outcome_of, success_of
from mlrun_operator.assess.jobs import has_decided, indexes
from mlrun_operator.assess.pods import PodView, is_presumed_lost
from mlrun_operator.assess.replicas import reported_successes
from mlrun_operator.assess.status import ended_status
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.begin_end import recorded_outcome, shown_while_ending, tell_ending
from mlrun_operator.plan.context import RunContext, can_make_pods
from mlrun_operator.plan.decision import Ask, Decision, Delete, DeletePod, ReadDirectly, Tell
from mlrun_operator.plan.sidecars import delete_lingering_pod
from mlrun_operator.plan.start import LOST_POD_POLL_INTERVAL, is_rerun, start_successor, still_there
from mlrun_operator.plan.sweep import end_points

# How long a pod whose Job is gone may have no deletionTimestamp: the garbage collector comes sooner.
_ORPHAN_GRACE: Final = timedelta(seconds=10)
# Ends that reports do not change: somebody asked for them, or a limit did.
_FINAL_REASONS: Final = frozenset(
    {
        *(Reason.STOPPED, Reason.REPLACED, Reason.SUPERSEDED, Reason.EVICTED),
        *(Reason.PENDING_DEADLINE_EXCEEDED, Reason.VOLUME_UNSUPPORTED),
    }
)


def end(context: RunContext) -> Decision | None:
    """Lead an execution that is being ended to its end."""
    execution, ending = context.latest, context.ending
    if execution is None or ending is None:
        return None
    if (decision := end_points(context, execution, ending)) is not None:
        return decision
    return (
        _delete_job(context, ending)
        or _delete_pods(context)
        or _wait(context, execution, ending)
        or conclude(context, execution, ending)
    )


def conclude(context: RunContext, execution: Execution, ending: Ending) -> Decision:
    """Tell the end of an execution of which nothing may run any more, or go on to the one that takes its place."""
    views = [context.read_pod(pod) for pod in context.reporting_pods()]
    outcome = _final_outcome(context, ending, views)
    living = [pod["metadata"]["name"] for pod in context.living_pods()]
    warnings = [(cond.POD_MAY_STILL_RUN, still_there(living))] if living else []
    ended = execution.model_copy(update={"ending": ending})
    if _has_successor(context, ending) and outcome.phase is not Phase.SUCCEEDED:
        if not living or is_rerun(context):
            return start_successor(context, execution)
        shown = shown_while_ending(context, ending)
        return Tell(ended_status(context.base, ended, shown, views, warnings), LOST_POD_POLL_INTERVAL)
    return Tell(ended_status(context.base, ended, outcome, views, warnings))


def _has_successor(context: RunContext, ending: Ending) -> bool:
    """Return whether another execution takes the place of this one: nothing starts for a run that stops or goes."""
    is_going = context.stops or is_deleting(context.observation.run)
    return ending.reason == Reason.SUPERSEDED and not is_going


def _delete_job(context: RunContext, ending: Ending) -> Decision | None:
    """Delete the Job, unless it makes no pods any more: what has ended stays for its logs."""
    job = context.job
    if job is None or not can_make_pods(job) or has_decided(job):
        return None
    if ending.reason == Reason.SUCCEEDED and not _is_retried(context, job):
        return None
    return context.first(Delete(job))


def _is_retried(context: RunContext, job: Object) -> bool:
    """Return whether the Job would start the work again though the wrapper has succeeded.

    It would unless it counts the pod that succeeded, or that pod is still there and may end well.
    """
    if job["spec"].get("suspend") or status_of(job).get("succeeded"):
        return bool(job["spec"].get("suspend"))
    pods = [context.read_pod(pod) for pod in context.pods_of(job)]
    return not any(pod.phase_succeeded or (pod.succeeded and not pod.ended) for pod in pods)


def _delete_pods(context: RunContext) -> Decision | None:
    """Delete a pod that would run on: another container keeps it, or its Job goes and leaves it."""
    job = context.job
    if (decision := delete_lingering_pod(context)) is not None:
        return decision
    since = parse_time(context.ending.since) if context.ending else None
    if since is None or context.observation.now < since + _ORPHAN_GRACE:
        return None
    if job is not None and (has_job_ended(job) or not is_deleting(job)):
        return None
    orphans = [pod for pod in context.living_pods() if not is_deleting(pod)]
    why = "its Job is gone" if job is None else "its Job is being deleted, and a finalizer holds it"
    return context.first(DeletePod(orphans[0], why, is_told=True)) if orphans else None


def _wait(context: RunContext, execution: Execution, ending: Ending) -> Decision | None:
    """Wait for pods that may report, and for a Job that ends by itself; then look directly, once."""
    now, job, living = context.observation.now, context.job, context.living_pods()
    expected = [pod for pod in living if not is_presumed_lost(pod, now)]
    if expected or (not living and _ends_itself(job, ending)):
        return tell_ending(context, execution, ending)
    if not context.observation.fresh and not (job is not None and has_job_ended(job)):
        return Ask(ReadDirectly())
    return None


def _ends_itself(job: Object | None, ending: Ending) -> bool:
    """Return whether the Job will tell its end: not where it is deleted, and a finalizer holds it."""
    if job is None or has_job_ended(job) or is_deleting(job):
        return False
    return has_decided(job) or ending.reason == Reason.SUCCEEDED


def _final_outcome(context: RunContext, ending: Ending, views: Sequence[PodView]) -> Outcome:
    """Return how the execution has ended: as recorded, or as the reports of all its indexes say where those decide."""
    recorded = recorded_outcome(ending)
    if recorded.reason is Reason.JOB_DELETED:
        recorded = replace(recorded, message=sentences(ending.message, EXPLANATIONS[Reason.JOB_DELETED].todo))
    if recorded.reason in _FINAL_REASONS:
        return _with_remains(context, recorded, views)
    count = context.recorded.replicas
    if context.recorded.sweep:
        return recorded
    if count:
        succeeded = indexes(ending.completed_indexes) | reported_successes(views)
        if len(succeeded) >= count:
            return Outcome(Phase.SUCCEEDED, Reason.SUCCEEDED, f"all {count} replicas succeeded")
        return recorded
    if any(view.index is not None for view in views):
        return recorded  # of several pods, and nobody knows how many there were
    success = _success(context, ending, views)
    return outcome_of(success) if success is not None else _by_report(recorded, views)


def _success(context: RunContext, ending: Ending, views: Sequence[PodView]) -> PodView | None:
    ended = [view for view in views if view.ended]
    if context.job is not None or ending.reason != Reason.DEADLINE_EXCEEDED:
        return success_of(context.job or {}, ended)
    since = parse_time(ending.since)
    in_time = (view for view in ended if view.succeeded and since and (view.wrapper_ended_at or since) <= since)
    return next(in_time, None)


def _by_report(recorded: Outcome, views: Sequence[PodView]) -> Outcome:
    """Return the failure that the last pod reported where only its Job was lost."""
    last = views[-1] if views else None
    if recorded.reason is not Reason.JOB_DELETED or last is None or not last.ended or last.result is None:
        return recorded
    if last.result.reason in (Reason.TERMINATED, Reason.SUCCEEDED):
        return recorded
    return Outcome(Phase.FAILED, last.result.reason, last.result.message)


def _with_remains(context: RunContext, outcome: Outcome, views: Sequence[PodView]) -> Outcome:
    """Return the outcome of a stop with what it has left."""
    if outcome.reason is not Reason.STOPPED or context.recorded.sweep or not (views or context.recorded.attempt_count):
        return outcome
    result = next((view.result for view in reversed(views) if view.result), None)
    remains = left_by(result) if result else "its pod left no report"
    return Outcome(outcome.phase, outcome.reason, clauses(outcome.message, remains))
