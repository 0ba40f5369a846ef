"""The queues of runs: which runs occupy a place and which wait, by namespace and by function.

The counts are updated with each change, so that no query iterates over all runs.
"""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

# Namespace and name of a run, which is the key of a reconcile.
RunKey = tuple[str, str]
# Namespace and metadata.uid of a run. A later run of the same name has another uid.
RunId = tuple[str, str]
# Namespace and metadata.name of a function.
FunctionKey = tuple[str, str]
# A namespace, or a function in it.
QueueId = str | FunctionKey
# When a run began to wait, when it was created, and its name. Queues are sorted by it.
Position = tuple[str, str, str]

# How many runs of a queue are woken when a run leaves it. Each run that starts wakes the next ones.
_WAKE_BATCH: Final = 4


@dataclass(frozen=True, slots=True)
class _Run:
    """The fields of a run's object that queues need. `position` is set while it waits.

    `occupies` are the functions of which it holds a place while it does not wait.
    """

    namespace: str
    function: FunctionKey | None
    occupies: tuple[FunctionKey, ...]
    position: Position | None


@dataclass(frozen=True, slots=True)
class _Placement:
    """The queues of a run, and its position in them; None if it occupies a place."""

    queues: tuple[QueueId, ...]
    position: Position | None


class RunQueues:
    """The queues of all runs. When a run leaves a queue, `wake` is called with the first runs of that queue.

    A run occupies a place as long as a Job or pod is counted for it, whatever its status says, even if its object is
    deleted. Then its function is the last known one, or the one that its Jobs and pods name.
    """

    def __init__(self, wake: Callable[[RunKey], None] = lambda _: None) -> None:
        self._wake = wake
        self._runs: dict[str, _Run] = {}
        # The number of Jobs and pods that occupy a run's place, by the function that they name.
        self._occupants: dict[RunId, Counter[FunctionKey | None]] = {}
        # The functions of deleted runs that still occupy a place.
        self._functions_of_deleted: dict[RunId, tuple[FunctionKey, ...]] = {}
        self._placements: dict[RunId, _Placement] = {}
        self._occupied: dict[QueueId, set[RunId]] = defaultdict(set)
        self._waiting: dict[QueueId, list[Position]] = defaultdict(list)

    def update_run(
        self,
        run: RunId,
        function: FunctionKey | None,
        occupies: tuple[FunctionKey, ...],
        position: Position | None,
    ) -> None:
        """Record the run's current state, with its position if its status says that it waits."""
        namespace, uid = run
        self._runs[uid] = _Run(namespace, function, occupies, position)
        self._functions_of_deleted.pop(run, None)
        self._requeue(run)

    def remove_run(self, uid: str) -> None:
        """Forget the run. It still occupies its place while a Job or pod is counted for it."""
        removed = self._runs.pop(uid, None)
        if removed is None:
            return
        run = removed.namespace, uid
        if run in self._occupants:
            self._functions_of_deleted[run] = removed.occupies
        self._requeue(run)

    def occupy(self, run: RunId, function: FunctionKey | None = None) -> None:
        """Count one more Job or pod of the run that may run. `function` is named by its label."""
        self._occupants.setdefault(run, Counter())[function] += 1
        self._requeue(run)

    def release(self, run: RunId, function: FunctionKey | None = None) -> None:
        """Take back one call of `occupy` with the same arguments."""
        occupants = self._occupants[run]
        occupants[function] -= 1
        if not occupants[function]:
            del occupants[function]
        if not occupants:
            del self._occupants[run]
            self._functions_of_deleted.pop(run, None)
        self._requeue(run)

    @contextmanager
    def reserve(self, run: RunId) -> Iterator[None]:
        """Reserve the run's place while its Job is being created."""
        self.occupy(run)
        try:
            yield
        finally:
            self.release(run)

    def count_ahead(self, run: RunId, queue: QueueId | None, position: Position) -> int:
        """Return how many other runs of the queue occupy a place or wait at an earlier position.

        A run that occupies a place, as a rerun beside its own lost pod does, goes on in it: those that wait cannot have
        that place before, so that it would wait for them, and they for it.
        """
        if queue is None:
            return 0
        occupied = self._occupied.get(queue, ())
        if run in occupied:
            return len(occupied) - 1
        return len(occupied) + bisect_left(self._waiting.get(queue, ()), position)

    def _requeue(self, run: RunId) -> None:
        """Update the run's placement. If that changes, wake the first runs of its previous queues."""
        placement, previous = self._placement(run), self._placements.get(run)
        if placement == previous:
            return
        if previous is not None:
            del self._placements[run]
            self._take_out(run, previous)
        if placement is not None:
            self._placements[run] = placement
            self._put_in(run, placement)
        if previous is not None:
            self._wake_first(run, previous)

    def _placement(self, run: RunId) -> _Placement | None:
        namespace, uid = run
        known_run, is_occupied = self._runs.get(uid), run in self._occupants
        if known_run is None or known_run.namespace != namespace:
            return _Placement((namespace, *self._functions_of_deleted_run(run)), None) if is_occupied else None
        if is_occupied:
            return _Placement((namespace, *known_run.occupies), None)
        function = (known_run.function,) if known_run.function else ()
        return _Placement((namespace, *function), known_run.position) if known_run.position else None

    def _functions_of_deleted_run(self, run: RunId) -> tuple[FunctionKey, ...]:
        """Return the last known functions of the run; after a restart, one that its Jobs and pods name."""
        if run in self._functions_of_deleted:
            return self._functions_of_deleted[run]
        return tuple(sorted(function for function in self._occupants[run] if function)[:1])

    def _put_in(self, run: RunId, placement: _Placement) -> None:
        for queue in placement.queues:
            if placement.position is None:
                self._occupied[queue].add(run)
            else:
                insort(self._waiting[queue], placement.position)

    def _take_out(self, run: RunId, placement: _Placement) -> None:
        for queue in placement.queues:
            if placement.position is None:
                self._occupied[queue].discard(run)
                if not self._occupied[queue]:
                    del self._occupied[queue]
            else:
                waiting = self._waiting[queue]
                del waiting[bisect_left(waiting, placement.position)]
                if not waiting:
                    del self._waiting[queue]

    def _wake_first(self, run: RunId, placement: _Placement) -> None:
        """Wake the first runs of the queues, except the run itself, which may be waiting to try again."""
        namespace, left_run = run[0], self._runs.get(run[1])
        for queue in placement.queues:
            for position in self._waiting.get(queue, ())[:_WAKE_BATCH]:
                if left_run is None or position != left_run.position:
                    self._wake((namespace, position[2]))
