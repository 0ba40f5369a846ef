"""How far a sweep is: its points while they run, and what the wrapper says of all of them at the end."""

from collections.abc import Sequence
from typing import Final

from mlrun_operator.api import bounds
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import MAX_REPLICA_MESSAGE, Phase, ReplicaCounts, SweepStatus
from mlrun_operator.api.v1alpha1.sweep import with_progress
from mlrun_operator.assess.replicas import Replica

_MAX_LOST: Final = bounds.LOST_POINTS.limit


def sweep_of(points: Sequence[Replica]) -> SweepStatus:
    """Return how far the points are, as their Job and pods show them."""
    phases = [point.phase for point in points]
    skipped = sum(_skipped(point) for point in points)
    sweep = SweepStatus(
        points=len(points),
        running=sum(point.end is None and any(pod.started and not pod.ended for pod in point.pods) for point in points),
        succeeded=phases.count(Phase.SUCCEEDED) - skipped,
        failed=phases.count(Phase.FAILED),
        skipped=skipped,
    )
    return with_progress(sweep)


def as_counts(sweep: SweepStatus | None) -> ReplicaCounts | None:
    """Return the sweep as the counts of its pods."""
    if sweep is None:
        return None
    return ReplicaCounts(running=sweep.running, succeeded=sweep.succeeded + sweep.skipped, failed=sweep.failed)


def lost(points: Sequence[Replica]) -> dict[str, str]:
    """Return, by iteration, why points failed whose pod could not report it."""
    silent = [p for p in points if p.phase is Phase.FAILED and (p.last is None or p.last.result is None)]
    return {str(point.index + 1): _last_words(point)[:MAX_REPLICA_MESSAGE] for point in silent[:_MAX_LOST]}


def _last_words(point: Replica) -> str:
    """Return why a point failed whose pod left no report; nobody knows it any more where the pod is gone."""
    if point.last is None:
        return "its pod failed and is gone"
    reason, message = point.last.attempt.reason, point.last.attempt.message
    return f"{reason}: {message}" if message else str(reason)


def _skipped(point: Replica) -> bool:
    last = point.last
    return point.phase is Phase.SUCCEEDED and last is not None and last.attempt.reason == Reason.SKIPPED
