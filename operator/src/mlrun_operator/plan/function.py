"""The status of a function: whether its runs can start, what is wrong otherwise, and its digest."""

from datetime import datetime
from typing import Literal

from mlrun_operator.api.objects import Object, has_condition, spec_of, status_of
from mlrun_operator.api.v1alpha1.status import MAX_MESSAGE, Condition, FunctionStatus
from mlrun_operator.assess.function import judge
from mlrun_operator.assess.times import format_time
from mlrun_operator.render.execution import function_digest


def was_valid(function: Object) -> bool:
    """Return whether the function, as it is, was judged to be valid: its code need not be parsed again."""
    status = status_of(function)
    return has_condition(function, "Ready") and status.get("digest") == function_digest(spec_of(function))


def function_status(function: Object, syntax_error: str, now: datetime) -> FunctionStatus | None:
    """The status that the function should have; None where it has it. `syntax_error` is that of its inline code."""
    generation, spec = function["metadata"].get("generation", 1), function.get("spec") or {}
    reason, message = judge(spec, syntax_error)
    before = function.get("status") or {}
    known: dict[str, Object] = {c.get("type", ""): c for c in before.get("conditions") or ()}

    def make(kind: str, status: Literal["True", "False"]) -> Condition:
        old = known.get(kind, {})
        return Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message[:MAX_MESSAGE],
            last_transition_time=old["lastTransitionTime"] if old.get("status") == status else format_time(now),
            observed_generation=generation,
        )

    # Not ready alone is "not yet" for kstatus: Flux would wait for what cannot come.
    conditions = [make("Ready", "True")] if reason == "Valid" else [make("Ready", "False"), make("Stalled", "True")]
    status = FunctionStatus(observed_generation=generation, digest=function_digest(spec), conditions=conditions)
    return None if status.wire() == before else status
