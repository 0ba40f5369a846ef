"""A sweep whose points are over: how its collector is doing, and by its end the run's."""

from dataclasses import replace
from typing import Any

from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import Phase
from mlrun_operator.api.v1alpha1.sweep import sweep_words
from mlrun_operator.api.words import clauses
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.execution import Assessment
from mlrun_operator.assess.jobs import DEADLINE


def collecting(points: Assessment, collector: Assessment, outcome: Outcome | None) -> Assessment:
    """The whole execution; with `outcome` it ends where the points did not come to an end by themselves."""
    both = replace(
        collector, pods=(*points.pods, *collector.pods), replicas=points.replicas, sweep=points.sweep, wait=None
    )
    return _ended(points, both, outcome) if collector.phase.finished else _under_way(both, outcome)


def ending_points(points: Assessment, outcome: Outcome) -> Assessment:
    """Points that are told to end so, and have not all done it yet."""
    return replace(points, phase=Phase.RUNNING, **_stage(outcome))


def _stage(outcome: Outcome | None) -> dict[str, Any]:
    """Reason and words of a sweep that comes to its end."""
    reason = Reason.COLLECTING if outcome is None else Reason.STOPPING
    is_told = outcome is not None and outcome.phase is not Phase.STOPPED
    return {"reason": reason, "message": outcome.message if outcome and is_told else EXPLANATIONS[reason].happened}


def _under_way(both: Assessment, outcome: Outcome | None) -> Assessment:
    if both.phase is Phase.SUSPENDED or both.reason is Reason.JOB_SUSPENDED:
        return both
    if both.reason in (Reason.CREATED, Reason.RUNNING):
        stage = _stage(outcome)
        message = clauses(stage["message"].rstrip("."), both.message) if both.message else stage["message"]
        return replace(both, phase=Phase.RUNNING, reason=stage["reason"], message=message)
    return replace(both, phase=Phase.RUNNING, message=f"results cannot be collected yet: {both.message}")


def _ended(points: Assessment, both: Assessment, outcome: Outcome | None) -> Assessment:
    """What ended the points comes first, where it was not they."""
    summary = sweep_words(both.result.sweep) if both.result and both.result.sweep else both.message
    if outcome is not None:
        return replace(both, phase=outcome.phase, reason=outcome.reason, message=clauses(outcome.message, summary))
    if points.end is not None and points.end.reason == DEADLINE:
        message = clauses(points.end.message, summary)
        return replace(both, phase=Phase.FAILED, reason=Reason.DEADLINE_EXCEEDED, message=message)
    return both
