"""Results of a run as a dictionary that also tells how far the run is, and where that was read."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from mlrun_operator.api.contract.live import LiveResults
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.v1alpha1.sweep import read_sweep

Origin = Literal["status", "log", "store", "nowhere"]


@dataclass(frozen=True, slots=True)
class Iteration:
    """A point of a sweep, or a child context: its number from 1, its state, and what it has logged."""

    number: int
    state: str
    results: dict[str, Any] = field(default_factory=dict)


class Results(dict[str, Any]):
    """The plain values that a handler returned or logged, by name.

    `is_live` tells whether they are those of a run that has not ended, as of `time`; then `progress` is how much is
    done, in percent, if anybody tells. `pods` are the results of each replica, or each point of a fan-out, by index.
    `iterations` are the newest of the `total` points or child contexts, of which `ended` have ended; `omitted` values
    were too many or too large to be shown.
    """

    progress: float | None = None
    time: datetime | None = None
    is_live: bool = False
    origin: Origin = "status"
    omitted: int = 0
    ended: int | None = None
    total: int | None = None

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(values or {})
        self.iterations: list[Iteration] = []
        self.pods: dict[int, Results] = {}

    def to_dict(self) -> Object:
        """Return all of it as JSON has it."""
        return {
            "results": dict(self),
            "progress": self.progress,
            "time": self.time.isoformat() if self.time else None,
            "origin": self.origin,
            "omitted": self.omitted,
            "ended": self.ended,
            "total": self.total,
            "iterations": [asdict(each) for each in self.iterations],
            "pods": {str(index): pod.to_dict() for index, pod in self.pods.items()},
        }


def of_pod(live: LiveResults | None, origin: Origin) -> Results:
    """Return what one pod tells; nothing yet for None."""
    results = Results(live.results if live is not None else None)
    results.is_live, results.origin = True, origin
    if live is not None:
        results.progress, results.time, results.omitted = live.progress, live.time, live.omitted
        results.ended, results.total = live.ended, live.total
        results.iterations = [Iteration(each.number, each.state, dict(each.results)) for each in live.iterations]
    return results


def of_run(run: Object, pods: Mapping[int | None, Results]) -> Results:
    """Return the results of a run by those of its newest pods. With replicas its own are those of the first one."""
    if None in pods:
        return pods[None]
    status = status_of(run)
    indexed = {index: pods[index] for index in sorted(index for index in pods if index is not None)}
    results = Results(indexed.get(0) if status.get("replicas") else None)
    results.is_live, results.pods = True, indexed
    results.origin = next((pod.origin for pod in indexed.values()), "nowhere")
    results.progress = _progress_of_all(status, indexed.values())
    return results


def _progress_of_all(status: Object, pods: Iterable[Results]) -> float | None:
    """Return how much of all pods' work is done: of points those that have ended, too."""
    known = [pod.progress for pod in pods if pod.progress is not None]
    sweep = read_sweep(status)
    if sweep is None or not sweep.points:
        return round(sum(known) / len(known), 1) if known else None
    ended = 100 * (sweep.succeeded + sweep.failed + sweep.skipped)
    return round(min((ended + sum(known)) / sweep.points, 100.0), 1)
