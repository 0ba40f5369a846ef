"""Workers: take a key, reconcile it, and try again later, ever later, where that failed."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.controller.log_format import about_key
from mlrun_operator.controller.queue import FairQueue, Key

log = logging.getLogger("mlrun_operator")

FIRST_DELAY: Final = 0.5
LAST_DELAY: Final = 60.0
LAST_RETRY_AFTER: Final = 300.0


class Reconciles(Protocol):
    """Brings one object in line; the seconds after which to look again."""

    async def reconcile(self, key: Key) -> float | None:
        """Raises ApiError where it is to be tried again."""


class Workers:
    """A fixed number of workers on one queue. What is wrong with one run delays only that run."""

    def __init__(
        self,
        kind: str,
        queue: FairQueue,
        reconciler: Reconciles,
        told: Callable[[float, str | None], None] = lambda *_: None,
    ) -> None:
        """`kind` is that of the objects, for the log.

        `told` hears of each look: its seconds, and `Api` or `Bug` where it failed.
        """
        self._kind = kind
        self._queue = queue
        self._reconciler = reconciler
        self._told = told
        self._failures: dict[Key, int] = {}

    @property
    def failing(self) -> int:
        """How many keys failed when they were last worked on."""
        return len(self._failures)

    async def run(self, count: int) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(self._work(), name=f"worker {number}")

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            try:
                await self._once(key)
            finally:
                self._queue.done(key)

    async def _once(self, key: Key) -> None:
        started, cause = time.monotonic(), None
        try:
            again = await self._reconciler.reconcile(key)
        except ApiError as error:
            if error.namespace_gone:
                self._failures.pop(key, None)
                return
            cause = "Api"
            delay = self._delay(key, error.retry_after)
            log.warning("%s/%s: %s; trying again in %.1f s", *key, error, delay, extra=about_key(self._kind, key))
            self._queue.add_later(key, delay)
        except Exception:
            cause = "Bug"
            delay = self._delay(key, None)
            log.exception(
                "%s/%s: cannot be reconciled; trying again in %.1f s", *key, delay, extra=about_key(self._kind, key)
            )
            self._queue.add_later(key, delay)
        else:
            self._failures.pop(key, None)
            if again == 0:
                self._queue.add_soon(key)
            elif again is not None:
                self._queue.add_later(key, again)
        finally:
            self._told(time.monotonic() - started, cause)

    def _delay(self, key: Key, retry_after: float | None) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        return max(
            min(retry_after or 0.0, LAST_RETRY_AFTER), min(LAST_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 16))
        )
