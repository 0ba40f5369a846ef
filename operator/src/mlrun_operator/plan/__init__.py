"""The whole brain: what to do about a run or a schedule, decided from what was observed. Pure.

A planner looks at one moment and answers with a decision: an action to take, a question to ask, or the status to tell.
The controller carries it out and asks again with what came of it, until only the status is left. The policies of a
planner stand in order; the first that has a decision wins. Each is a module.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import Execution, Phase, RunStatus
from mlrun_operator.api.words import clauses
from mlrun_operator.assess.conditions import WARNINGS, Outcome
from mlrun_operator.assess.status import as_reduced, is_of_a_newer_operator, to_wire
from mlrun_operator.assess.status_budget import within_budget
from mlrun_operator.plan.context import RunContext
from mlrun_operator.plan.decision import Decision, Tell
from mlrun_operator.plan.end import end
from mlrun_operator.plan.follow import follow
from mlrun_operator.plan.observation import Observation, Refusal, RunObservation, RunsAhead, ScheduleObservation
from mlrun_operator.plan.retain import delete_leftover_jobs, retain_or_expire
from mlrun_operator.plan.schedule import reconcile_schedule
from mlrun_operator.plan.schedule_context import ScheduleContext
from mlrun_operator.plan.start import RETRY_INTERVAL, is_change_due, is_restored_with_status, start, stop_unstarted
from mlrun_operator.plan.unwatched import read_unwatched
from mlrun_operator.render.execution import execution_hash

__all__ = [
    "Decision",
    "Observation",
    "Refusal",
    "RunObservation",
    "RunsAhead",
    "ScheduleObservation",
    "plan",
    "plan_run",
    "plan_schedule",
]

RUN_POLICIES: Final[tuple[Callable[[RunContext], Decision | None], ...]] = (
    stop_unstarted,  # spec.stop lets nothing start
    read_unwatched,  # somebody took the label off its Job, so that no watch tells of it
    end,  # an execution that is being ended is led to its end
    follow,  # one that was made is followed: ended, steered, or told of
    delete_leftover_jobs,  # what is over must not run on
    start,  # a new execution, where the user asks for one
    retain_or_expire,  # a finished run stays as it is; its Jobs go when their time is over
)


def plan(observation: Observation, platform: Platform) -> Decision:
    """Decide what to do next about a run, with a schedule or without."""
    match observation:
        case RunObservation():
            return plan_run(observation, platform)
        case ScheduleObservation():
            return plan_schedule(observation, platform)


def plan_run(observation: RunObservation, platform: Platform) -> Decision:
    """Decide what to do next about a run without a schedule."""
    context = RunContext(observation, platform)
    if is_of_a_newer_operator(observation.run, context.recorded):
        return Tell()
    decision = next(d for policy in RUN_POLICIES if (d := policy(context)) is not None)
    if isinstance(decision, Tell) and decision.status is not None:
        decision = _tell(context, decision.status, decision.requeue_after)
    return _if_new(decision, observation.run)


def plan_schedule(observation: ScheduleObservation, platform: Platform) -> Decision:
    """Decide what to do next about a schedule."""
    context = ScheduleContext(observation, platform)
    if is_of_a_newer_operator(observation.run, context.recorded):
        return Tell()
    decision = reconcile_schedule(context)
    if isinstance(decision, Tell) and decision.status is not None:
        decision = _with_denials(context, decision.status, decision.requeue_after)
    return _if_new(decision, observation.run)


def _if_new(decision: Decision, run: Object) -> Decision:
    """Return the decision without a status that is recorded already, or whose details were refused.

    Another version of the same execution's hash, or the run's uid, is written with the next status that is new.
    """
    if not isinstance(decision, Tell) or decision.status is None:
        return decision
    status, written = within_budget(decision.status), status_of(run)
    told = (to_wire(each, run) for each in (status, as_reduced(status, run)))
    is_recorded = any(_without_stamp(wire, written) == _without_stamp(written, written) for wire in told)
    return replace(decision, status=None if is_recorded else status)


def _without_stamp(wire: Object, written: Object) -> Object:
    execution = wire.get("execution")
    recorded = written.get("execution") or {}
    if not isinstance(execution, dict) or execution.get("number") != recorded.get("number"):
        return wire
    is_edit = execution.get("generation") != recorded.get("generation")
    stamp = () if is_edit else ("hash", "runUID")
    return {**wire, "execution": {name: value for name, value in execution.items() if name not in stamp}}


def _tell(context: RunContext, status: RunStatus, requeue_after: timedelta | None) -> Tell:
    """Tell the status, with what bears on every status."""
    if (execution := status.execution) is not None:
        status = _before_the_next(context, status, execution)
        status = _as_restored(context, status, execution)
    return _with_denials(context, status, requeue_after)


def _with_denials(context: RunContext | ScheduleContext, status: RunStatus, requeue_after: timedelta | None) -> Tell:
    """Tell the status, with a warning of what the API server did not allow; that is tried again after a while."""
    if not context.observation.denials or status.phase is None:
        return Tell(status, requeue_after)
    status = _with_warning(context, status, status.phase)
    return Tell(status, min(requeue_after or RETRY_INTERVAL, RETRY_INTERVAL))


def _with_warning(context: RunContext | ScheduleContext, status: RunStatus, phase: Phase) -> RunStatus:
    """Return the status with the denials of this reconcile as its condition `Warnings`."""
    warnings = [c.message for c in status.conditions or () if c.type == WARNINGS]
    message = clauses(*context.observation.denials, *warnings)
    all_conditions = context.base.conditions(Outcome(phase, Reason.RUNNING, ""), [(WARNINGS, message)])
    warning = next(condition for condition in all_conditions if condition.type == WARNINGS)
    others = [condition for condition in status.conditions or () if condition.type != WARNINGS]
    return status.model_copy(update={"conditions": [*others, warning]})


def _before_the_next(context: RunContext, status: RunStatus, execution: Execution) -> RunStatus:
    """Return the status of an execution after which another is due as speaking of its own generation only.

    Else whoever waits for the change, a sync of a GitOps tool say, would take the old end for the new one. That is so
    from the edit on, since an observed generation never goes back.
    """
    if not is_change_due(context, execution):
        return status
    observed = max(context.recorded.observed_generation or 0, execution.generation or 0)
    conditions = [c.model_copy(update={"observed_generation": observed}) for c in status.conditions or ()]
    return status.model_copy(update={"observed_generation": observed, "conditions": conditions})


def _as_restored(context: RunContext, status: RunStatus, execution: Execution) -> RunStatus:
    """Return the status of an execution that a backup brought back as that of the spec which came with it.

    Else an edit or a rerun that the backup holds would start with the next change of the run, whatever that changes.
    """
    recorded = context.recorded.execution
    if recorded is None or execution.number != recorded.number or not is_restored_with_status(context):
        return status
    stamp = {"run_uid": context.meta["uid"], "hash": execution_hash(context.spec), "generation": context.generation}
    execution = execution.model_copy(update={**stamp, "rerun": context.rerun})
    return status.model_copy(update={"execution": execution})
