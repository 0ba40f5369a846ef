"""The operator's process: the real index, event handler and reconciler, driven without an event loop."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from support.simulator.api_server import ApiServer, Change
from support.simulator.client import SimulatedClient
from support.simulator.clock import Alarm, Clock, FakeLoop
from support.simulator.objects import Key, Object, copy_of

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS, Resource
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.event_router import EventRouter
from mlrun_operator.controller.queue import Lane
from mlrun_operator.controller.rate_limiter import SharedBucket
from mlrun_operator.controller.reconcile import Reconciler
from mlrun_operator.controller.reconcile_function import FunctionReconciler
from mlrun_operator.controller.worker import FIRST_DELAY_SECONDS, LAST_DELAY_SECONDS

WATCHED: Final = {resource.plural: resource for resource in (RUNS, FUNCTIONS, CRON_JOBS, JOBS, PODS)}
_SELECTED: Final = ("cronjobs", "jobs", "pods")
_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
# A key that is reconciled so often within one moment of the world's time goes round in a circle.
_CIRCLE: Final = 60


# Told the plural and the object that a watch shows.
Shown = Callable[[str, Object], None]


class WatchStream:
    """What the operator's watch of one resource shows: late, twice, or, after a loss, only what a listing shows."""

    def __init__(self, server: ApiServer, resource: Resource, intake: WatchEventHandler, on_shown: Shown) -> None:
        self._server = server
        self._on_shown = on_shown
        self._resource = resource
        self._intake = intake
        self._pending: list[Change] = []
        self.is_held = False
        self.is_doubled = False
        self._lost = False

    def push(self, change: Change) -> None:
        """Take a change that is to be shown."""
        if not self._lost:
            self._pending.append(change)

    def lose(self) -> None:
        """Forget what was not shown, and everything until the next listing."""
        self._pending.clear()
        self._lost = True

    def deliver(self) -> bool:
        """Show what is there to be shown; return whether there was something."""
        if self.is_held:
            return False
        if self._lost:
            self._lost = False
            self.relist()
            return True
        pending, self._pending = self._pending, []
        for change in pending:
            for _ in range(2 if self.is_doubled else 1):
                self._show(change)
        return bool(pending)

    def relist(self) -> None:
        """List, as kopf does after a lost watch, and let go what the listing has not."""
        self._pending.clear()
        there = [obj for obj in self._server.all(self._resource.plural) if self._selects(obj)]
        version = self._server.version
        for obj in there:
            self._intake.on_update(self._resource, copy_of(obj))
        uids = {str(obj["metadata"]["uid"]) for obj in there}
        self._intake.on_missing(self._resource, self._intake.index.missing_from(self._resource, None, uids, version))

    def _selects(self, obj: Object | None) -> bool:
        if obj is None or self._resource.plural not in _SELECTED:
            return obj is not None
        return (obj["metadata"].get("labels") or {}).get(_MANAGED_BY) == "mlrun-operator"

    def _show(self, change: Change) -> None:
        """Show the change; an object that leaves the label selector is told as deleted."""
        self._on_shown(change.plural, change.last)
        if self._selects(change.new):
            self._intake.on_update(self._resource, copy_of(change.new))
        elif self._selects(change.old):
            last = copy_of(change.old)
            last["metadata"]["resourceVersion"] = str(change.version)
            self._intake.on_delete(self._resource, last)


class WorkQueue:
    """What `FairQueue` is to the operator, by the world's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: OrderedDict[Key, None] = OrderedDict()
        self._timers: dict[Key, tuple[float, Alarm]] = {}
        self._failures: dict[Key, int] = {}
        self._often: dict[Key, tuple[datetime, int]] = {}

    def add(self, key: Key, lane: Lane = Lane.OTHER) -> None:
        """Queue the key."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer[1].cancel()
        self._keys[key] = None
        self._keys.move_to_end(key, last=lane is not Lane.NEW)

    def add_soon(self, key: Key) -> None:
        """Queue the key."""
        self.add(key)

    def add_later(self, key: Key, seconds: float) -> None:
        """Queue the key after a while, or at the earlier one of two such times."""
        due = self._clock.now.timestamp() + seconds
        known = self._timers.get(key)
        if known is not None and known[0] <= due:
            return
        if known is not None:
            known[1].cancel()
        self._timers[key] = (due, self._clock.after(seconds, lambda: self.add(key)))

    def take(self) -> Key | None:
        """Return the next key."""
        return self._keys.popitem(last=False)[0] if self._keys else None

    def failed(self, key: Key) -> None:
        """Queue the key again, ever later."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self.add_later(key, min(LAST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(failures - 1, 16)))

    def succeeded(self, key: Key, again: float | None) -> None:
        """Queue the key again when it asks for that."""
        self._failures.pop(key, None)
        if again == 0:
            self.add(key)
        elif again is not None:
            self.add_later(key, again)

    def times_now(self, key: Key) -> int:
        """Return how often the key was taken at this moment."""
        since, count = self._often.get(key, (self._clock.now, 0))
        count = count + 1 if since == self._clock.now else 1
        self._often[key] = (self._clock.now, count)
        return count

    def close(self) -> None:
        """Forget everything."""
        for _, alarm in self._timers.values():
            alarm.cancel()
        self._timers.clear()
        self._keys.clear()


class _Errors(logging.Handler):
    """Keeps what the operator logs as an error: nothing in a history is one."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self._faults.append(f"the operator logs an error: {record.getMessage()[:200]}: {cause!r}")


class Operator:
    """One process of the operator, from its start to its death."""

    def __init__(
        self, server: ApiServer, clock: Clock, platform: Platform, client: SimulatedClient, on_shown: Shown
    ) -> None:
        self._loop = FakeLoop(clock)
        self.client = client
        # What must never happen in the operator itself: exceptions, errors in its log, and circles.
        self.faults: list[str] = []
        self._errors = _Errors(self.faults)
        runs, functions = WorkQueue(clock), WorkQueue(clock)
        self.index = Index(runs.add)
        router = EventRouter(self.index, runs, functions)  # type: ignore[arg-type]
        intake = WatchEventHandler(self.index, router.route)
        self.watches = {plural: WatchStream(server, r, intake, on_shown) for plural, r in WATCHED.items()}
        reconciler = Reconciler(
            client,
            self.index,
            platform,
            wake=runs.add,
            clock=lambda: clock.now,
        )
        reconciler._actor._event_reads = SharedBucket(2.0, 20, clock=self._loop.time)
        functions_reconciler = FunctionReconciler(client, self.index, clock=lambda: clock.now)
        self._lines: tuple[tuple[WorkQueue, Reconcile], ...] = (
            (runs, reconciler.reconcile),
            (functions, functions_reconciler.reconcile),
        )
        with self._running():
            for watch in self.watches.values():
                watch.relist()

    def deliver(self) -> bool:
        """Let the watches show what happened; return whether something was shown."""
        with self._running():
            return sum(watch.deliver() for watch in self.watches.values()) > 0

    def work(self) -> bool:
        """Reconcile one key; return whether there was one. Raises DiedError."""
        for queue, reconcile in self._lines:
            if (key := queue.take()) is not None:
                self._reconcile(queue, key, reconcile)
                return True
        return False

    def look_at_all(self) -> None:
        """Queue every run, as a resync would."""
        for key in self.index._objects[RUNS]:
            self._lines[0][0].add(key)

    def die(self) -> None:
        """Let go of the clock."""
        for queue, _ in self._lines:
            queue.close()

    def _reconcile(self, queue: WorkQueue, key: Key, reconcile: "Reconcile") -> None:
        times = queue.times_now(key)
        if times >= _CIRCLE:
            if times == _CIRCLE:
                self.faults.append(f"{key[1]}: it is reconciled without end: {self.client.requests[-4:]}")
            return queue.add_later(key, 60)
        try:
            with self._running():
                again = _finish(reconcile(key))
        except ApiError as error:
            if not error.namespace_gone:
                queue.failed(key)
        except Exception as error:
            self.faults.append(f"{key[1]}: {type(error).__name__}: {error}")
            queue.failed(key)
        else:
            queue.succeeded(key, again)
        return None

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Be the running event loop, and hear of errors."""
        asyncio._set_running_loop(self._loop)  # type: ignore[arg-type]
        _LOG.addHandler(self._errors)
        try:
            yield
        finally:
            _LOG.removeHandler(self._errors)
            asyncio._set_running_loop(None)


Reconcile = Callable[[Key], Coroutine[Any, Any, float | None]]
_LOG: Final = logging.getLogger("mlrun_operator")


def _finish(coroutine: Coroutine[Any, Any, float | None]) -> float | None:
    """Run a coroutine that never waits to its end; return its result."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: float | None = end.value
        return result
    raise RuntimeError("the reconciler waits for something that the simulator does not play")
