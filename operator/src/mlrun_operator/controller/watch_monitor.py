"""Watching the watches: when each was last heard, and what no watch tells."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Final

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import Resource
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.watch import WATCHED, selector_of

log = logging.getLogger("mlrun_operator")
_RETRY_SECONDS: Final = 1.0


class ResourceVersionRegressedError(Exception):
    """The API server's data are older than they were: what this process knows is of another history."""


@dataclass(slots=True)
class _Watch:
    """One resource in one namespace, or in all."""

    resource: Resource
    namespace: str | None
    heard: float | None = None
    version: int = 0


class WatchMonitor:
    """Hears every watch of the operator (a `cluster.watch_middleware.WatchListener`)."""

    def __init__(self, namespaces: tuple[str, ...], cluster: ApiClient, event_handler: WatchEventHandler) -> None:
        where: tuple[str | None, ...] = namespaces or (None,)
        self._watches = {r.url(namespace): _Watch(r, namespace) for r in WATCHED for namespace in where}
        self._cluster = cluster
        self._event_handler = event_handler
        self._relisted: asyncio.Queue[str] = asyncio.Queue()
        # Set once everything was read: before that nothing can be decided.
        self.synced = asyncio.Event()

    def on_activity(self, path: str) -> None:
        """A watch started or received something."""
        if path in self._watches:
            self._watches[path].heard = time.monotonic()

    def on_relist(self, path: str) -> None:
        """A watch starts anew and may have missed deletions."""
        if path in self._watches:
            self._relisted.put_nowait(path)

    def idle_seconds(self) -> dict[str, float | None]:
        """Seconds since each watch was heard; None for one that never was."""
        now = time.monotonic()
        return {
            path: None if watch.heard is None else round(now - watch.heard, 1) for path, watch in self._watches.items()
        }

    async def read_all(self) -> None:
        """Read everything directly, ever again until it works. Raises ResourceVersionRegressedError."""
        for path, watch in self._watches.items():
            while True:
                try:
                    await self._read(path, watch)
                    break
                except ApiError as error:
                    log.warning("cannot read %s: %s", path, error)
                    await asyncio.sleep(error.retry_after or _RETRY_SECONDS)
        self.synced.set()

    async def resync_loop(self, every: float) -> None:
        """For ever: forget what is gone and was not told to be, after each listing of a watch and now and then.

        Raises ResourceVersionRegressedError; nothing else that goes wrong ends this.
        """
        while True:
            try:
                # Not wait_for: in Python 3.11 it loses a cancellation that comes together with an item.
                async with asyncio.timeout(every):
                    paths = [await self._relisted.get()]
            except TimeoutError:
                paths = list(self._watches)
            for path in paths:
                try:
                    await self._compare(path, self._watches[path])
                except ResourceVersionRegressedError:
                    raise
                except Exception as error:
                    log.warning("cannot compare %s with a listing: %s", path, error, exc_info=_unforeseen(error))
                    asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._relisted.put_nowait, path)

    async def _read(self, path: str, watch: _Watch) -> None:
        known, version, uids = self._newest(watch), 0, set[str]()
        async for objects, listed in self._cluster.pages(watch.resource, watch.namespace, selector_of(watch.resource)):
            version = listed
            for obj in objects:
                uids.add(obj["metadata"]["uid"])
                self._event_handler.on_update(watch.resource, obj)
        self._forget_others(path, watch, uids, version, known)

    async def _compare(self, path: str, watch: _Watch) -> None:
        known = self._newest(watch)
        version, uids = await self._cluster.read_uids(watch.resource, watch.namespace, selector_of(watch.resource))
        self._forget_others(path, watch, uids, version, known)

    def _newest(self, watch: _Watch) -> int:
        return max(watch.version, self._event_handler.index.newest(watch.resource, watch.namespace))

    def _forget_others(self, path: str, watch: _Watch, uids: set[str], version: int, known: int) -> None:
        if version < known:
            raise ResourceVersionRegressedError(
                f"the API server lists {path} at resource version {version} after {known}: its data were restored "
                "from a backup, and this process must start anew"
            )
        watch.version = version
        gone = self._event_handler.index.missing_from(watch.resource, watch.namespace, uids, version)
        self._event_handler.on_missing(watch.resource, gone)


def _unforeseen(error: Exception) -> Exception | None:
    return None if isinstance(error, ApiError) else error
