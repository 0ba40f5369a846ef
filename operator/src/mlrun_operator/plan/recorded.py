"""The recorded status of an execution that stays as it is, with the conditions of now."""

from collections.abc import Collection, Sequence

from mlrun_operator.api.reasons import Reason, known_reason
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.plan.context import RunContext


def with_condition(context: RunContext, kind: str, message: str) -> RunStatus:
    """Return the recorded status of an execution that is over, with one condition more."""
    return with_conditions(context, [(kind, message)], replaced=(kind,), observed=context.recorded.observed_generation)


def with_conditions(
    context: RunContext,
    warnings: Sequence[tuple[str, str]],
    *,
    replaced: Collection[str],
    observed: int | None,
) -> RunStatus:
    """Return the recorded status; of the condition types in `replaced` it has just those in `warnings`."""
    recorded = context.recorded
    conditions = [condition for condition in recorded.conditions or () if condition.type not in replaced]
    if recorded.phase:
        reason = known_reason(recorded.reason) or Reason.WRAPPER_ERROR
        current = context.base.conditions(Outcome(recorded.phase, reason, recorded.message or ""), warnings)
        conditions += [condition for condition in current if condition.type in replaced]
    conditions = [condition.model_copy(update={"observed_generation": observed}) for condition in conditions]
    return recorded.model_copy(update={"observed_generation": observed, "conditions": conditions or None})
