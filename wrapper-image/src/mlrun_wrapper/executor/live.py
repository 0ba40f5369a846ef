"""What the handler has logged so far, small enough to be shown while it runs.

A thread leaves it as a document for the wrapper, at most every few seconds. It calls nothing of the user's: values that
are not plain or not small are counted, not described. Whatever fails here is tried again with the next change.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from .call import Caller
from .database import MemoryDB
from .handover import Handover
from .limits import LIVE_BYTES, LIVE_ITERATIONS, LIVE_SECONDS
from .progress import result_done, tqdm_done
from .small import newest_small

_LOOK_SECONDS: Final = 1.0
# Of the document; its other fields take less than the rest.
_RESULTS_BYTES: Final = LIVE_BYTES * 3 // 4
_ITERATION_BYTES: Final = LIVE_BYTES // 5 // LIVE_ITERATIONS


class Live:
    """Leaves the document by `leave` while its block runs; `handover` counts what was logged."""

    def __init__(
        self, leave: Callable[[dict[str, Any]], None], handover: Handover, db: MemoryDB, caller: Caller
    ) -> None:
        self._leave = leave
        self._handover = handover
        self._db = db
        self._caller = caller
        self._over = threading.Event()
        self._left: tuple[int, float | None] = (0, None)
        self._left_at = float("-inf")
        self._done: float | None = None
        self._is_planned = False

    def __enter__(self) -> None:
        threading.Thread(target=self._watch, name="live results", daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with contextlib.suppress(Exception):  # a container that is just changing, a full disk
                self.look()

    def look(self) -> None:
        """Leave the document where something has changed and the last one is old enough."""
        state = (self._handover.changes, tqdm_done(sys.modules))
        if state == self._left or time.monotonic() - self._left_at < LIVE_SECONDS:
            return
        self._leave(self.document(state[1]))
        self._left, self._left_at = state, time.monotonic()

    def document(self, bar: float | None = None) -> dict[str, Any]:
        """Return what is shown. `bar` is the part of a progress bar that is done."""
        context = self._caller.root
        results = dict(context._results) if context is not None else {}
        iterations = self._iterations(context)
        shown, cleaner = newest_small(results.items(), _RESULTS_BYTES)
        ended = sum(each["state"] != "running" for each in iterations)
        return {
            "results": shown,
            "nonfinite": sorted(cleaner.nonfinite),
            "omitted": len(results) - len(shown),
            "iterations": [
                {**each, "results": newest_small(each["results"].items(), _ITERATION_BYTES)[0]}
                for each in iterations[-LIVE_ITERATIONS:]
            ],
            "ended": ended if iterations else None,
            "total": self._total(),
            "done": self._part_done(results, bar, ended, len(iterations)),
        }

    def _part_done(self, results: dict[str, Any], bar: float | None, ended: int, begun: int) -> float | None:
        """Return the part of the run that is done, from 0 to 1. What a bar that is gone said last stays."""
        total = self._total()
        own = result_done(results)
        own = bar if own is None else own
        if total is not None:
            return (ended + (own or 0.0) * (begun > ended)) / total
        done = self._iterations_done(ended, begun) if own is None else own
        self._done = self._done if done is None else done
        return self._done

    def _iterations_done(self, ended: int, begun: int) -> float | None:
        """Return the part of the child contexts that have ended.

        None unless several were open at once: a handler that makes them one by one does not say how many there will be.
        """
        self._is_planned |= begun - ended > 1
        return ended / begun if self._is_planned else None

    def _total(self) -> int | None:
        """Return how many points a sweep in this process has; a pod of a fan-out has one, which is its own run."""
        points = len(self._caller.sweep.points) if self._caller.sweep is not None else 1
        return points if points > 1 else None

    def _iterations(self, context: Any) -> list[dict[str, Any]]:
        """Return the points that have begun, or the child contexts, oldest first."""
        if self._total() is not None:
            return [self._point(number, ending) for number, ending in list(self._caller.endings.items())]
        children = list(getattr(context, "_children", ())) if context is not None else []
        return [_child(child) for child in children]

    def _point(self, number: int, ending: Any) -> dict[str, Any]:
        at_work = ending is self._caller.newest and ending.state == "running"
        root = self._caller.root
        status = self._db.runs.get((root._uid, number), {}).get("status") or {}
        results = root._results if at_work else status.get("results") or {}
        return {"number": number, "state": ending.state, "results": results}


def _child(context: Any) -> dict[str, Any]:
    state = "running" if context._state in ("created", "running") else str(context._state)
    return {"number": context._iteration, "state": state, "results": context._results}
