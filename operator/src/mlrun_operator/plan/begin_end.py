"""How an execution's end begins: it is recorded, with every report already read, before its Job is touched."""

from typing import Final

from mlrun_operator.api.reasons import EXPLANATIONS, Reason, known_reason
from mlrun_operator.api.v1alpha1.status import MAX_MESSAGE, Ending, Execution, Phase
from mlrun_operator.api.words import clauses
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.pods import POD_POLL_INTERVAL
from mlrun_operator.assess.status import ended_status
from mlrun_operator.assess.times import format_time
from mlrun_operator.plan.context import RunContext
from mlrun_operator.plan.decision import Tell

_UNKNOWN_REASONS: Final = {Phase.SUCCEEDED: Reason.SUCCEEDED, Phase.STOPPED: Reason.STOPPED}


def begin_end(context: RunContext, execution: Execution, outcome: Outcome) -> Tell:
    """Record that the execution is being ended so. Nothing leaves this state but its end."""
    ending = Ending(
        phase=outcome.phase,
        reason=outcome.reason,
        message=outcome.message[:MAX_MESSAGE],
        since=format_time(context.observation.now),
    )
    return tell_ending(context, execution.model_copy(update={"ending": ending}), ending)


def tell_ending(context: RunContext, execution: Execution, ending: Ending) -> Tell:
    """Tell that the execution is being ended, and what its pods have reported so far."""
    views = [context.read_pod(pod) for pod in context.reporting_pods()]
    status = ended_status(context.base, execution, shown_while_ending(context, ending), views)
    return Tell(status, POD_POLL_INTERVAL)


def recorded_outcome(ending: Ending) -> Outcome:
    """Return the outcome that is recorded; of a reason that only a newer operator knows the phase decides."""
    reason = known_reason(ending.reason) or _UNKNOWN_REASONS.get(ending.phase, Reason.TERMINATED)
    return Outcome(ending.phase, reason, ending.message)


def shown_while_ending(context: RunContext, ending: Ending) -> Outcome:
    """Return phase, reason and message of an execution that is being ended.

    One that is superseded stays Pending: its successor starts as soon as its pods have ended.
    """
    if ending.reason == Reason.SUPERSEDED:
        return Outcome(Phase.PENDING, Reason.SUPERSEDED, ending.message)
    started = context.recorded.phase is Phase.RUNNING or bool(context.recorded.attempt_count)
    phase = Phase.RUNNING if started or context.living_pods() else Phase.PENDING
    if ending.reason in (Reason.STOPPED, Reason.REPLACED):
        return Outcome(phase, Reason.STOPPING, EXPLANATIONS[Reason.STOPPING].happened)
    return Outcome(phase, Reason.STOPPING, _waited_for(context, ending))


def _waited_for(context: RunContext, ending: Ending) -> str:
    """Return what the end waits for: other containers that run on after the handler, or the pods."""
    views = [context.read_pod(pod) for pod in context.living_pods()]
    containers = dict.fromkeys(name for view in views for name in (*view.lingering, *view.sidecars_running))
    if ending.reason == Reason.SUCCEEDED and containers:
        return f"the handler has succeeded, and container {', '.join(containers)} runs on; its pod is deleted"
    if not ending.message:
        return ""
    happened = ending.message.removesuffix(EXPLANATIONS[recorded_outcome(ending).reason].todo).rstrip(" .")
    return clauses(happened, "waiting for its pods to end")
