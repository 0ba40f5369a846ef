"""Which runs occupy a place, and which wait for one: by namespace, and by the function that they refer to.

Runs and what they occupy are counted as they come and go. No question walks over all runs.
"""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

# Namespace and name of a run: what is reconciled.
RunKey = tuple[str, str]
# Namespace and metadata.uid of a run: a run of the same name that comes later is another one.
RunId = tuple[str, str]
# Namespace and metadata.name of a function.
FunctionKey = tuple[str, str]
# A namespace, or a function in it.
QueueId = str | FunctionKey
# Since when a run waits, when it was created, and its name: the order of a queue.
Position = tuple[str, str, str]

# How many of a queue are woken when somebody leaves it: each that starts wakes the next ones.
_WAKE_BATCH: Final = 4


@dataclass(frozen=True, slots=True)
class _Run:
    """A run as its object says; `position` where it waits."""

    namespace: str
    function: FunctionKey | None
    position: Position | None


@dataclass(frozen=True, slots=True)
class _Placement:
    """The queues of a run, and its position in them; none where it occupies a place."""

    queues: tuple[QueueId, ...]
    position: Position | None


class RunQueues:
    """The queues of all runs. `wake` is told which runs may have come first, whenever a run leaves their queue.

    A run occupies a place as long as anything is counted for it, whatever its status says, and also when its object is
    gone: then its function is the one that it had, or the one that its Jobs and pods name.
    """

    def __init__(self, wake: Callable[[RunKey], None] = lambda _: None) -> None:
        self._wake = wake
        self._runs: dict[str, _Run] = {}
        # By run, what occupies its place: how many Jobs and pods, by the function that they name.
        self._occupants: dict[RunId, Counter[FunctionKey | None]] = {}
        # The functions of runs that are gone and still occupy a place.
        self._functions_of_gone: dict[RunId, FunctionKey | None] = {}
        self._placements: dict[RunId, _Placement] = {}
        self._occupied: dict[QueueId, set[RunId]] = defaultdict(set)
        self._waiting: dict[QueueId, list[Position]] = defaultdict(list)

    def update_run(self, run: RunId, function: FunctionKey | None, position: Position | None) -> None:
        """Take the run as it is now; with its position if its status says that it waits."""
        namespace, uid = run
        self._runs[uid] = _Run(namespace, function, position)
        self._functions_of_gone.pop(run, None)
        self._requeue(run)

    def remove_run(self, uid: str) -> None:
        """Forget the run. It keeps its place as long as a Job or pod of it is counted."""
        removed = self._runs.pop(uid, None)
        if removed is None:
            return
        run = removed.namespace, uid
        if run in self._occupants:
            self._functions_of_gone[run] = removed.function
        self._requeue(run)

    def occupy(self, run: RunId, function: FunctionKey | None = None) -> None:
        """Count one more Job or pod of the run that may run; `function` is the one that it names."""
        self._occupants.setdefault(run, Counter())[function] += 1
        self._requeue(run)

    def release(self, run: RunId, function: FunctionKey | None = None) -> None:
        """Count one less of what was counted by `occupy`."""
        occupants = self._occupants[run]
        occupants[function] -= 1
        if not occupants[function]:
            del occupants[function]
        if not occupants:
            del self._occupants[run]
            self._functions_of_gone.pop(run, None)
        self._requeue(run)

    @contextmanager
    def reserve(self, run: RunId) -> Iterator[None]:
        """Let the run occupy its place while its Job is being created."""
        self.occupy(run)
        try:
            yield
        finally:
            self.release(run)

    def count_ahead(self, run: RunId, queue: QueueId | None, position: Position) -> int:
        """Return how many other runs of the queue occupy a place, or wait at a better position."""
        if queue is None:
            return 0
        occupied = self._occupied.get(queue, ())
        return len(occupied) - (run in occupied) + bisect_left(self._waiting.get(queue, ()), position)

    def _requeue(self, run: RunId) -> None:
        """Put the run where it belongs now. Wake the first of the queues where it is no longer as it was."""
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
        known, is_occupied = self._runs.get(uid), run in self._occupants
        if known is None or known.namespace != namespace:
            return _Placement(_queues(namespace, self._function_of_gone(run)), None) if is_occupied else None
        if is_occupied or known.position:
            return _Placement(_queues(namespace, known.function), None if is_occupied else known.position)
        return None

    def _function_of_gone(self, run: RunId) -> FunctionKey | None:
        """Return the function that the run had; after a restart the first by name that its Jobs and pods name."""
        if run in self._functions_of_gone:
            return self._functions_of_gone[run]
        return min((function for function in self._occupants[run] if function), default=None)

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
        """Wake the first of the queues; not the run itself, which may have failed to start and waits its time."""
        namespace, own = run[0], self._runs.get(run[1])
        for queue in placement.queues:
            for position in self._waiting.get(queue, ())[:_WAKE_BATCH]:
                if own is None or position != own.position:
                    self._wake((namespace, position[2]))


def _queues(namespace: str, function: FunctionKey | None) -> tuple[QueueId, ...]:
    return (namespace, function) if function else (namespace,)
