"""Processor time of each thing that is counted, of one run's life of them, and of a scrape with 10,000 runs."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import generate_latest

from mlrun_operator.api.v1alpha1.status import Execution, Phase, RunStatus
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.controller.election import Leadership
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.metrics.gauges import Gauges, WorkerPool
from mlrun_operator.controller.metrics.meters import Meters
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.reconcile_function import FunctionReconciler
from mlrun_operator.controller.watch_monitor import WatchMonitor
from mlrun_operator.controller.worker import Workers

RUN_COUNT: Final = 10_000
# A happy run, as docs/performance.md counts it, and somewhat more looks than it takes.
REQUESTS, LOOKS, REPORTS = 8, 10, 3
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BEFORE = RunStatus(phase=Phase.RUNNING, reason="Running", execution=Execution(number=1, hash="h"))
AFTER = BEFORE.model_copy(
    update={
        "phase": Phase.SUCCEEDED,
        "reason": "Succeeded",
        "start_time": "2026-11-23T11:59:00Z",
        "completion_time": "2026-11-23T12:00:00Z",
    }
)


def run(number: int) -> dict[str, Any]:
    phase = ("Pending", "Running", "Succeeded", "Failed")[number % 4]
    meta = {"name": f"r-{number}", "namespace": f"n-{number % 50}", "uid": str(number), "resourceVersion": str(number)}
    return {"metadata": meta, "spec": {}, "status": {"phase": phase, "reason": phase}}


def microseconds(work: Callable[[], object], times: int) -> float:
    """The best of five rounds: the rest is what else the machine does."""
    rounds = []
    for _ in range(5):
        started = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - started) / times * 1e6)
    return min(rounds)


def main() -> None:
    meters = Meters(by_namespace=True)
    looked, waited = meters.observe_reconcile("MlrunRun"), meters.observe_queue_wait("MlrunRun")
    request = microseconds(lambda: meters.request("PUT", "mlrunruns", 200, 0.01), 20_000)
    look = microseconds(lambda: (looked(0.01, None), waited(0.01)), 20_000)
    report = microseconds(lambda: meters.on_status_written(run(1), BEFORE, AFTER, NOW), 5_000)
    index = Index()
    for number in range(RUN_COUNT):
        index.put(RUNS, run(number))
    cluster, queue = ApiClient(Connection("", None, None)), FairQueue()  # type: ignore[arg-type]
    workers = Workers("MlrunRun", queue, FunctionReconciler(cluster, index))
    watch_monitor = WatchMonitor((), cluster, WatchEventHandler(index, lambda *_: None))
    Gauges(meters, Leadership(), index, watch_monitor, {"MlrunRun": WorkerPool(queue, workers)})
    scrape = microseconds(lambda: generate_latest(meters.registry), 20) / 1000
    text = generate_latest(meters.registry).decode()
    life = REQUESTS * request + LOOKS * look + REPORTS * report
    print(f"a request counted   {request:8.2f} µs")
    print(f"a look counted      {look:8.2f} µs")
    print(f"a status counted    {report:8.2f} µs")
    print(f"a run's life        {life:8.2f} µs: {REQUESTS} requests, {LOOKS} looks, {REPORTS} statuses")
    size = f"{len(text.splitlines()):,} lines, {len(text) // 1024} KiB"
    print(f"a scrape            {scrape:8.2f} ms: {RUN_COUNT:,} runs in 50 namespaces, {size}")


if __name__ == "__main__":
    main()
