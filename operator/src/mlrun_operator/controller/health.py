"""`/healthz` and `/readyz`: what the kubelet asks of this process, with the facts in the body.

`/healthz` fails only for what a restart mends: an event loop that hangs, a task that ended, watches that are all silent
though the API server answers. `/readyz` fails while no namespace is served.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from mlrun_operator.controller.background import BackgroundTasks
from mlrun_operator.controller.http_server import serve
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.watch_monitor import WatchMonitor

_TICK_SECONDS: Final = 1.0
_MAX_LAG_SECONDS: Final = 30.0


class Health:
    """Answers the probes."""

    def __init__(
        self,
        watch_monitor: WatchMonitor,
        queue: FairQueue,
        tasks: BackgroundTasks,
        observe_lag: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._watch_monitor = watch_monitor
        self._queue = queue
        self._tasks = tasks
        self._observe_lag = observe_lag
        self._lag = 0.0

    async def measure_lag(self) -> None:
        """Measure for ever how late the event loop wakes a sleeper."""
        while True:
            asleep = time.monotonic()
            await asyncio.sleep(_TICK_SECONDS)
            self._lag = max(0.0, time.monotonic() - asleep - _TICK_SECONDS)
            self._observe_lag(self._lag)

    async def serve(self, listen: str) -> None:
        """Answer the probes until cancelled."""
        await serve(listen, [web.get("/healthz", self._healthz), web.get("/readyz", self._readyz)])

    def liveness_problems(self) -> list[str]:
        """Return what is wrong with this process and ends with it."""
        problems = [f"background task {name} exited" for name in self._tasks.exited]
        if self._lag > _MAX_LAG_SECONDS:
            problems.append(f"the event loop was {self._lag:.0f} s late")
        if self._watch_monitor.is_stuck():
            problems.append("no watch receives anything, though the API server answers listings")
        return problems

    def readiness_problems(self) -> list[str]:
        """Return why no namespace is served; nothing where one is."""
        if not self._watch_monitor.synced.is_set():
            return ["the first listings are not complete"]
        if self._watch_monitor.is_any_namespace_served():
            return []
        refusals = self._watch_monitor.refusals()
        unwatched = [path for path, seconds in self._watch_monitor.idle_seconds().items() if seconds is None]
        return ["no namespace is served", *(f"{path}: {refusals.get(path, 'not watched')}" for path in unwatched)]

    async def _healthz(self, _: web.Request) -> web.Response:
        return self._answer(self.liveness_problems())

    async def _readyz(self, _: web.Request) -> web.Response:
        return self._answer(self.readiness_problems())

    def _answer(self, problems: list[str]) -> web.Response:
        body = {
            "problems": problems,
            "idleSeconds": self._watch_monitor.idle_seconds(),
            "refused": self._watch_monitor.refusals(),
            "loopLagSeconds": round(self._lag, 3),
            "queued": len(self._queue),
        }
        return web.json_response(body, status=503 if problems else 200)
