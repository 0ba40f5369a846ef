"""The world's only clock, and the alarms that are set on it."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from support.simulator.objects import BEGIN


class Alarm:
    """Something that is to happen at a moment, unless it is cancelled."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act: Callable[[], Any] | None = act

    def cancel(self) -> None:
        """Let it not happen."""
        self.act = None


class Clock:
    """The time, and what is due."""

    def __init__(self) -> None:
        self.now = BEGIN
        self._order = count()
        self._alarms: list[tuple[datetime, int, Alarm]] = []

    def at(self, moment: datetime, act: Callable[[], Any]) -> Alarm:
        """Let something happen at a moment; one that is past is due at once."""
        alarm = Alarm(act)
        heapq.heappush(self._alarms, (moment, next(self._order), alarm))
        return alarm

    def after(self, seconds: float, act: Callable[[], Any]) -> Alarm:
        """Let something happen after a while."""
        return self.at(self.now + timedelta(seconds=seconds), act)

    def next_due(self) -> datetime | None:
        """Return when the next alarm is due."""
        while self._alarms and self._alarms[0][2].act is None:
            heapq.heappop(self._alarms)
        return self._alarms[0][0] if self._alarms else None

    def ring(self) -> bool:
        """Let happen what is due now; return whether there was something."""
        rang = False
        while (due := self.next_due()) is not None and due <= self.now:
            alarm = heapq.heappop(self._alarms)[2]
            if alarm.act is not None:
                alarm.act()
                rang = True
        return rang


class FakeLoop:
    """What code under test may ask of the running event loop: to be called later, by the world's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def time(self) -> float:
        """Return the world's time in seconds."""
        return self._clock.now.timestamp()

    def call_later(self, seconds: float, act: Callable[..., Any], *args: Any) -> Alarm:
        """Call after a while."""
        return self._clock.after(seconds, lambda: act(*args))

    def get_debug(self) -> bool:
        """Return what asyncio asks of every loop."""
        return False
