"""The operator's process: the real index, event handler and reconciler, driven without an event loop."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from support.simulator.api_server import ApiServer, Change
from support.simulator.client import SimulatedClient, Trouble
from support.simulator.clock import Alarm, Clock, FakeLoop
from support.simulator.objects import Key, Object, copy_of

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS, Resource
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.rate_limiter import TokenBucket
from mlrun_operator.controller.reconcile import Reconciler

try:
    from mlrun_operator.controller.reconcile_function import FunctionReconciler
except ImportError:
    from mlrun_operator.controller.reconcile import FunctionReconciler
from mlrun_operator.controller.worker import FIRST_DELAY, LAST_DELAY

WATCHED: Final = {resource.plural: resource for resource in (RUNS, FUNCTIONS, CRON_JOBS, JOBS, PODS)}
_SELECTED: Final = ("cronjobs", "jobs", "pods")
_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
# A key that is reconciled so often within one moment of the world's time goes round in a circle.
_CIRCLE: Final = 60


class WatchStream:
    """What the operator's watch of one resource shows: late, twice, or, after a loss, only what a listing shows."""

    def __init__(self, server: ApiServer, resource: Resource, intake: WatchEventHandler) -> None:
        self._server = server
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
            self._intake.seen(self._resource, copy_of(obj))
        uids = {str(obj["metadata"]["uid"]) for obj in there}
        self._intake.all_gone(self._resource, self._intake.index.missing_from(self._resource, None, uids, version))

    def _selects(self, obj: Object | None) -> bool:
        if obj is None or self._resource.plural not in _SELECTED:
            return obj is not None
        return (obj["metadata"].get("labels") or {}).get(_MANAGED_BY) == "mlrun-operator"

    def _show(self, change: Change) -> None:
        """Show the change; an object that leaves the label selector is told as deleted."""
        if self._selects(change.new):
            self._intake.seen(self._resource, copy_of(change.new))
        elif self._selects(change.old):
            last = copy_of(change.old)
            last["metadata"]["resourceVersion"] = str(change.version)
            self._intake.gone(self._resource, last)


class Operator:
    """One process of the operator, from its start to its death."""

    def __init__(self, server: ApiServer, clock: Clock, platform: Platform, trouble: Trouble, client: SimulatedClient):
        self._clock = clock
        self._loop = FakeLoop(clock)
        self._queue: OrderedDict[tuple[str, Key], None] = OrderedDict()
        self._timers: dict[tuple[str, Key], tuple[datetime, Alarm]] = {}
        self._failures: dict[tuple[str, Key], int] = {}
        self._often: dict[tuple[str, Key], tuple[datetime, int]] = {}
        self._trouble = trouble
        self.client = client
        # What must never happen in the operator itself: exceptions and circles.
        self.faults: list[str] = []
        self.index = Index(self._add_run)
        self._intake = WatchEventHandler(self.index, self._heard)
        self.watches = {plural: WatchStream(server, r, self._intake) for plural, r in WATCHED.items()}
        reconciler = Reconciler(
            client,  # type: ignore[arg-type]
            self.index,
            platform,
            wake=self._add_run,
            clock=lambda: clock.now,
        )
        for part, name in ((reconciler, "_events_budget"), (getattr(reconciler, "_actor", None), "_event_reads")):
            if hasattr(part, name):
                setattr(part, name, TokenBucket(2.0, 20, clock=lambda: clock.now.timestamp()))
        functions = FunctionReconciler(client, self.index, clock=lambda: clock.now)  # type: ignore[arg-type]
        self._reconcilers: dict[str, Callable[[Key], Coroutine[Any, Any, float | None]]] = {
            "runs": reconciler.reconcile,
            "functions": functions.reconcile,
        }
        with self._running_loop():
            for watch in self.watches.values():
                watch.relist()

    # What is to be done.

    def _add_run(self, key: Key) -> None:
        self._add("runs", key)

    def _add(self, kind: str, key: Key) -> None:
        if (timer := self._timers.pop((kind, key), None)) is not None:
            timer[1].cancel()
        self._queue[kind, key] = None

    def _add_later(self, kind: str, key: Key, seconds: float) -> None:
        due = self._clock.now.timestamp() + seconds
        known = self._timers.get((kind, key))
        if known is not None and known[0].timestamp() <= due:
            return
        if known is not None:
            known[1].cancel()
        alarm = self._clock.after(seconds, lambda: self._add(kind, key))
        self._timers[kind, key] = (datetime.fromtimestamp(due, tz=self._clock.now.tzinfo), alarm)

    def _heard(self, resource: Resource, obj: Object) -> None:
        for key in tuple(self.index.runs_of(resource, obj)):
            self._add("runs", key)
        if resource is FUNCTIONS:
            self._add("functions", (obj["metadata"]["namespace"], obj["metadata"]["name"]))

    # Doing it.

    def deliver(self) -> bool:
        """Let the watches show what happened; return whether something was shown."""
        with self._running_loop():
            return any([watch.deliver() for watch in self.watches.values()])

    def work(self) -> bool:
        """Reconcile one key; return whether there was one. Raises DiedError."""
        if not self._queue:
            return False
        (kind, key), _ = self._queue.popitem(last=False)
        if self._goes_in_a_circle(kind, key):
            return True
        try:
            with self._running_loop():
                again = _finish(self._reconcilers[kind](key))
        except ApiError as error:
            if not error.namespace_gone:
                self._retry(kind, key)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault
            self.faults.append(f"{kind} {key[1]}: {type(error).__name__}: {error}")
            self._retry(kind, key)
        else:
            self._failures.pop((kind, key), None)
            if again == 0:
                self._add(kind, key)
            elif again is not None:
                self._add_later(kind, key, again)
        return True

    def look_at_all(self) -> None:
        """Queue every run, as a resync would."""
        for obj in self.index._objects[RUNS]:
            self._add("runs", obj)

    def die(self) -> None:
        """Let go of the clock."""
        for _, alarm in self._timers.values():
            alarm.cancel()
        self._timers.clear()
        self._queue.clear()

    def _retry(self, kind: str, key: Key) -> None:
        failures = self._failures[kind, key] = self._failures.get((kind, key), 0) + 1
        self._add_later(kind, key, min(LAST_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 16)))

    def _goes_in_a_circle(self, kind: str, key: Key) -> bool:
        since, count = self._often.get((kind, key), (self._clock.now, 0))
        count = count + 1 if since == self._clock.now else 1
        self._often[kind, key] = (self._clock.now, count)
        if count == _CIRCLE:
            self.faults.append(f"{kind} {key[1]} is reconciled without end: {self.client.requests[-4:]}")
        return count >= _CIRCLE

    @contextmanager
    def _running_loop(self) -> Iterator[None]:
        asyncio._set_running_loop(self._loop)  # type: ignore[arg-type]
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


def _finish(coroutine: Coroutine[Any, Any, float | None]) -> float | None:
    """Run a coroutine that never waits to its end; return its result."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: float | None = end.value
        return result
    raise RuntimeError("the reconciler waits for something that the simulator does not play")


