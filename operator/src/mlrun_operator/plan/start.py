"""A new execution, where the user asks for one that was not started yet (BEHAVIOUR A1, A2)."""

from datetime import timedelta
from typing import Final

from pydantic import ValidationError

from mlrun_operator.api import constants
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import Execution, FunctionPin, Phase
from mlrun_operator.api.values.names import kubernetes_name
from mlrun_operator.api.words import in_words
from mlrun_operator.assess.conditions import Verdict
from mlrun_operator.assess.status import without_job
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.context import Case, Object, Plan
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.execution import comparable, execution_hash, function_digest
from mlrun_operator.render.job import EnvelopeTooLargeError, build_job
from mlrun_operator.render.service import service_for

AGAIN: Final = timedelta(seconds=30)
# The end of another run wakes a queued one; this is only for what nobody saw.
_QUEUE_AGAIN: Final = timedelta(minutes=5)


def start(case: Case) -> Plan | None:
    """Make the Job of the execution that is due, or say why it has to wait or can never be."""
    execution = due(case)
    if execution is None:
        return None
    return _held(case, execution) or _made(case, execution)


def due(case: Case) -> Execution | None:
    """The execution that is to start now."""
    number = _number(case)
    if number is None:
        return None
    return Execution(
        number=number,
        hash=execution_hash(case.spec),
        generation=case.frame.generation,
        rerun=case.spec.get("rerun") or None,
    )


def waiting(case: Case, execution: Execution, said: Verdict, again: timedelta | None = None) -> Plan:
    """An execution without a Job: it waits for something, or cannot start at all."""
    left = _pending_left(case, execution, said)
    if left is not None and left <= timedelta(0):
        words = f"not started within {case.limit('pendingDeadlineSeconds', None)} s; {said.reason}: {said.message}"
        said, left, again = Verdict(Phase.FAILED, Reason.PENDING_DEADLINE_EXCEEDED, words), None, None
    status = without_job(case.frame, execution, said)
    if said.phase.finished and (function := function_of(case)) is not None:
        pin = FunctionPin(
            name=function["metadata"]["name"],
            generation=function["metadata"].get("generation"),
            digest=function_digest(function.get("spec") or {}),
        )
        status = status.model_copy(update={"function": pin})
    return Plan(status=status, requeue=min((wait for wait in (again, left) if wait is not None), default=None))


def _pending_left(case: Case, execution: Execution, said: Verdict) -> timedelta | None:
    """How much of the pending deadline is left; None where it does not run: for the run's turn, or when it rests."""
    limit = case.limit("pendingDeadlineSeconds", None)
    if limit is None or said.phase is not Phase.PENDING or said.reason is Reason.QUEUED:
        return None
    recorded = case.before.execution is not None and case.before.execution.number == execution.number
    waits = next(
        (c for c in case.before.conditions or () if c.type == "Reconciling" and c.reason != Reason.QUEUED), None
    )
    since = parse_time(waits.last_transition_time) if recorded and waits else None
    return (since or case.seen.now) + timedelta(seconds=limit) - case.seen.now


def _held(case: Case, execution: Execution) -> Plan | None:
    """What keeps the execution from starting though nothing is wrong with it."""
    if case.spec.get("suspend"):
        words = EXPLANATIONS[Reason.SUSPENDED].happened
        return waiting(case, execution, Verdict(Phase.SUSPENDED, Reason.SUSPENDED, words))
    if execution.number == 1 and restored(case):
        words = EXPLANATIONS[Reason.RESTORED].happened
        return waiting(case, execution, Verdict(Phase.STOPPED, Reason.RESTORED, words))
    return None


def _made(case: Case, execution: Execution) -> Plan:
    try:
        spec = RunSpec.model_validate(case.spec)
        function = resolve(case, spec)
        if function is None:
            return waiting(case, execution, missing(spec, case.meta["namespace"]))
        if (turn := _not_yet(case, function.spec)) is not None:
            return waiting(case, execution, Verdict(Phase.PENDING, Reason.QUEUED, turn), _QUEUE_AGAIN)
        job = build_job(case.seen.run, spec, function, execution.number, case.platform)
    except EnvelopeTooLargeError as error:
        return waiting(case, execution, Verdict(Phase.FAILED, Reason.ENVELOPE_TOO_LARGE, str(error)))
    except ValueError as error:
        return waiting(case, execution, Verdict(Phase.FAILED, Reason.INVALID_RUN, in_words(error)))
    taken = any(other["metadata"]["name"] == job["metadata"]["name"] for other in case.seen.jobs)
    said = refused(case, job, taken=taken)
    again = None if said and said.phase.finished else AGAIN
    return waiting(case, execution, said, again) if said else Plan(create=job, before=service_for(job))


def _not_yet(case: Case, function: FunctionSpec) -> str | None:
    """Which limit of concurrent runs the run waits for, in words."""
    ahead = case.seen.ahead
    limit = function.max_concurrent_runs
    if limit is not None and ahead.function >= limit:
        return f"{ahead.function} runs of the function run or wait longer, and its maxConcurrentRuns is {limit}"
    limit = case.platform.max_concurrent_runs
    if limit is not None and ahead.namespace >= limit:
        return f"{ahead.namespace} runs of the namespace run or wait longer, and the operator allows {limit} at once"
    return None


def _number(case: Case) -> int | None:
    latest = case.latest
    if latest is None:
        return 1
    if not case.finished:
        return latest.number
    wanted, rerun = execution_hash(case.spec), case.spec.get("rerun")
    newer = latest.generation is None or case.frame.generation > latest.generation
    edited = newer and comparable(wanted, latest.hash) and wanted != latest.hash
    again = edited or (rerun and rerun != latest.rerun) or _function_changed(case)
    return latest.number + 1 if again else None


def _function_changed(case: Case) -> bool:
    """Whether the function is another than the one that was run, and the run is to follow it.

    A run that a schedule made stays what it is: the next one has the new function.
    """
    reference, pin, function = case.spec.get("functionRef"), case.before.function, function_of(case)
    follows = isinstance(reference, dict) and reference.get("onChange") == "Rerun"
    if (
        not follows
        or pin is None
        or function is None
        or constants.LABEL_SCHEDULE_UID in (case.meta.get("labels") or {})
    ):
        return False
    digest = function_digest(function.get("spec") or {})
    return digest != pin.digest and digest.partition(":")[0] == pin.digest.partition(":")[0]


def restored(case: Case) -> bool:
    """Whether the run came back from a backup."""
    marks = {**(case.meta.get("labels") or {}), **(case.meta.get("annotations") or {})}
    return constants.LABEL_VELERO_RESTORE in marks or constants.ANNOTATION_RESTORED in marks


def resolve(case: Case, spec: RunSpec) -> PinnedFunction | None:
    """The function to run; None where the referenced one does not exist."""
    if spec.function is not None:
        name, uid = spec.name or case.meta["name"], case.meta["uid"]
        return PinnedFunction.of_inline(name, uid, case.spec["function"], spec.function)
    function = case.seen.function
    if function is None:
        return None
    try:
        return PinnedFunction.of_object(function)
    except ValidationError as error:
        raise ValueError(f"MlrunFunction {function['metadata']['name']}: {in_words(error)}") from None


def refused(case: Case, wanted: Object, *, taken: bool) -> Verdict | None:
    """Why an object cannot be made as it should be: its name is taken, or the API server has not taken it."""
    name, kind = wanted["metadata"]["name"], wanted["kind"]
    if taken:
        words = f"{kind} {name} exists and does not belong to this run; delete it and the run starts"
        return Verdict(Phase.PENDING, Reason.NAME_CONFLICT, words)
    refusal = case.seen.refusal
    if refusal is None:
        return None
    denied = "denied the request" in refusal.message or "denied request" in refusal.message
    if refusal.code in (400, 422) and not denied:
        return Verdict(Phase.FAILED, Reason.INVALID_RUN, refusal.message)
    reason = Reason.QUOTA_EXCEEDED if "exceeded quota" in refusal.message else Reason.ADMISSION_DENIED
    return Verdict(Phase.PENDING, reason, refusal.message)


def missing(spec: RunSpec, namespace: str) -> Verdict:
    """That the function does not exist."""
    asked = spec.function_ref.name if spec.function_ref else ""
    name = kubernetes_name(asked)
    told = name if name == asked else f"{name} (which is {asked} as a Kubernetes name)"
    words = f"MlrunFunction {told} does not exist in namespace {namespace}; the run starts when it appears"
    return Verdict(Phase.PENDING, Reason.FUNCTION_MISSING, words)


def function_of(case: Case) -> Object | None:
    """The function that the run refers to, as it is now."""
    return case.seen.function if "functionRef" in case.spec else None
