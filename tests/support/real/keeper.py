"""Whoever keeps the operator running: what ends is started again, after a while."""

import asyncio
import signal

from support.lab import World
from support.nursery import Child


class Keeper:
    """One world's operator. `environment` is what it gets besides the world's own."""

    def __init__(self, world: World, **environment: str) -> None:
        self._world = world
        self._environment = environment
        self._child: Child | None = None
        # How long the next death lasts, and how often it was started.
        self.downtime = 0.0
        self.starts = 0
        # The start that was told to end: a kubelet tells it once.
        self._told = -1

    async def keep(self) -> None:
        """Start the operator, whenever it has ended, until cancelled."""
        while True:
            self._child = await self._world.start(**self._environment)
            self.starts += 1
            await self._child.ended()
            seconds, self.downtime = self.downtime, 0.0
            await asyncio.sleep(seconds)

    async def restart(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """End the operator, and wait until it is started again."""
        starts = self.starts
        if self._child is not None and self._told != starts:
            self._told = starts
            self._child.send(sign)
        while self.starts == starts:  # noqa: ASYNC110 - counted by `keep`
            await asyncio.sleep(0.05)
