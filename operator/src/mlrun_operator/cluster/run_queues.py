"""Who has a Job and who waits for one, by namespace and by function: counted as they come and go, never by walking."""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

# Namespace and name of a run: what is reconciled.
RunKey = tuple[str, str]
# A line: a namespace, or the function that its runs refer to.
Line = Hashable
# Since when a run waits, when it was made, and its name: the order of a line.
Place = tuple[str, str, str]
# A run's lines, and its place in them; no place where it has a Job.
_Standing = tuple[tuple[Line, ...], Place | None]

# How many of a line are woken when somebody leaves it: each that starts wakes the next ones.
_WOKEN: Final = 4


class RunQueues:
    """The lines of all runs. Whoever is first is woken when one ahead goes.

    Who has a Job that has not ended counts whatever its status says: one that is run again has that of its last
    execution until the new Job is told.
    """

    def __init__(self, wake: Callable[[RunKey], None] = lambda _: None) -> None:
        self._wake = wake
        self._known: dict[str, tuple[str, tuple[Line, ...], Place | None]] = {}
        self._jobs: Counter[tuple[str, str]] = Counter()
        self._starting: set[str] = set()
        self._standing: dict[str, tuple[str, _Standing]] = {}
        self._active: dict[Line, set[str]] = defaultdict(set)
        self._waiting: dict[Line, list[Place]] = defaultdict(list)

    def enter(self, uid: str, namespace: str, function: Line | None, place: Place | None) -> None:
        """A run as it is now; with its place if it says that it waits for its turn."""
        lines: tuple[Line, ...] = (namespace, function) if function else (namespace,)
        self._known[uid] = (namespace, lines, place)
        self._settle(uid)

    def leave(self, uid: str) -> None:
        """The run is gone."""
        if self._known.pop(uid, None) is not None:
            self._settle(uid)

    def jobs(self, namespace: str, run_uid: str, change: int) -> None:
        """So many more unfinished Jobs of the run, or fewer."""
        self._jobs[namespace, run_uid] += change
        if not self._jobs[namespace, run_uid]:
            del self._jobs[namespace, run_uid]
        self._settle(run_uid)

    @contextmanager
    def starting(self, uid: str) -> Iterator[None]:
        """While its Job is being made the run counts as having one."""
        self._starting.add(uid)
        self._settle(uid)
        try:
            yield
        finally:
            self._starting.discard(uid)
            self._settle(uid)

    def ahead(self, uid: str, line: Line, place: Place) -> int:
        """How many others of the line have a Job, or wait at a better place."""
        active = self._active.get(line, ())
        return len(active) - (uid in active) + bisect_left(self._waiting.get(line, ()), place)

    def _settle(self, uid: str) -> None:
        """Put the run where it now belongs, and wake the first of the lines where it no longer is as it was."""
        found = self._found(uid)
        before = self._standing.get(uid)
        if found == before:
            return
        if found is not None:
            self._standing[uid] = found
        else:
            del self._standing[uid]
        if before is not None:
            self._take_out(uid, *before[1])
        if found is not None:
            self._put_in(uid, *found[1])
        if before is not None:
            self._wake_first(*before)

    def _found(self, uid: str) -> tuple[str, _Standing] | None:
        known = self._known.get(uid)
        if known is None:
            return None
        namespace, lines, place = known
        if uid in self._starting or (namespace, uid) in self._jobs:
            return namespace, (lines, None)
        return (namespace, (lines, place)) if place else None

    def _put_in(self, uid: str, lines: tuple[Line, ...], place: Place | None) -> None:
        for line in lines:
            if place is None:
                self._active[line].add(uid)
            else:
                insort(self._waiting[line], place)

    def _take_out(self, uid: str, lines: tuple[Line, ...], place: Place | None) -> None:
        for line in lines:
            if place is None:
                self._active[line].discard(uid)
                if not self._active[line]:
                    del self._active[line]
            else:
                waiting = self._waiting[line]
                del waiting[bisect_left(waiting, place)]
                if not waiting:
                    del self._waiting[line]

    def _wake_first(self, namespace: str, standing: _Standing) -> None:
        for line in standing[0]:
            for place in self._waiting.get(line, ())[:_WOKEN]:
                self._wake((namespace, place[2]))
