"""The work queue: each key at most once, one worker a key at a time, and namespaces served in turn.

So a burst in one namespace does not delay another's runs, and any number of events of a run cost one reconcile. Urgent
keys go first, but after every few of them another one is taken, so that nothing waits for ever. While urgent keys come,
only a few of the others are worked on at a time: requests that are under way at the API server delay later ones.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

Key = tuple[str, str]

# How many urgent keys are taken for one that is not, while there are both.
_MAX_URGENT_IN_A_ROW: Final = 4
# After an urgent key others are held back for so long, but for so many of them; each waits for its next events so long.
_HOLD_BACK_SECONDS: Final = 1.0
_MAX_BESIDE_URGENT: Final = 4
_BATCH_SECONDS: Final = 0.1


class FairQueue:
    """Keys (namespace, name) that wait to be reconciled; for one event loop."""

    def __init__(
        self, observe_wait: Callable[[float], None] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`observe_wait` gets the seconds that each key has waited when it is taken."""
        self._observe_wait = observe_wait
        self._clock = clock
        self._urgent: OrderedDict[str, deque[Key]] = OrderedDict()
        self._waiting: OrderedDict[str, deque[Key]] = OrderedDict()
        self._in_a_row = 0
        self._last_urgent = -_HOLD_BACK_SECONDS
        # Since when each key waits, oldest first.
        self._queued_at: dict[Key, float] = {}
        # The keys that are worked on, and whether they are urgent.
        self._active: dict[Key, bool] = {}
        self._requeued: set[Key] = set()
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

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """Queue the key. One that is being worked on is queued when it is done."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        if key in self._active:
            self._requeued.add(key)
        elif key not in self._queued_at:
            self._queued_at[key] = self._clock()
            self._last_urgent = self._queued_at[key] if urgent else self._last_urgent
            (self._urgent if urgent else self._waiting).setdefault(key[0], deque()).append(key)
            self._ready.set()

    def add_soon(self, key: Key) -> None:
        """Queue the key; while urgent ones come, in a moment: its events until then are one reconcile."""
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
        while (urgent := self._next_is_urgent()) is None:
            self._ready.clear()
            if self._waiting:  # held back until one that is worked on is done, or no urgent key came for a while
                remaining = self._last_urgent + _HOLD_BACK_SECONDS - self._clock()
                asyncio.get_running_loop().call_later(max(remaining, 0.0), self._ready.set)
            await self._ready.wait()
        self._in_a_row = self._in_a_row + 1 if urgent else 0
        lane = self._urgent if urgent else self._waiting
        namespace, keys = lane.popitem(last=False)
        key = keys.popleft()
        if keys:
            lane[namespace] = keys
        self._observe_wait(self._clock() - self._queued_at.pop(key))
        self._active[key] = urgent
        return key

    def _next_is_urgent(self) -> bool | None:
        """Return whether the next key is an urgent one; None where there is nothing to take now."""
        has_others = bool(self._waiting) and not self._is_held_back()
        if self._urgent and not (has_others and self._in_a_row >= _MAX_URGENT_IN_A_ROW):
            return True
        return False if has_others else None

    def _is_held_back(self) -> bool:
        active = sum(not urgent for urgent in self._active.values())
        return active >= _MAX_BESIDE_URGENT and not self._is_calm()

    def _is_calm(self) -> bool:
        return self._clock() >= self._last_urgent + _HOLD_BACK_SECONDS

    def done(self, key: Key) -> None:
        """Note that the key's work is finished; queue it again where it was added meanwhile."""
        self._active.pop(key, None)
        if self._queued_at:
            self._ready.set()
        if key in self._requeued:
            self._requeued.discard(key)
            self.add(key)
