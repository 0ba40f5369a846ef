"""The parts of the running operator, put together: index, queues, workers, watches, probes, metrics."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection, connect
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.metrics_middleware import MetricsMiddleware
from mlrun_operator.cluster.resources import FUNCTIONS, RUNS
from mlrun_operator.cluster.watch_middleware import WatchMiddleware
from mlrun_operator.controller.background import BackgroundTasks
from mlrun_operator.controller.election import Election, Leadership
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.event_router import EventRouter
from mlrun_operator.controller.health import Health
from mlrun_operator.controller.memory import trim_heap_loop
from mlrun_operator.controller.metrics.endpoint import serve_metrics
from mlrun_operator.controller.metrics.gauges import Gauges, WorkerPool
from mlrun_operator.controller.metrics.meters import Meters
from mlrun_operator.controller.observers import ReconcileObserver
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.reconcile import Reconciler
from mlrun_operator.controller.reconcile_function import FunctionReconciler
from mlrun_operator.controller.settings import Settings
from mlrun_operator.controller.tracing import Tracing
from mlrun_operator.controller.watch import build_registry, build_settings, watch
from mlrun_operator.controller.watch_monitor import WatchMonitor
from mlrun_operator.controller.worker import Reconciles, Workers
from mlrun_operator.version import __version__

log = logging.getLogger("mlrun_operator")
_FUNCTION_WORKERS: Final = 2


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What observes the operator's work."""

    meters: Meters
    tracing: Tracing | None

    @property
    def observers(self) -> tuple[ReconcileObserver, ...]:
        """What is told of each run's changes."""
        return (self.meters, self.tracing) if self.tracing is not None else (self.meters,)


@dataclass(frozen=True, slots=True)
class Replica:
    """This process among the operator's replicas: whether it leads, and the election that decides it."""

    leadership: Leadership
    election: Election | None


class Manager:
    """The running operator. A standby is one, too: its index is warm, and its workers wait to lead."""

    def __init__(
        self,
        settings: Settings,
        cluster: ApiClient,
        telemetry: Telemetry,
        replica: Replica,
        stopping: asyncio.Event,
    ) -> None:
        meters = telemetry.meters
        self._settings = settings
        self._meters = meters
        self._election = replica.election
        self._stopping = stopping
        runs, functions = (FairQueue(meters.observe_queue_wait(resource.kind)) for resource in (RUNS, FUNCTIONS))
        index = Index(runs.add)
        self._event_handler = WatchEventHandler(index, EventRouter(index, runs, functions).route)
        self._watch_monitor = WatchMonitor(
            settings.namespaces, cluster, self._event_handler, silence_seconds=settings.watch_silence_seconds
        )
        reconciler = Reconciler(cluster, index, settings.platform, wake=runs.add, observers=telemetry.observers)
        self._run_pool = _pool(RUNS.kind, runs, reconciler, meters)
        self._function_pool = _pool(FUNCTIONS.kind, functions, FunctionReconciler(cluster, index), meters)
        pools = {RUNS.kind: self._run_pool, FUNCTIONS.kind: self._function_pool}
        Gauges(meters, replica.leadership, index, self._watch_monitor, pools)
        self._tasks = BackgroundTasks(stopping)
        self._health = Health(self._watch_monitor, runs, self._tasks, meters.observe_lag)

    async def run(self) -> None:
        """Watch and work until stopped. Raises TaskExitedError where a part exits by itself."""
        connection = await connect(WatchMiddleware(self._watch_monitor), MetricsMiddleware(self._meters.request))
        try:
            await self._watch(connection)
        finally:
            await self._tasks.stop()
            await connection.close()
        self._tasks.check()

    async def _watch(self, connection: Connection) -> None:
        namespaces = self._settings.namespaces
        log.info("mlrun-operator %s watches %s", __version__, ", ".join(namespaces) or "all namespaces")
        registry = build_registry(connection, self._event_handler, self._on_startup, self._on_cleanup)
        await watch(registry, build_settings(), namespaces, self._stopping)

    async def _on_startup(self) -> None:
        """Start all tasks, and the watches once the first listings are complete."""
        self._tasks.add(self._loops())
        self._tasks.start()
        await self._watch_monitor.synced.wait()

    async def _on_cleanup(self) -> None:
        await self._tasks.stop()
        self._stopping.set()  # kopf waits for it, too, where a signal has ended it

    def _loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        settings = self._settings
        return {
            "workers": self._work(),
            "event loop lag": self._health.measure_lag(),
            "memory": trim_heap_loop(),
            "probes": self._health.serve(settings.listen),
            "metrics": serve_metrics(settings.metrics_listen, self._meters.registry),
            **self._watch_monitor.resync_loops(settings.resync_seconds),
        }

    async def _work(self) -> None:
        """Run the workers once the index is complete and this process leads.

        A standby's watches may have been silent while another process led: all is listed anew before it decides.
        """
        await self._watch_monitor.synced.wait()
        if self._election is not None and not self._election.won.is_set():
            await self._election.won.wait()
            await self._watch_monitor.list_all()
        run_workers, function_workers = self._run_pool.workers, self._function_pool.workers
        await asyncio.gather(run_workers.run(self._settings.workers), function_workers.run(_FUNCTION_WORKERS))


def _pool(kind: str, queue: FairQueue, reconciler: Reconciles, meters: Meters) -> WorkerPool:
    return WorkerPool(queue, Workers(kind, queue, reconciler, meters.observe_reconcile(kind)))
