"""`python -m mlrun_operator.controller`: the operator."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from mlrun_operator import __version__
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import connect
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.metrics_middleware import MetricsMiddleware
from mlrun_operator.cluster.resources import FUNCTIONS, RUNS, Resource
from mlrun_operator.cluster.watch_middleware import WatchMiddleware
from mlrun_operator.controller.background import BackgroundTasks, TaskExitedError
from mlrun_operator.controller.election import Election, Leadership
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.health import Health
from mlrun_operator.controller.log_format import start_logging
from mlrun_operator.controller.memory import freeze_gc, trim_heap_loop
from mlrun_operator.controller.metrics.endpoint import serve_metrics
from mlrun_operator.controller.metrics.gauges import Gauges, WorkerPool
from mlrun_operator.controller.metrics.meters import Meters
from mlrun_operator.controller.observers import ReconcileObserver
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.reconcile import FunctionReconciler, Reconciler
from mlrun_operator.controller.settings import Settings
from mlrun_operator.controller.tracing import Tracing, TracingError, start_tracing
from mlrun_operator.controller.tracing import wanted as tracing_wanted
from mlrun_operator.controller.watch import build_registry, build_settings, watch
from mlrun_operator.controller.watch_monitor import WatchMonitor
from mlrun_operator.controller.worker import Workers

log = logging.getLogger("mlrun_operator")


class StartError(Exception):
    """The operator cannot start; the message says what to do."""


async def operate(settings: Settings) -> None:
    """Run the operator until it is told to stop. Raises TaskExitedError where a part of it ended by itself."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):  # until kopf minds them
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    leadership = Leadership()
    tracing = start_tracing() if tracing_wanted() else None
    try:
        connection = await connect()
    except ConfigException as error:
        raise StartError(
            f"no cluster to work for: this is no pod with a service account, and of the kubeconfig: {error}; "
            "set KUBECONFIG, or install the chart"
        ) from None
    meters = Meters(by_namespace=settings.metrics_by_namespace)
    cluster = ApiClient(connection, meters.request, leadership.may_write)
    try:
        await _check(cluster)
        election = _election(settings, leadership, meters)
        await _run(settings, cluster, Surroundings(leadership, election, meters, tracing), stop)
        if election is not None:
            await election.resign()
    finally:
        await connection.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Whether this process leads, the election that decides it, and what is told of its work."""

    leadership: Leadership
    election: Election | None
    meters: Meters
    tracing: Tracing | None

    @property
    def observers(self) -> tuple[ReconcileObserver, ...]:
        """Those who are told of every run."""
        return (self.meters, self.tracing) if self.tracing is not None else (self.meters,)


async def _run(settings: Settings, cluster: ApiClient, around: Surroundings, stop: asyncio.Event) -> None:
    """Let kopf watch, and everything beside it go on as long as kopf does."""
    meters = around.meters
    queue, functions = (
        FairQueue(meters.observe_queue_wait(RUNS.kind)),
        FairQueue(meters.observe_queue_wait(FUNCTIONS.kind)),
    )
    index = Index(queue.add)

    def heard(resource: Resource, obj: dict[str, Any]) -> None:
        new = resource is RUNS and not (obj.get("status") or {}).get("phase")
        for key in tuple(index.runs_of(resource, obj)):
            if new:
                queue.add(key, urgent=True)  # its Job comes before what is to be told of others
            else:
                queue.add_soon(key)
        if resource is FUNCTIONS:
            functions.add((obj["metadata"]["namespace"], obj["metadata"]["name"]))

    event_handler = WatchEventHandler(index, heard)
    watch_monitor = WatchMonitor(settings.namespaces, cluster, event_handler)
    health = Health(watch_monitor, queue, settings.watch_silence_seconds, meters.observe_lag)
    reconciler = Reconciler(cluster, index, settings.platform, wake=queue.add, observers=around.observers)
    lines = {
        RUNS.kind: WorkerPool(queue, Workers(RUNS.kind, queue, reconciler, meters.observe_reconcile(RUNS.kind))),
        FUNCTIONS.kind: WorkerPool(
            functions,
            Workers(
                FUNCTIONS.kind, functions, FunctionReconciler(cluster, index), meters.observe_reconcile(FUNCTIONS.kind)
            ),
        ),
    }
    Gauges(meters, around.leadership, index, watch_monitor, lines)
    work = (lines[RUNS.kind].workers.run(settings.workers), lines[FUNCTIONS.kind].workers.run(2))
    tasks = BackgroundTasks(
        {
            "the workers": _leading(around.election, watch_monitor, *work),
            "the sweeper": watch_monitor.resync_loop(settings.sweep_seconds),
            "the clock": health.measure_lag(),
            "the memory": trim_heap_loop(),
            "the probes": health.serve(settings.listen),
            "the metrics": serve_metrics(settings.metrics_listen, meters.registry),
        },
        stop,
    )

    async def begin() -> None:
        tasks.start()
        await watch_monitor.read_all()

    async def end() -> None:
        await tasks.stop()
        stop.set()  # kopf waits for it too, where a signal has ended it

    connection = await connect(WatchMiddleware(watch_monitor), MetricsMiddleware(meters.request))
    try:
        log.info("mlrun-operator %s watches %s", __version__, ", ".join(settings.namespaces) or "all namespaces")
        registry = build_registry(connection, event_handler, begin, end)
        await watch(registry, build_settings(), settings.namespaces, stop)
    finally:
        await tasks.stop()
        await connection.close()
    tasks.check()


def _election(settings: Settings, leadership: Leadership, meters: Meters) -> Election | None:
    """The election this process takes part in, started; None where it leads alone."""
    if not settings.lease_namespace:
        return None
    identity = f"{socket.gethostname()}-{uuid4().hex[:8]}"
    election = Election(leadership, settings.lease_namespace, identity, meters.request)
    election.start()
    return election


async def _leading(election: Election | None, watch_monitor: WatchMonitor, *work: Coroutine[Any, Any, None]) -> None:
    """Do the work once everything is known and this process leads; until then the index only gets warm.

    A standby's watches may have been silent while another process led: it reads anew what it is to decide on.
    """
    try:
        await watch_monitor.synced.wait()
        if election is not None and not election.won.is_set():
            await election.won.wait()
            await watch_monitor.read_all()
        await asyncio.gather(*work)
    finally:
        for each in work:
            each.close()


async def _check(cluster: ApiClient) -> None:
    try:
        missing = [r for r in (FUNCTIONS, RUNS) if not await cluster.serves(r)]
    except ApiError as error:
        raise StartError(f"the API server cannot be asked for our resources: {error}") from None
    if missing:
        names = ", ".join(f"{r.plural} ({r.api_version})" for r in missing)
        raise StartError(
            f"the cluster does not serve {names}; install the chart mlrun-operator-crds, or kustomize/crds, first"
        )


def main() -> int:
    """Run the operator; 1 with one clear line where it cannot start or go on."""
    try:
        settings = Settings()
    except ValidationError as error:
        lines = (f"MLRUN_OPERATOR_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        print("\n".join(lines), file=sys.stderr)
        return 1
    start_logging(settings.log_level, settings.log_format)
    freeze_gc()
    try:
        asyncio.run(_operate_or_exit(settings))
    except (StartError, TracingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _operate_or_exit(settings: Settings) -> None:
    """Run the operator. Where a part of it ended, the process ends here: what is left of it may not let go."""
    try:
        await operate(settings)
    except TaskExitedError as error:
        log.error("%s; this process ends, for a new one to go on", error, exc_info=error.__cause__)  # noqa: TRY400
        logging.shutdown()
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
