"""The work queue: each key at most once, one worker a key at a time, and namespaces served in turn.

So a burst in one namespace does not delay another's runs, and any number of events of a run cost one reconcile. New
runs go first and ended ones second, but after every few of them another key is taken, so that nothing waits for ever.
While new runs come, only a few of the others are worked on at a time: requests that are under way at the API server
delay later ones.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum
from typing import Final

Key = tuple[str, str]


class Lane(IntEnum):
    """How soon a key is taken: the lower the sooner."""

    NEW = 0  # a run without a Job
    ENDED = 1  # a run whose Job has ended
    OTHER = 2


# How many keys of the lanes before it are taken while a lane waits.
_MAX_PASSED_OVER: Final = 4
# After a new key others are held back for so long, but for so many of them; each waits for its next events so long.
_HOLD_BACK_SECONDS: Final = 1.0
_MAX_BESIDE_NEW: Final = 4
_BATCH_SECONDS: Final = 0.1


class FairQueue:
    """Keys (namespace, name) that wait to be reconciled; for one event loop."""

    def __init__(
        self, observe_wait: Callable[[float], None] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`observe_wait` gets the seconds that each key has waited when it is taken."""
        self._observe_wait = observe_wait
        self._clock = clock
        # The keys that wait: by lane and namespace, in the order in which both have their turn.
        self._waiting: dict[Lane, OrderedDict[str, OrderedDict[Key, None]]] = {lane: OrderedDict() for lane in Lane}
        self._lane_of: dict[Key, Lane] = {}
        self._passed_over = dict.fromkeys(Lane, 0)
        self._last_new = -_HOLD_BACK_SECONDS
        # Since when each key waits, oldest first.
        self._queued_at: dict[Key, float] = {}
        # The keys that are worked on, and from which lane.
        self._active: dict[Key, Lane] = {}
        self._requeued: dict[Key, Lane] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._ready = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queued_at)

    @property
    def active(self) -> int:
        """How many keys are worked on."""
        return len(self._active)

    @property
    def delayed(self) -> int:
        """How many keys are queued later."""
        return len(self._timers)

    def oldest_age(self) -> float:
        """Return the seconds that the longest waiting key has waited; 0 where none waits."""
        since = next(iter(self._queued_at.values()), None)
        return 0.0 if since is None else self._clock() - since

    def add(self, key: Key, lane: Lane = Lane.OTHER) -> None:
        """Queue the key, or move it to an earlier lane. One that is being worked on is queued when it is done."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        if key in self._active:
            self._requeued[key] = min(lane, self._requeued.get(key, lane))
        elif key not in self._lane_of or lane < self._lane_of[key]:
            self._enqueue(key, lane)

    def _enqueue(self, key: Key, lane: Lane) -> None:
        if key in self._lane_of:
            self._dequeue(key)
        self._lane_of[key] = lane
        self._waiting[lane].setdefault(key[0], OrderedDict())[key] = None
        self._queued_at.setdefault(key, self._clock())
        if lane is Lane.NEW:
            self._last_new = self._clock()
        self._ready.set()

    def _dequeue(self, key: Key) -> None:
        """Take the key out of its lane; its namespace keeps its turn."""
        keys = self._waiting[(lane := self._lane_of.pop(key))]
        del keys[key[0]][key]
        if not keys[key[0]]:
            del self._waiting[lane][key[0]]

    def add_soon(self, key: Key) -> None:
        """Queue the key; while new runs come, in a moment: its events until then are one reconcile."""
        if self._is_calm():
            self.add(key)
        else:
            self.add_later(key, _BATCH_SECONDS)

    def add_later(self, key: Key, seconds: float) -> None:
        """Queue the key after a while, or at the earlier one of two such times."""
        due = asyncio.get_running_loop().time() + seconds
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= due:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_at(due, self.add, key)

    async def take(self) -> Key:
        """Return the next key; the worker calls `done` when it is finished with it."""
        while (lane := self._choose_lane()) is None:
            self._ready.clear()
            if self._lane_of:  # held back until one that is worked on is done, or no new run came for a while
                remaining = self._last_new + _HOLD_BACK_SECONDS - self._clock()
                asyncio.get_running_loop().call_later(max(remaining, 0.0), self._ready.set)
            await self._ready.wait()
        key = self._next_key(lane)
        self._observe_wait(self._clock() - self._queued_at.pop(key))
        self._active[key] = lane
        return key

    def _choose_lane(self) -> Lane | None:
        """Return the lane of the next key; None where there is nothing to take now."""
        lanes = [lane for lane in Lane if self._waiting[lane] and not self._is_held_back(lane)]
        passed_over = [lane for lane in lanes if self._passed_over[lane] >= _MAX_PASSED_OVER]
        chosen = next(iter(passed_over or lanes), None)
        for lane in lanes:
            self._passed_over[lane] = 0 if lane is chosen else self._passed_over[lane] + 1
        return chosen

    def _next_key(self, lane: Lane) -> Key:
        """Take the first key of the namespace whose turn it is, which then comes last."""
        keys = next(iter(self._waiting[lane].values()))
        key = next(iter(keys))
        self._dequeue(key)
        if keys:
            self._waiting[lane].move_to_end(key[0])
        return key

    def _is_held_back(self, lane: Lane) -> bool:
        if lane is Lane.NEW or self._is_calm():
            return False
        return sum(active is not Lane.NEW for active in self._active.values()) >= _MAX_BESIDE_NEW

    def _is_calm(self) -> bool:
        return self._clock() >= self._last_new + _HOLD_BACK_SECONDS

    def done(self, key: Key) -> None:
        """Note that the key's work is finished; queue it again where it was added meanwhile."""
        self._active.pop(key, None)
        if self._queued_at:
            self._ready.set()
        if (lane := self._requeued.pop(key, None)) is not None:
            self.add(key, lane)
