"""`spec.suspend` of a run whose Job exists: the operator takes back only what it suspended itself (BEHAVIOUR A9).

The `suspend` of a Job in a Kueue queue is Kueue's. Such a Job is held by its Workload, which Kueue then evicts. It is
marked in the same way, before its Workload is held and until it is let go. Workloads are not watched: the Job itself
shows when Kueue has acted.
"""

from datetime import timedelta
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, annotations_of, is_deleting, labels_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import Execution, Phase
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.execution import outcome_of, success_of
from mlrun_operator.assess.jobs import has_decided, indexes, points_of, replicas_of
from mlrun_operator.assess.pods import PodView, is_presumed_lost
from mlrun_operator.assess.replicas import reported_successes
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.begin_end import begin_end
from mlrun_operator.plan.context import RunContext, is_queued_by_kueue, is_workload_active
from mlrun_operator.plan.decision import Ask, Decision, ReadWorkload, SetActive, SetSuspended
from mlrun_operator.plan.start import function_spec_of, wait_for_turn

# Kueue makes a Job's Workload in a moment; one that is missing longer is looked for ever more seldom.
_SHORTEST_WORKLOAD_WAIT: Final = timedelta(seconds=5)
_LONGEST_WORKLOAD_WAIT: Final = timedelta(minutes=5)
_NO_WORKLOAD: Final = "Kueue is not installed, does not run, or does not manage this namespace"
_NO_RIGHT: Final = (
    "the operator may not list and patch Kueue's Workloads. Set kueue.enabled in the operator's chart, or set "
    "spec.active of the Job's Workload yourself"
)
# How long a suspension that somebody else took back is left alone: two that undo each other never come to rest.
_SUSPEND_INTERVAL: Final = timedelta(minutes=1)


def suspend_or_resume(context: RunContext, execution: Execution, job: Object) -> Decision | None:
    """Suspend the Job, or let it go on; one whose pods had all succeeded when it was suspended is over."""
    if is_deleting(job) or has_decided(job):
        return None
    is_suspended = bool(job["spec"].get("suspend"))
    if is_suspended and (success := _forgotten_success(context, job)) is not None:
        return begin_end(context, execution, success)
    if is_queued_by_kueue(job):
        return _hold_in_queue(context, job)
    wants = bool(context.spec.get("suspend"))
    if wants and not is_suspended:
        wait = undone_wait(context, job)
        return context.first(SetSuspended(job, suspended=True)) if wait is None or wait <= timedelta(0) else None
    if wants or not is_suspended or not is_suspended_by_us(job) or _pods_are_ending(context):
        return None
    return context.first(SetSuspended(job, suspended=False)) if waits_to_resume(context, job) is None else None


def suspended_outcome(context: RunContext, job: Object) -> Outcome:
    """Return where the execution is while its Job is suspended, by who suspended it."""
    if is_queued_by_kueue(job) and not _is_held_in_queue(context, job):
        queue = labels_of(job)[constants.LABEL_QUEUE]
        return Outcome(Phase.PENDING, Reason.QUEUED, f"waits in Kueue's queue {queue}")
    if context.spec.get("suspend"):
        return _explained(Phase.SUSPENDED, Reason.SUSPENDED)
    if not is_suspended_by_us(job):
        return Outcome(Phase.PENDING, Reason.JOB_SUSPENDED, _suspended_by_another(job))
    turn = waits_to_resume(context, job)
    if turn is None and context.recorded.reason == Reason.QUEUED:
        turn = context.recorded.message  # it keeps its position until its pods have ended and it goes on
    return Outcome(Phase.PENDING, Reason.QUEUED, turn) if turn else _explained(Phase.SUSPENDED, Reason.SUSPENDED)


def waits_to_resume(context: RunContext, job: Object) -> str | None:
    """Return which limit of concurrent runs a Job that is to go on waits for; None where it may go on."""
    if not is_suspended_by_us(job):
        return None
    return wait_for_turn(context, function_spec_of(context))


def undone_wait(context: RunContext, job: Object) -> timedelta | None:
    """Return how long until a Job is suspended once more; None unless somebody else took the suspension back."""
    annotations = annotations_of(job)
    if not context.spec.get("suspend") or has_decided(job) or not _may_run(context, job):
        return None
    if {SetSuspended(job, suspended=True).key, SetActive(job, None, active=False).key} & context.observation.taken:
        return _SUSPEND_INTERVAL  # an admission webhook has undone it at once, perhaps with its mark
    if constants.ANNOTATION_SUSPENDED_BY not in annotations:
        return None
    suspended_at = parse_time(annotations.get(constants.ANNOTATION_SUSPENDED_AT))
    return suspended_at + _SUSPEND_INTERVAL - context.observation.now if suspended_at else timedelta(0)


def _may_run(context: RunContext, job: Object) -> bool:
    """Return whether nothing keeps the Job from running: of one in a Kueue queue its Workload decides, where read."""
    if not is_queued_by_kueue(job):
        return not job["spec"].get("suspend")
    read = context.workload_of(job)
    return read is not None and is_workload_active(read.workload)


def undone_warnings(context: RunContext, job: Object) -> list[tuple[str, str]]:
    """Return that somebody else takes back the operator's `suspend` of the Job."""
    if undone_wait(context, job) is None:
        return []
    kind, name, change = "job", job["metadata"]["name"], f"spec.suspend of Job {job['metadata']['name']} to false"
    if (read := context.workload_of(job)) is not None and read.workload is not None:
        kind, name = "workload", read.workload["metadata"]["name"]
        change = f"spec.active of Workload {name} to true"
    message = (
        f"spec.suspend has no effect: another client or an admission webhook sets {change}. "
        f"`kubectl get {kind} {name} -o yaml --show-managed-fields` shows who. The operator tries again each minute"
    )
    return [(cond.SUSPEND_IGNORED, message)]


def is_suspended_by_us(job: Object) -> bool:
    """Return whether it was the operator that suspended the Job."""
    return bool(job["spec"].get("suspend")) and constants.ANNOTATION_SUSPENDED_BY in annotations_of(job)


def suspend_warnings(context: RunContext, job: Object) -> list[tuple[str, str]]:
    """Return that spec.suspend cannot hold a Job in a Kueue queue, and why."""
    if not _is_out_of_reach(context, job):
        return []
    read = context.workload_of(job)
    no_workload = f"Kueue has no Workload for Job {job['metadata']['name']}: {_NO_WORKLOAD}"
    why = _NO_RIGHT if read is not None and read.is_forbidden else no_workload
    return [(cond.SUSPEND_IGNORED, f"spec.suspend has no effect: {why}")]


def workload_wait(context: RunContext, job: Object) -> timedelta | None:
    """Return how long until a Workload that could not be read or patched is asked for again."""
    if not _is_out_of_reach(context, job):
        return None
    now = context.observation.now
    age = now - (parse_time(job["metadata"].get("creationTimestamp")) or now)
    return min(max(age, _SHORTEST_WORKLOAD_WAIT), _LONGEST_WORKLOAD_WAIT)


def _hold_in_queue(context: RunContext, job: Object) -> Decision | None:
    """Hold a Job that Kueue queues by its Workload, or let go what the operator held so."""
    wants = bool(context.spec.get("suspend"))
    if not wants and not _may_return_to_queue(context, job):
        return None
    read = context.workload_of(job)
    if read is None:
        return Ask(ReadWorkload(job))
    if read.is_forbidden:
        return None
    if not wants:
        return context.first(SetActive(job, read.workload, active=True))
    wait = undone_wait(context, job)
    is_due = is_workload_active(read.workload) and (wait is None or wait <= timedelta(0))
    return context.first(SetActive(job, read.workload, active=False)) if is_due else None


def _may_return_to_queue(context: RunContext, job: Object) -> bool:
    """Return whether Kueue may have the Job again: the operator held it, its pods have ended, and it is its turn."""
    if constants.ANNOTATION_SUSPENDED_BY not in annotations_of(job):
        return False
    is_ending = is_suspended_by_us(job) and _pods_are_ending(context)
    return not is_ending and waits_to_resume(context, job) is None


def _is_held_in_queue(context: RunContext, job: Object) -> bool:
    read = context.workload_of(job)
    return is_suspended_by_us(job) and not (read is not None and read.is_forbidden)


def _is_out_of_reach(context: RunContext, job: Object) -> bool:
    """Return whether the Job's Workload was asked for, and cannot be set as spec.suspend wants it."""
    read = context.workload_of(job)
    is_missing = read is not None and read.workload is None and bool(context.spec.get("suspend"))
    return is_missing or (read is not None and read.is_forbidden)


def _pods_are_ending(context: RunContext) -> bool:
    return any(not is_presumed_lost(pod, context.observation.now) for pod in context.living_pods())


def _forgotten_success(context: RunContext, job: Object) -> Outcome | None:
    """Return the success that the Job controller forgets of pods which end while the Job is being suspended."""
    if points_of(job) is not None or _pods_are_ending(context):
        return None
    count = replicas_of(job)
    if count is None:
        success = success_while_suspended(context, job)
        return outcome_of(success) if success else None
    views = [context.read_pod(pod) for pod in context.pods_of(job)]
    succeeded = indexes((job.get("status") or {}).get("completedIndexes")) | reported_successes(views)
    if len(succeeded) < count:
        return None
    return Outcome(Phase.SUCCEEDED, Reason.SUCCEEDED, f"all {count} replicas succeeded")


def success_while_suspended(context: RunContext, job: Object) -> PodView | None:
    """Return the pod of a suspended Job that has succeeded: the Job controller does not count it."""
    if not job["spec"].get("suspend") or _pods_are_ending(context):
        return None
    views = [context.read_pod(pod) for pod in context.pods_of(job)]
    return success_of(job, [view for view in views if view.ended])


def _suspended_by_another(job: Object) -> str:
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    resume = f'kubectl patch job {name} -n {namespace} -p \'{{"spec":{{"suspend":false}}}}\''
    return f"another client suspended Job {name}, so that it creates no pods; to resume it: `{resume}`"


def _explained(phase: Phase, reason: Reason) -> Outcome:
    return Outcome(phase, reason, EXPLANATIONS[reason].happened)
