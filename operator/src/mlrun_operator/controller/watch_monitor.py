"""Lists what is watched, compares the index with listings, and knows how well each watch does.

Each resource in each namespace has a loop of its own. A namespace that is deleted or forbidden is retried with growing
back-off and stops nothing else; kopf's requests for it are held back until a listing succeeds again. The runs of a
namespace are listed last: none is decided on before its Jobs and pods are known.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import CRON_JOBS, RUNS
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.lister import Lister, ResourceVersionRegressedError
from mlrun_operator.controller.watch import WATCHED
from mlrun_operator.controller.watch_state import WatchState

log = logging.getLogger("mlrun_operator")

# Answers that a retry alone does not change: the namespace, the CRD or the right is gone.
_REFUSALS: Final = (403, 404)
# A code for errors that are not answers of the API server.
_UNEXPECTED: Final = -1
_FIRST_RETRY_SECONDS: Final = 1.0
_LAST_RETRY_SECONDS: Final = 60.0
_MAX_RETRY_AFTER_SECONDS: Final = 300.0
_PROGRESS_SECONDS: Final = 10.0
# Listings at a time: each holds a page of objects in memory.
_CONCURRENT_LISTINGS: Final = 4


class WatchMonitor:
    """Keeps the index complete beside the watches (a `cluster.watch_middleware.WatchListener`)."""

    def __init__(
        self,
        namespaces: tuple[str, ...],
        cluster: ApiClient,
        event_handler: WatchEventHandler,
        *,
        silence_seconds: float = 180.0,
        first_retry_seconds: float = _FIRST_RETRY_SECONDS,
    ) -> None:
        """A watch that brings nothing for `silence_seconds` counts as silent."""
        states = [WatchState(resource, namespace) for namespace in namespaces or (None,) for resource in WATCHED]
        self._watches = {watch.path: watch for watch in states}
        self._lister = Lister(cluster, event_handler)
        self._silence_seconds = silence_seconds
        self._first_retry_seconds = first_retry_seconds
        self._listing_slots = asyncio.Semaphore(_CONCURRENT_LISTINGS)
        self._round = 1
        # Set once each watch was listed or refused: before that nothing can be decided.
        self.synced = asyncio.Event()

    # --- what the watches tell

    def on_activity(self, path: str) -> None:
        """Note that a watch started or received something."""
        watch = self._watches.get(path)
        if watch is None:
            return
        watch.touch()
        watch.is_watched = True
        if watch.watch_problem is not None:
            watch.watch_problem = None
            log.info("the watch of %s works again", watch)

    def on_list_page(self, path: str) -> None:
        """Note that a page of a watch's listing arrived."""
        if path in self._watches:
            self._watches[path].touch()

    def on_relist(self, path: str) -> None:
        """Compare the index with a listing: the watch starts anew and may have missed deletions."""
        if path in self._watches:
            self._watches[path].needs_comparison = True
            self._watches[path].wake.set()

    def on_failure(self, path: str, code: int, message: str) -> None:
        """Log that a watch's request failed, once until it fails otherwise. See whether its listing is refused."""
        watch = self._watches.get(path)
        if watch is None or watch.watch_problem == code:
            return
        watch.watch_problem = code
        log.warning("the watch of %s failed: %s; retrying", watch, message)
        if code in _REFUSALS:
            self.on_relist(path)

    def is_refused(self, path: str) -> bool:
        """Return whether requests of the watch are to be held back."""
        return path in self._watches and self._watches[path].refusal is not None

    # --- how well the watches do

    @property
    def watches(self) -> Iterable[WatchState]:
        """Every watch, by resource and namespace."""
        return self._watches.values()

    def idle_seconds(self) -> dict[str, float | None]:
        """Return the seconds since each watch brought anything; None for one that is not established."""
        return {path: round(watch.idle(), 1) if watch.is_watched else None for path, watch in self._watches.items()}

    def refusals(self) -> dict[str, str]:
        """Return what the API server refuses to list, with its words."""
        return {path: watch.refusal for path, watch in self._watches.items() if watch.refusal is not None}

    def is_any_namespace_served(self) -> bool:
        """Return whether all resources of at least one namespace are watched."""
        unserved = {watch.namespace for watch in self.watches if not watch.is_watched or self._is_silent(watch)}
        return any(watch.namespace not in unserved for watch in self.watches)

    def is_stuck(self) -> bool:
        """Return whether every watch is silent though the API server answers listings: only a new process mends that.

        Refused watches do not count, and neither does an API server that answers nothing.
        """
        watches = [watch for watch in self.watches if watch.refusal is None]
        is_api_answering = any(w.last_listed > w.last_activity + self._silence_seconds for w in watches)
        return is_api_answering and all(map(self._is_silent, watches))

    def _is_silent(self, watch: WatchState) -> bool:
        return self.synced.is_set() and watch.idle() > self._silence_seconds

    # --- listing and comparing

    async def list_all(self) -> None:
        """Read all objects anew; return when each watch was listed or refused."""
        self._round += 1
        self.synced.clear()
        for watch in self.watches:
            watch.wake.set()
        await self.synced.wait()

    def resync_loops(self, interval: float) -> dict[str, Coroutine[Any, Any, None]]:
        """Return what is to run for ever: a loop for each watch, and the log of a long start.

        A loop raises ResourceVersionRegressedError; nothing else that goes wrong ends it.
        """
        loops = {f"listing of {watch}": self._resync_loop(watch, interval) for watch in self.watches}
        return {**loops, "progress log": self._progress_loop()}

    async def _resync_loop(self, watch: WatchState, interval: float) -> None:
        while True:
            watch.wake.clear()
            delay = await self._resync(watch, interval)
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with a result.
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await watch.wake.wait()

    async def _resync(self, watch: WatchState, interval: float) -> float:
        """Bring the index in line with a listing where that is due; return the seconds until the next pass."""
        pause = min(interval, self._silence_seconds)
        if (blocker := self._blocker(watch)) is not None:
            self._hold_back(watch, blocker)
            return pause
        if not self._is_due(watch, interval):
            return pause
        try:
            async with self._listing_slots:
                await self._read(watch)
        except ResourceVersionRegressedError:
            raise
        except Exception as error:
            return self._on_list_failure(watch, error)
        return pause

    def _is_due(self, watch: WatchState, interval: float) -> bool:
        if watch.needs_comparison or self._is_silent(watch) or not self._is_listed(watch):
            return True
        return time.monotonic() - watch.last_listed >= interval

    def _is_listed(self, watch: WatchState) -> bool:
        return watch.listed_round == self._round

    def _blocker(self, watch: WatchState) -> WatchState | None:
        """Return what must be listed before the runs of the namespace; CronJobs only where they can be."""
        if watch.resource is not RUNS or self._is_listed(watch):
            return None
        unlisted = (w for w in self.watches if w.namespace == watch.namespace and not self._is_listed(w))
        needed = (w for w in unlisted if w is not watch and (w.resource is not CRON_JOBS or w.refusal is None))
        return next(needed, None)

    def _hold_back(self, runs: WatchState, blocker: WatchState) -> None:
        """Refuse the runs while what they are decided by is refused."""
        if blocker.refusal is None:
            return
        if runs.refusal is None:
            log.warning("not serving %s: cannot list %s", runs, blocker)
        runs.refuse(f"{blocker} cannot be listed")
        self._update_synced()

    async def _read(self, watch: WatchState) -> None:
        """Read all objects, or only their uids where the watch has brought the rest."""
        current_round, watch.needs_comparison = self._round, False
        if self._is_listed(watch) and not self._is_silent(watch):
            await self._lister.compare_uids(watch)
        else:
            await self._lister.read_objects(watch, is_activity=not self._is_listed(watch))
        self._on_listed(watch, current_round)

    def _on_listed(self, watch: WatchState, current_round: int) -> None:
        if watch.list_problem is not None or watch.refusal is not None:
            log.info("%s can be listed again", watch)
        watch.listed_round, watch.last_listed = current_round, time.monotonic()
        watch.refusal, watch.list_problem, watch.attempts = None, None, 0
        self._on_change(watch)

    def _on_list_failure(self, watch: WatchState, error: Exception) -> float:
        """Note and log the failure; return the seconds until the next attempt."""
        code = error.code if isinstance(error, ApiError) else _UNEXPECTED
        if code in _REFUSALS:
            watch.refuse(str(error))
        watch.needs_comparison = True
        if watch.list_problem != code:
            watch.list_problem = code
            traceback = error if code == _UNEXPECTED else None
            log.warning("cannot list %s: %s; retrying with back-off", watch, error, exc_info=traceback)
        self._on_change(watch)
        delay = min(self._first_retry_seconds * 2.0 ** min(watch.attempts, 16), _LAST_RETRY_SECONDS)
        watch.attempts += 1
        retry_after = error.retry_after if isinstance(error, ApiError) else None
        return max(delay, min(retry_after or 0.0, _MAX_RETRY_AFTER_SECONDS))

    def _on_change(self, watch: WatchState) -> None:
        """Let the namespace's runs be listed where they waited for this resource."""
        runs = self._watches[RUNS.url(watch.namespace)]
        if runs is not watch and not self._is_listed(runs):
            runs.wake.set()
        self._update_synced()

    def _update_synced(self) -> None:
        if self.synced.is_set() or any(w.refusal is None and not self._is_listed(w) for w in self.watches):
            return
        for watch in self.watches:
            watch.touch()  # the watches begin only now
        self.synced.set()

    async def _progress_loop(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            if not self.synced.is_set():
                self._log_progress()

    def _log_progress(self) -> None:
        for watch in self.watches:
            if not self._is_listed(watch) and watch.refusal is None:
                log.info("starting: listed %s of %s", f"{watch.object_count:,}", watch)
