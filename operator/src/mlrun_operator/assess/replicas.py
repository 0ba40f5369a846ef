"""The replicas of an execution, or the points of its sweep: an Indexed Job's indexes, by the label of their pods."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlrun_operator.api import bounds
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.v1alpha1.status import (
    MAX_REPLICA_DETAILS,
    MAX_REPLICA_MESSAGE,
    MAX_REPLICA_STATUSES,
    Phase,
    ReplicaCounts,
    ReplicaStatus,
    RunStatus,
)
from mlrun_operator.assess.jobs import end_of, indexes, points_of, replicas_of
from mlrun_operator.assess.pods import PodView

_MAX_OUTPUTS = bounds.REPLICA_OUTPUTS.limit
# While they run, a status is written for each of at most this many steps of their progress, not for every pod.
_STEPS = 10


@dataclass(frozen=True, slots=True)
class Replica:
    """One of them: its pods, oldest first, and how it ended, if it has."""

    index: int
    pods: tuple[PodView, ...]
    end: Phase | None = None
    has_run: bool = False

    @property
    def last(self) -> PodView | None:
        """Return the pod that tells how it went: the one that succeeded, else the newest."""
        successes = [pod for pod in self.pods if pod.succeeded]
        return next(iter(successes or reversed(self.pods)), None)

    @property
    def phase(self) -> Phase:
        """Return where it is; one that has run before is Running also while a retry's pod is on its way."""
        if self.end is not None:
            return self.end
        return Phase.RUNNING if self.has_run or any(pod.started for pod in self.pods) else Phase.PENDING

    @property
    def told(self) -> bool:
        """Return whether the pods that its end is about have been seen to end."""
        decided = [pod for pod in self.pods if pod.ended and pod.succeeded == (self.end is Phase.SUCCEEDED)]
        return bool(decided) and all(pod.ended for pod in self.pods)


def replicas(job: Object, views: Sequence[PodView], recorded: RunStatus | None = None) -> tuple[Replica, ...]:
    """Return all replicas or points of a Job, by index; none for a Job of a single pod.

    What is recorded of one stays where its pods are gone: that it has run, and that it has succeeded.
    """
    status, end = status_of(job), end_of(job)
    succeeded, failed = indexes(status.get("completedIndexes")), indexes(status.get("failedIndexes"))
    statuses = (recorded.replica_statuses if recorded else None) or ()
    succeeded |= reported_successes(views)  # whatever another container made of their pods
    succeeded |= {
        status.index for status in statuses if status.phase is Phase.SUCCEEDED
    }  # a suspended Job forgets some
    failed -= succeeded
    count = replicas_of(job) or points_of(job) or 0
    if end is not None and points_of(job) is None:  # not every point of a sweep that has come to its end was started
        failed = frozenset(range(count)) - succeeded
    ran = {status.index for status in statuses if status.phase is Phase.RUNNING}
    return tuple(
        replace(replica, has_run=replica.index in ran)
        for replica in grouped(count, views, succeeded, failed, Phase.FAILED)
    )


def lack_pods(job_replicas: Iterable[Replica]) -> bool:
    """Return whether a replica that has not ended has no pod."""
    return any(not replica.pods and replica.end is None for replica in job_replicas)


def grouped(
    count: int, views: Sequence[PodView], succeeded: Collection[int], over: Collection[int], end: Phase
) -> tuple[Replica, ...]:
    """Return the replicas by index: those in `succeeded` have, those in `over` have come to `end`."""
    pods: dict[int, list[PodView]] = {}
    for view in views:
        pods.setdefault(-1 if view.index is None else view.index, []).append(view)
    return tuple(
        Replica(
            index, tuple(pods.get(index, ())), Phase.SUCCEEDED if index in succeeded else end if index in over else None
        )
        for index in range(count)
    )


def reported_successes(views: Iterable[PodView]) -> frozenset[int]:
    """Return the indexes of the pods that have ended and whose wrapper succeeded."""
    return frozenset(view.index for view in views if view.index is not None and view.ended and view.succeeded)


def ended_replicas(
    status: RunStatus, views: Sequence[PodView], succeeded: frozenset[int], end: Phase
) -> tuple[Replica, ...]:
    """Return the replicas of an execution that was ended: those that have not succeeded have come to `end`."""
    recorded = {r.index for r in status.replica_statuses or () if r.phase is Phase.SUCCEEDED}
    all_succeeded = succeeded | recorded | reported_successes(views)
    count = status.replicas or 0
    return grouped(count, views, all_succeeded, frozenset(range(count)) - all_succeeded, end)


def fields(job_replicas: Sequence[Replica], recorded: RunStatus) -> dict[str, Any]:
    """Return what the replicas add to a status. Of one whose pods are gone the recorded status tells."""
    if not job_replicas:
        return {}
    statuses_by_index = {status.index: status for status in recorded.replica_statuses or ()}
    shown_replicas = sorted(job_replicas, key=lambda replica: (replica.phase is not Phase.FAILED, replica.index))[
        :MAX_REPLICA_STATUSES
    ]
    statuses = [
        _status(replica, statuses_by_index.get(replica.index))
        for replica in sorted(shown_replicas, key=lambda replica: replica.index)
    ]
    return {"replicas": len(job_replicas), "replica_counts": counts(job_replicas), "replica_statuses": statuses}


def counts(job_replicas: Iterable[Replica]) -> ReplicaCounts:
    """Return how many replicas run, have succeeded and have failed."""
    phases = [replica.phase for replica in job_replicas]
    return ReplicaCounts(
        running=phases.count(Phase.RUNNING),
        succeeded=phases.count(Phase.SUCCEEDED),
        failed=phases.count(Phase.FAILED),
    )


def worth_telling(counted: ReplicaCounts, recorded: ReplicaCounts, count: int) -> bool:
    """Return whether `count` replicas that still run have come a step further since the recorded status."""
    step = max(1, count // _STEPS)
    return _progress(counted, step) != _progress(recorded, step)


def _progress(at: ReplicaCounts, step: int) -> tuple[int, int, bool]:
    ended_count = at.succeeded + at.failed
    return ended_count // step, (ended_count + at.running) // step, at.failed > 0


def _status(replica: Replica, recorded: ReplicaStatus | None) -> ReplicaStatus:
    last = replica.last
    if last is None and recorded is not None:
        return recorded.model_copy(update={"phase": replica.phase})
    if last is None:
        return ReplicaStatus(index=replica.index, phase=replica.phase)
    attempt, result = last.attempt, last.result
    started = sum(pod.started for pod in replica.pods)
    return ReplicaStatus(
        index=replica.index,
        phase=replica.phase,
        reason=attempt.reason,
        message=(attempt.message or "")[:MAX_REPLICA_MESSAGE] or None,
        pod=attempt.pod,
        exit_code=attempt.exit_code,
        attempt_count=max(started, (recorded.attempt_count if recorded else None) or 0) or None,
        outputs={name: result.outputs[name].key for name in sorted(result.outputs)[:_MAX_OUTPUTS]} if result else None,
        results=_small(result.results) if result else None,
    )


def _small(results: dict[str, Any]) -> dict[str, Any] | None:
    return results if results and len(json.dumps(results)) <= MAX_REPLICA_DETAILS else None
