"""Workers: take a key, reconcile it, and retry with growing back-off where that failed."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.controller.log_format import about_key
from mlrun_operator.controller.queue import FairQueue, Key

log = logging.getLogger("mlrun_operator")

FIRST_DELAY_SECONDS: Final = 0.5
LAST_DELAY_SECONDS: Final = 60.0
MAX_RETRY_AFTER_SECONDS: Final = 300.0


class Reconciles(Protocol):
    """Brings one object in line with its spec."""

    async def reconcile(self, key: Key) -> float | None:
        """Return the seconds until the next pass, None to wait for an event. Raises ApiError where to retry."""


class Workers:
    """A fixed number of workers on one queue. A failing object delays only itself."""

    def __init__(
        self,
        kind: str,
        queue: FairQueue,
        reconciler: Reconciles,
        on_reconciled: Callable[[float, str | None], None] = lambda *_: None,
    ) -> None:
        """`kind` is that of the objects, for the log.

        `on_reconciled` gets each pass's seconds, and `Api` or `Bug` where it failed.
        """
        self._kind = kind
        self._queue = queue
        self._reconciler = reconciler
        self._on_reconciled = on_reconciled
        self._failures: dict[Key, int] = {}

    @property
    def failing(self) -> int:
        """How many keys failed in their last pass."""
        return len(self._failures)

    async def run(self, count: int) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(self._work(), name=f"worker {number}")

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            try:
                await self._reconcile(key)
            finally:
                self._queue.done(key)

    async def _reconcile(self, key: Key) -> None:
        started, cause = time.monotonic(), None
        try:
            requeue_after = await self._reconciler.reconcile(key)
        except ApiError as error:
            if error.namespace_gone:
                self._failures.pop(key, None)
                return
            cause = "Api"
            delay = self._delay(key, error.retry_after)
            log.warning("%s/%s: %s; retrying in %.1f s", *key, error, delay, extra=about_key(self._kind, key))
            self._queue.add_later(key, delay)
        except Exception:
            cause = "Bug"
            delay = self._delay(key, None)
            log.exception(
                "%s/%s: cannot be reconciled; retrying in %.1f s", *key, delay, extra=about_key(self._kind, key)
            )
            self._queue.add_later(key, delay)
        else:
            self._failures.pop(key, None)
            if requeue_after == 0:
                self._queue.add_soon(key)
            elif requeue_after is not None:
                self._queue.add_later(key, requeue_after)
        finally:
            self._on_reconciled(time.monotonic() - started, cause)

    def _delay(self, key: Key, retry_after: float | None) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(FIRST_DELAY_SECONDS * 2.0 ** min(failures - 1, 16), LAST_DELAY_SECONDS)
        return max(delay, min(retry_after or 0.0, MAX_RETRY_AFTER_SECONDS))
