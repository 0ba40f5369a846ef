"""A sweep whose points are over: how its collector is doing, and by its end the run's."""

from dataclasses import replace
from typing import Any

from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import Phase
from mlrun_operator.api.v1alpha1.sweep import sweep_words
from mlrun_operator.assess.conditions import Verdict
from mlrun_operator.assess.execution import DEADLINE, Assessment


def collecting(points: Assessment, collector: Assessment, why: Verdict | None) -> Assessment:
    """The whole execution; with `why` it ends where the points did not come to an end by themselves."""
    both = replace(
        collector, pods=(*points.pods, *collector.pods), replicas=points.replicas, sweep=points.sweep, wait=None
    )
    return _ended(points, both, why) if collector.phase.finished else _under_way(both, why)


def ending(points: Assessment, why: Verdict) -> Assessment:
    """Points that are told to end so, and have not all done it yet."""
    return replace(points, phase=Phase.RUNNING, **_stage(why))


def _stage(why: Verdict | None) -> dict[str, Any]:
    """Reason and words of a sweep that comes to its end."""
    reason = Reason.COLLECTING if why is None else Reason.STOPPING
    told = why is not None and why.phase is not Phase.STOPPED
    return {"reason": reason, "message": why.message if why and told else EXPLANATIONS[reason].happened}


def _under_way(both: Assessment, why: Verdict | None) -> Assessment:
    if both.phase is Phase.SUSPENDED:
        return both
    if both.reason in (Reason.CREATED, Reason.RUNNING):
        return replace(both, phase=Phase.RUNNING, **_stage(why))
    return replace(both, phase=Phase.RUNNING, message=f"the results cannot be put together yet: {both.message}")


def _ended(points: Assessment, both: Assessment, why: Verdict | None) -> Assessment:
    """What ended the points comes first, where it was not they."""
    told = sweep_words(both.result.sweep) if both.result and both.result.sweep else both.message
    if why is not None:
        return replace(both, phase=why.phase, reason=why.reason, message=f"{why.message}; {told}")
    if points.end is not None and points.end.reason == DEADLINE:
        late = points.end.message or EXPLANATIONS[Reason.DEADLINE_EXCEEDED].happened
        return replace(both, phase=Phase.FAILED, reason=Reason.DEADLINE_EXCEEDED, message=f"{late}; {told}")
    return both
