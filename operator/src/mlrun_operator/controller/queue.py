"""The work queue: each key at most once, one worker a key at a time, and namespaces served in turn.

So a burst in one namespace does not delay another's runs, and any number of events of a run cost one reconcile. What is
urgent goes first, but for every few of it something else is taken, so that nothing waits for ever. While urgent keys
come, only a few of the others are worked on at a time: requests that are under way at the API server delay those that
come after them.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

Key = tuple[str, str]

# How many urgent keys are taken for one that is not, while there are both.
_URGENT_IN_A_ROW: Final = 4
# For how many seconds after the last urgent key others are held back, how many of them go on, and how long each waits
# for what else comes of it.
_CALM: Final = 1.0
_BESIDE: Final = 4
_MOMENT: Final = 0.1


class FairQueue:
    """Keys (namespace, name) that wait to be reconciled. For one event loop."""

    def __init__(
        self, waited: Callable[[float], None] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`waited` is told how long each key has waited when it is taken."""
        self._waited = waited
        self._clock = clock
        self._urgent: OrderedDict[str, deque[Key]] = OrderedDict()
        self._waiting: OrderedDict[str, deque[Key]] = OrderedDict()
        self._in_a_row = 0
        self._last_urgent = -_CALM
        # Since when each waits, oldest first.
        self._queued: dict[Key, float] = {}
        # Those that are worked on, and whether they are urgent.
        self._active: dict[Key, bool] = {}
        self._again: set[Key] = set()
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._ready = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queued)

    @property
    def active(self) -> int:
        """How many are being worked on."""
        return len(self._active)

    @property
    def delayed(self) -> int:
        """How many are to be queued later."""
        return len(self._later)

    def oldest_age(self) -> float:
        """For how many seconds the longest waiting key has waited; 0 where none waits."""
        since = next(iter(self._queued.values()), None)
        return 0.0 if since is None else self._clock() - since

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """Queue the key. One that is being worked on is queued when it is done."""
        if (timer := self._later.pop(key, None)) is not None:
            timer.cancel()
        if key in self._active:
            self._again.add(key)
        elif key not in self._queued:
            self._queued[key] = self._clock()
            self._last_urgent = self._queued[key] if urgent else self._last_urgent
            (self._urgent if urgent else self._waiting).setdefault(key[0], deque()).append(key)
            self._ready.set()

    def add_soon(self, key: Key) -> None:
        """Queue the key; while urgent ones come, in a moment: what happens until then is one look with it."""
        if self._is_calm():
            self.add(key)
        else:
            self.add_later(key, _MOMENT)

    def add_later(self, key: Key, seconds: float) -> None:
        """Queue the key after a while, or at the earlier one of two such times."""
        when = asyncio.get_running_loop().time() + seconds
        timer = self._later.get(key)
        if timer is not None and timer.when() <= when:
            return
        if timer is not None:
            timer.cancel()
        self._later[key] = asyncio.get_running_loop().call_at(when, self.add, key)

    async def take(self) -> Key:
        """The next key; the worker calls `done` when it is finished with it."""
        while (urgent := self._next_is_urgent()) is None:
            self._ready.clear()
            if self._waiting:  # held back: until one of those that go on is done, or it is calm
                rest = self._last_urgent + _CALM - self._clock()
                asyncio.get_running_loop().call_later(max(rest, 0.0), self._ready.set)
            await self._ready.wait()
        self._in_a_row = self._in_a_row + 1 if urgent else 0
        lane = self._urgent if urgent else self._waiting
        namespace, keys = lane.popitem(last=False)
        key = keys.popleft()
        if keys:
            lane[namespace] = keys
        self._waited(self._clock() - self._queued.pop(key))
        self._active[key] = urgent
        return key

    def _next_is_urgent(self) -> bool | None:
        """Whether the next key is to be an urgent one; None where there is nothing to take now."""
        others = bool(self._waiting) and not self._held_back()
        if self._urgent and not (others and self._in_a_row >= _URGENT_IN_A_ROW):
            return True
        return False if others else None

    def _held_back(self) -> bool:
        busy = sum(not urgent for urgent in self._active.values())
        return busy >= _BESIDE and not self._is_calm()

    def _is_calm(self) -> bool:
        return self._clock() >= self._last_urgent + _CALM

    def done(self, key: Key) -> None:
        """The key's work is finished; what came in meanwhile is queued."""
        self._active.pop(key, None)
        if self._queued:
            self._ready.set()
        if key in self._again:
            self._again.discard(key)
            self.add(key)
