"""A sweep whose points are over: how its collector is doing, and by its end the run's."""

from dataclasses import replace

from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.status import Phase
from mlrun_operator.api.sweep import sweep_words
from mlrun_operator.assess.execution import DEADLINE, Assessment

STOPPED = "stopped by spec.stop"


def collecting(points: Assessment, collector: Assessment) -> Assessment:
    """The whole execution. Points that have not come to an end by themselves were told to stop."""
    both = replace(
        collector, pods=(*points.pods, *collector.pods), replicas=points.replicas, sweep=points.sweep, wait=None
    )
    return _ended(points, both) if collector.phase.finished else _under_way(points, both)


def _under_way(points: Assessment, both: Assessment) -> Assessment:
    if both.phase is Phase.SUSPENDED:
        return both
    if both.reason in (Reason.CREATED, Reason.RUNNING):
        reason = Reason.COLLECTING if points.end else Reason.STOPPING
        return replace(both, phase=Phase.RUNNING, reason=reason, message=EXPLANATIONS[reason].happened)
    return replace(both, phase=Phase.RUNNING, message=f"the results cannot be put together yet: {both.message}")


def _ended(points: Assessment, both: Assessment) -> Assessment:
    """What ended the points comes first, where it was not they."""
    told = sweep_words(both.result.sweep) if both.result and both.result.sweep else both.message
    if points.end is None:
        return replace(both, phase=Phase.STOPPED, reason=Reason.STOPPED, message=f"{STOPPED}; {told}")
    if points.end.reason == DEADLINE:
        why = points.end.message or EXPLANATIONS[Reason.DEADLINE_EXCEEDED].happened
        return replace(both, phase=Phase.FAILED, reason=Reason.DEADLINE_EXCEEDED, message=f"{why}; {told}")
    return both
