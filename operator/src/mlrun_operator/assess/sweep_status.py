"""How far a sweep is: its points while they run, and what the wrapper says of all of them at the end."""

from collections.abc import Sequence
from typing import Final

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import MAX_REPLICA_MESSAGE, Phase, ReplicaCounts, SweepStatus
from mlrun_operator.api.v1alpha1.sweep import with_progress
from mlrun_operator.assess.replicas import Replica

# Of how many points that left no report the collector is told why.
_MAX_LOST: Final = 100


def sweep_of(points: Sequence[Replica]) -> SweepStatus:
    """The points as their Job and pods show them."""
    phases = [point.phase for point in points]
    skipped = sum(_skipped(point) for point in points)
    found = SweepStatus(
        points=len(points),
        running=phases.count(Phase.RUNNING),
        succeeded=phases.count(Phase.SUCCEEDED) - skipped,
        failed=phases.count(Phase.FAILED),
        skipped=skipped,
    )
    return with_progress(found)


def as_counts(sweep: SweepStatus | None) -> ReplicaCounts | None:
    """The sweep as the counts of its pods."""
    if sweep is None:
        return None
    return ReplicaCounts(running=sweep.running, succeeded=sweep.succeeded + sweep.skipped, failed=sweep.failed)


def lost(points: Sequence[Replica]) -> dict[str, str]:
    """By iteration, why points failed whose pod could not report it."""
    found = [
        (point.index + 1, point.last.attempt.reason, point.last.attempt.message)
        for point in points
        if point.phase is Phase.FAILED and point.last is not None and point.last.result is None
    ]
    told = {str(n): f"{reason}: {words}" if words else str(reason) for n, reason, words in found[:_MAX_LOST]}
    return {n: words[:MAX_REPLICA_MESSAGE] for n, words in told.items()}


def _skipped(point: Replica) -> bool:
    last = point.last
    return point.phase is Phase.SUCCEEDED and last is not None and last.attempt.reason == Reason.SKIPPED
