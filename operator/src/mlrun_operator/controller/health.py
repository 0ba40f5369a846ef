"""`/healthz` and `/readyz`: the truth about this process, in the body what it is founded on."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from mlrun_operator.controller.http_server import serve
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.watch_monitor import WatchMonitor

_TICK: Final = 1.0
_MAX_LAG: Final = 30.0


class Health:
    """Healthy while every watch is heard and the event loop turns; ready once every watch was heard."""

    def __init__(
        self,
        watch_monitor: WatchMonitor,
        queue: FairQueue,
        max_silence: float,
        lagged: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._watch_monitor = watch_monitor
        self._queue = queue
        self._max_silence = max_silence
        self._lagged = lagged
        self._started = time.monotonic()
        self._lag = 0.0

    async def measure_lag(self) -> None:
        """For ever: how late the event loop wakes a sleeper."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            self._lag = max(0.0, time.monotonic() - before - _TICK)
            self._lagged(self._lag)

    async def serve(self, listen: str) -> None:
        """Answer the probes until cancelled."""
        await serve(listen, [web.get("/healthz", self._healthz), web.get("/readyz", self._readyz)])

    def problems(self) -> list[str]:
        """What is wrong now, in words; a watch that was never heard counts from the start of the process."""
        age = time.monotonic() - self._started
        silent = {
            path: age if seconds is None else seconds for path, seconds in self._watch_monitor.idle_seconds().items()
        }
        found = [f"{p}: no event for {s:.0f} s" for p, s in silent.items() if s > self._max_silence]
        if self._lag > _MAX_LAG:
            found.append(f"the event loop was {self._lag:.0f} s late")
        return found

    async def _healthz(self, _: web.Request) -> web.Response:
        problems = self.problems()
        return self._answer(problems)

    async def _readyz(self, _: web.Request) -> web.Response:
        waiting = [
            f"{path}: not watched yet" for path, heard in self._watch_monitor.idle_seconds().items() if heard is None
        ]
        return self._answer(waiting)

    def _answer(self, problems: list[str]) -> web.Response:
        body = {
            "problems": problems,
            "secondsSinceHeard": self._watch_monitor.idle_seconds(),
            "loopLagSeconds": round(self._lag, 3),
            "queued": len(self._queue),
        }
        return web.json_response(body, status=503 if problems else 200)
