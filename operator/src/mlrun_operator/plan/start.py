"""A new execution, where the user asks for one that was not started yet (BEHAVIOUR A1, A2, A5)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from mlrun_operator.api import constants
from mlrun_operator.api.contract.envelope import EnvelopeTooLargeError
from mlrun_operator.api.objects import Object, annotations_of, controller_of, is_deleting, labels_of, spec_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import Execution, FunctionPin, Phase
from mlrun_operator.api.values.names import kubernetes_name
from mlrun_operator.api.words import in_words
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.pods import is_presumed_lost, presumed_lost_in
from mlrun_operator.assess.status import waiting_status
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.context import RunContext
from mlrun_operator.plan.decision import Ask, Create, Decision, DeletePod, Do, ReadDirectly, Tell
from mlrun_operator.plan.observation import Refusal
from mlrun_operator.plan.recorded import with_condition
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.execution import function_digest, is_same_execution, is_same_function
from mlrun_operator.render.job import build_job
from mlrun_operator.render.service import service_for

# A create that was refused is tried again after this long, ever later.
RETRY_INTERVAL: Final = timedelta(seconds=30)
_LONGEST_RETRY_INTERVAL: Final = timedelta(minutes=10)
# The end of another run wakes a queued one; this is only for what nobody saw.
QUEUE_POLL_INTERVAL: Final = timedelta(minutes=5)
# The same for the end of a pod of an earlier execution. Each time its pods are listed directly.
LOST_POD_POLL_INTERVAL: Final = timedelta(minutes=1)
_UNRECORDED: Final = "The Job was deleted before it was recorded. What its pods reported is lost."


def start(context: RunContext) -> Decision | None:
    """Create the Job of the execution that is due, or tell why it has to wait or can never be."""
    if is_deleting(context.observation.run):
        return None
    execution = due(context)
    if execution is None:
        return None
    return _wait_for_other_pods(context, execution) or start_execution(context, execution)


def start_execution(context: RunContext, execution: Execution) -> Decision:
    """Create the Job of this execution, or tell why it has to wait or can never be."""
    return _held(context, execution) or _create(context, execution)


def start_successor(context: RunContext, superseded: Execution) -> Decision:
    """Start the execution that takes the place of one that never ran, from the spec of now."""
    return start_execution(context, context.wanted(superseded.number + 1))


def stop_unstarted(context: RunContext) -> Decision | None:
    """Tell of an execution that was to start that it is stopped; nothing else is due while the run is to stop."""
    if not context.stops or (not context.is_over and (context.was_made or context.job is not None)):
        return None
    execution = due(context)
    if execution is None:
        return None
    return _end_unrecorded_pods(context, execution) or _tell_unstarted(context, execution)


def _end_unrecorded_pods(context: RunContext, execution: Execution) -> Decision | None:
    """Wait for the pods of a Job that was deleted before it was recorded: a run that stops leaves none that runs on."""
    living = _living_pods_before(context)
    if context.is_over or (living and all(is_presumed_lost(pod, context.observation.now) for pod in living)):
        return None
    return _wait_for_other_pods(context, execution)


def _tell_unstarted(context: RunContext, execution: Execution) -> Tell:
    """Tell that the execution is stopped, and that the reports of pods are lost where some were waited for."""
    outcome = Outcome(Phase.STOPPED, Reason.STOPPED, "stopped before it started")
    recorded = context.recorded
    if context.is_over or recorded.phase is not Phase.PENDING or recorded.reason != Reason.STOPPING:
        return waiting(context, execution, outcome)
    outcome = replace(outcome, message="stopped; its Job was deleted before it was recorded")
    return waiting(context, execution, outcome, warnings=[(cond.RESULT_MISSING, _UNRECORDED)])


def due(context: RunContext) -> Execution | None:
    """Return the execution that is to start now."""
    number = _due_number(context)
    return context.wanted(number) if number is not None else None


def waiting(
    context: RunContext,
    execution: Execution,
    outcome: Outcome,
    requeue_after: timedelta | None = None,
    warnings: Sequence[tuple[str, str]] = (),
) -> Tell:
    """Tell of an execution without a Job: it waits for something, or cannot start at all."""
    left = _pending_left(context, execution, outcome)
    if left is not None and left <= timedelta(0):
        limit = context.limit("pendingDeadlineSeconds", None)
        message = f"not started within {limit} s; {outcome.reason}: {outcome.message}"
        outcome, left, requeue_after = Outcome(Phase.FAILED, Reason.PENDING_DEADLINE_EXCEEDED, message), None, None
    status = waiting_status(context.base, execution, outcome, [*lost_pod_warnings(context), *warnings])
    if outcome.phase.finished and (function := function_of(context)) is not None:
        pin = FunctionPin(
            name=function["metadata"]["name"],
            generation=function["metadata"].get("generation"),
            digest=function_digest(spec_of(function)),
        )
        status = status.model_copy(update={"function": pin})
    return Tell(status, min((wait for wait in (requeue_after, left) if wait is not None), default=None))


def _pending_left(context: RunContext, execution: Execution, outcome: Outcome) -> timedelta | None:
    """Return how much of the pending deadline is left; None where it does not run: queued, suspended or ended."""
    limit = context.limit("pendingDeadlineSeconds", None)
    if limit is None or outcome.phase is not Phase.PENDING or outcome.reason is Reason.QUEUED:
        return None
    since = waiting_since(context, execution)
    return since + timedelta(seconds=limit) - context.observation.now


def waiting_since(context: RunContext, execution: Execution) -> datetime:
    """Return since when the execution waits for something other than its turn."""
    conditions = context.base.of(execution).conditions or ()
    since = next((c for c in conditions if c.type == "Reconciling" and c.reason != Reason.QUEUED), None)
    return (parse_time(since.last_transition_time) if since else None) or context.observation.now


def _held(context: RunContext, execution: Execution) -> Decision | None:
    """Return what keeps the execution from starting though nothing is wrong with it."""
    if context.spec.get("suspend"):
        message = EXPLANATIONS[Reason.SUSPENDED].happened
        return waiting(context, execution, Outcome(Phase.SUSPENDED, Reason.SUSPENDED, message))
    is_restored_unstarted = is_restored_with_status(context) and not context.is_over
    if is_restored_unstarted or (execution.number == 1 and restored(context.observation.run)):
        message = EXPLANATIONS[Reason.RESTORED].happened
        return waiting(context, execution, Outcome(Phase.STOPPED, Reason.RESTORED, message))
    return None


def _wait_for_other_pods(context: RunContext, execution: Execution) -> Decision | None:
    """Wait until no pod of an earlier Job may run; only an explicit rerun does not wait for a pod that is lost."""
    if context.observation.has_made_job and not context.observation.fresh:
        return Ask(ReadDirectly())  # it was deleted before it was recorded; its pods may not have been seen
    living = _waited_pods(context)
    if not living:
        return None
    if not context.observation.fresh:
        return Ask(ReadDirectly())
    if (orphan := _orphan_of(context, living)) is not None:
        return Do(DeletePod(orphan, "its Job is gone"))
    names = ", ".join(sorted({pod["metadata"]["name"] for pod in living})[:5])
    change = "is stopped" if context.stops else "starts"
    message = f"execution {execution.number} {change} when pod {names} of an earlier one has ended"
    wait = _until_lost_or_gone(context, living)
    if not context.is_over:
        return waiting(context, execution, Outcome(Phase.PENDING, Reason.STOPPING, message), wait)
    return Tell(with_condition(context, cond.CHANGE_WAITS, message), wait)


def _orphan_of(context: RunContext, pods: Sequence[Object]) -> Object | None:
    """Return a pod that neither its Job nor the garbage collector ends: the Job was deleted with `--cascade=orphan`."""
    job_uids = {job["metadata"]["uid"] for job in context.observation.jobs}
    orphans = (pod for pod in pods if not controller_of(pod) and not is_deleting(pod))
    return next((pod for pod in orphans if labels_of(pod).get(constants.LABEL_JOB_UID) not in job_uids), None)


def _waited_pods(context: RunContext) -> list[Object]:
    """Return the pods that the next execution waits for: a lost one does not hold an explicit rerun."""
    living = _living_pods_before(context)
    if is_rerun(context) or (_is_told_lost(context) and not context.is_over):
        return [pod for pod in living if not is_presumed_lost(pod, context.observation.now)]
    return living


def _living_pods_before(context: RunContext) -> list[Object]:
    """Return the pods that may run of any execution before the one that is due."""
    earlier = context.other_living_pods()
    return [*earlier, *context.living_pods()] if context.is_over or context.ending else earlier


def lost_pod_warnings(context: RunContext) -> list[tuple[str, str]]:
    """Return that a pod may still run, as long as it is there: a rerun that did not wait for it never will."""
    living = _living_pods_before(context)
    if not (_is_told_lost(context) or (context.ending and is_rerun(context))):
        living = [pod for pod in living if is_presumed_lost(pod, context.observation.now)]
    if not living:
        return []
    conditions = context.recorded.conditions or ()
    recorded = (condition.message for condition in conditions if condition.type == cond.POD_MAY_STILL_RUN)
    message = next(recorded, still_there([pod["metadata"]["name"] for pod in living]))
    return [(cond.POD_MAY_STILL_RUN, message)]


def still_there(pods: Sequence[str]) -> str:
    """Return that these pods may still run, and what to do about it."""
    return (
        f"pod {', '.join(pods[:5])} did not end in its grace period; its node may be lost. The next execution waits "
        f"until it is gone. Once you know that it does not run: `kubectl delete pod {' '.join(pods[:5])} --force`"
    )


def lost_pod_wait(context: RunContext) -> timedelta | None:
    """Return how long until it is looked whether a pod of an earlier execution is lost, or gone; None without one.

    Its end wakes no run that a backup brought back: its labels name the run of before.
    """
    living = _living_pods_before(context)
    return _until_lost_or_gone(context, living) if living else None


def _until_lost_or_gone(context: RunContext, pods: Sequence[Object]) -> timedelta:
    """Return how long until the first of the pods is presumed lost, or until it is looked whether it is gone."""
    waits = (presumed_lost_in(pod, context.observation.now) for pod in pods)
    return min([LOST_POD_POLL_INTERVAL, *(wait for wait in waits if wait is not None)])


def _is_told_lost(context: RunContext) -> bool:
    return any(condition.type == cond.POD_MAY_STILL_RUN for condition in context.recorded.conditions or ())


def _create(context: RunContext, execution: Execution) -> Decision:
    try:
        spec = RunSpec.model_validate(context.spec)
        function = resolve(context.observation.run, context.observation.function, spec)
        if function is None:
            return waiting(context, execution, missing(spec, context.meta["namespace"]))
        if (turn := wait_for_turn(context, function.spec)) is not None:
            return waiting(context, execution, Outcome(Phase.PENDING, Reason.QUEUED, turn), QUEUE_POLL_INTERVAL)
        job = build_job(context.observation.run, spec, function, execution.number, context.platform)
    except EnvelopeTooLargeError as error:
        return waiting(context, execution, Outcome(Phase.FAILED, Reason.ENVELOPE_TOO_LARGE, str(error)))
    except ValueError as error:
        return waiting(context, execution, Outcome(Phase.FAILED, Reason.INVALID_RUN, in_words(error)))
    is_taken = any(other["metadata"]["name"] == job["metadata"]["name"] for other in context.observation.jobs)
    outcome = refused(context.observation.refusal, job, is_taken=is_taken)
    if outcome is None:
        return Do(Create(job, service_for(job)))
    retry = None if outcome.phase.finished else retry_after(context, execution)
    return waiting(context, execution, outcome, retry)


def retry_after(context: RunContext, execution: Execution) -> timedelta:
    """Return when a refused create is tried again: after as long as it has been refused, within bounds."""
    waited = context.observation.now - waiting_since(context, execution)
    return min(max(waited, RETRY_INTERVAL), _LONGEST_RETRY_INTERVAL)


def wait_for_turn(context: RunContext, function: FunctionSpec | None) -> str | None:
    """Return which limit of concurrent runs the run waits for, in words."""
    ahead = context.observation.ahead
    limit = function.max_concurrent_runs if function is not None else None
    if limit is not None and ahead.function >= limit:
        return f"waiting for {_runs(ahead.function)} of this function (maxConcurrentRuns: {limit})"
    limit = context.platform.max_concurrent_runs
    if limit is not None and ahead.namespace >= limit:
        return f"waiting for {_runs(ahead.namespace)} in this namespace (the operator allows {limit} at once)"
    return None


def _runs(count: int) -> str:
    return "1 earlier run" if count == 1 else f"{count} earlier runs"


def _due_number(context: RunContext) -> int | None:
    latest = context.latest
    if latest is None:
        return 1
    if not context.is_over:
        return latest.number
    if is_restored_with_status(context):
        return None
    again = is_edited(context, latest) or is_rerun(context) or _follows_its_function(context)
    return latest.number + 1 if again else None


def is_restored_with_status(context: RunContext) -> bool:
    """Return whether the status was recorded for another object of this name: a backup brought both back."""
    execution = context.recorded.execution
    return bool(execution and execution.run_uid and execution.run_uid != context.meta["uid"])


def is_edited(context: RunContext, execution: Execution) -> bool:
    """Return whether the run has changed, in what runs, since this execution was asked for."""
    is_newer = execution.generation is None or context.generation > execution.generation
    return is_newer and is_same_execution(execution.hash, context.spec) is False


def is_change_due(context: RunContext, execution: Execution) -> bool:
    """Return whether an edit, a rerun or its function asks for another execution after this one."""
    is_due = is_edited(context, execution) or _is_rerun_of(context, execution) or _follows_its_function(context)
    return is_due and not is_restored_with_status(context)


def is_rerun(context: RunContext) -> bool:
    """Return whether `spec.rerun` has a new value."""
    return context.latest is not None and _is_rerun_of(context, context.latest)


def _is_rerun_of(context: RunContext, execution: Execution) -> bool:
    return context.rerun not in (None, execution.rerun)


def is_function_changed(context: RunContext) -> bool:
    """Return whether the function is another than the one that was pinned."""
    pin, function = context.recorded.function, function_of(context)
    return pin is not None and function is not None and is_same_function(pin.digest, spec_of(function)) is False


def _follows_its_function(context: RunContext) -> bool:
    """Return whether the function has changed, and the run is to follow it.

    A run that a schedule made stays what it is: the next one has the new function.
    """
    reference = context.spec.get("functionRef")
    follows = isinstance(reference, dict) and reference.get("onChange") == "Rerun"
    is_child = constants.LABEL_SCHEDULE_UID in labels_of(context.observation.run)
    return follows and not is_child and is_function_changed(context)


def restored(obj: Object) -> bool:
    """Return whether the run or the Job came back from a backup."""
    marks = {**labels_of(obj), **annotations_of(obj)}
    return constants.LABEL_VELERO_RESTORE in marks or constants.ANNOTATION_RESTORED in marks


def resolve(run: Object, function: Object | None, spec: RunSpec) -> PinnedFunction | None:
    """Return the function to run; None where the referenced one does not exist. Raises ValueError."""
    if spec.function is not None:
        name, uid = spec.name or run["metadata"]["name"], run["metadata"]["uid"]
        return PinnedFunction.of_inline(name, uid, run["spec"]["function"], spec.function)
    if function is None:
        return None
    try:
        return PinnedFunction.of_object(function)
    except ValidationError as error:
        raise ValueError(f"MlrunFunction {function['metadata']['name']}: {in_words(error)}") from None


def refused(refusal: Refusal | None, obj: Object, *, is_taken: bool) -> Outcome | None:
    """Return why an object cannot be created: its name is taken, or the API server has not taken it."""
    name, kind = obj["metadata"]["name"], obj["kind"]
    if is_taken:
        message = f"{kind} {name} exists and does not belong to this run; delete it and the run starts"
        return Outcome(Phase.PENDING, Reason.NAME_CONFLICT, message)
    if refusal is None:
        return None
    denied = "denied the request" in refusal.message or "denied request" in refusal.message
    if refusal.code in (400, 422) and not denied:
        return Outcome(Phase.FAILED, Reason.INVALID_RUN, refusal.message)
    if refusal.code == 413:
        return Outcome(Phase.FAILED, Reason.INVALID_RUN, f"{kind} {name} is too large: {refusal.message}")
    reason = Reason.QUOTA_EXCEEDED if "exceeded quota" in refusal.message else Reason.ADMISSION_DENIED
    return Outcome(Phase.PENDING, reason, refusal.message)


def missing(spec: RunSpec, namespace: str) -> Outcome:
    """Return that the function does not exist."""
    name = spec.function_ref.name if spec.function_ref else ""
    legal = kubernetes_name(name)
    shown = legal if legal == name else f"{legal} (which is {name} as a Kubernetes name)"
    message = f"MlrunFunction {shown} does not exist in namespace {namespace}; the run starts when it appears"
    return Outcome(Phase.PENDING, Reason.FUNCTION_MISSING, message)


def function_of(context: RunContext) -> Object | None:
    """Return the function that the run refers to, as it is now."""
    return context.observation.function if "functionRef" in context.spec else None


def function_spec_of(context: RunContext) -> FunctionSpec | None:
    """Return the function that the run refers to, as far as it can be read."""
    try:
        return FunctionSpec.model_validate(spec_of(function_of(context))) if function_of(context) else None
    except ValidationError:
        return None
