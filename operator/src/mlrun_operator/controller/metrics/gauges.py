"""Gauges that are read at a scrape: sizes and ages that the parts of the process know anyway."""

import platform
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mlrun_operator.cluster.index import Index
from mlrun_operator.controller.election import Leadership
from mlrun_operator.controller.metrics import catalogue
from mlrun_operator.controller.metrics.catalogue import Metric
from mlrun_operator.controller.metrics.meters import Meters, reason_label
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.watch_monitor import WatchMonitor
from mlrun_operator.controller.worker import Workers
from mlrun_operator.version import __version__


@dataclass(frozen=True, slots=True)
class WorkerPool:
    """The queue of a kind and its workers."""

    queue: FairQueue
    workers: Workers


class Gauges(Collector):
    """A collector over the parts of the process; called on the event loop's thread."""

    def __init__(
        self,
        meters: Meters,
        leadership: Leadership,
        index: Index,
        watch_monitor: WatchMonitor,
        pools: Mapping[str, WorkerPool],
    ) -> None:
        self._meters = meters
        self._leadership = leadership
        self._index = index
        self._watch_monitor = watch_monitor
        self._pools = pools
        meters.registry.register(self)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return nothing: the names are known at the first scrape."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges as they are now."""
        yield _family(catalogue.BUILD, {(__version__, platform.python_version(), version("kopf")): 1})
        yield _family(catalogue.LEADER, {(): self._leadership.may_write()})
        yield from self._queues()
        yield from self._watches()
        yield _family(catalogue.INDEX, {(plural,): count for plural, count in self._index.sizes().items()})
        yield _family(catalogue.RUNS, self._runs())

    def _queues(self) -> Iterator[GaugeMetricFamily]:
        pools = {(kind,): pool for kind, pool in self._pools.items()}
        yield _family(catalogue.FAILING, {kind: pool.workers.failing for kind, pool in pools.items()})
        yield _family(catalogue.QUEUE_DEPTH, {kind: len(pool.queue) for kind, pool in pools.items()})
        yield _family(catalogue.QUEUE_OLDEST, {kind: pool.queue.oldest_age() for kind, pool in pools.items()})
        yield _family(catalogue.QUEUE_ACTIVE, {kind: pool.queue.active for kind, pool in pools.items()})
        yield _family(catalogue.QUEUE_LATER, {kind: pool.queue.delayed for kind, pool in pools.items()})

    def _watches(self) -> Iterator[GaugeMetricFamily]:
        watches = {(w.resource.plural, w.namespace or ""): w for w in self._watch_monitor.watches}
        time_now = time.time()
        yield _family(catalogue.WATCH_HEARD, {labels: time_now - watch.idle() for labels, watch in watches.items()})
        yield _family(catalogue.WATCH_REFUSED, {labels: watch.refusal is not None for labels, watch in watches.items()})

    def _runs(self) -> Mapping[tuple[str, ...], float]:
        """Count the runs, by namespace where that is set; a new namespace's counters begin at zero with it."""
        counts = Counter[tuple[str, ...]]()
        for (namespace, phase, reason), count in self._index.run_counts.items():
            self._meters.preset(namespace)
            counts[phase or "Pending", reason_label(reason), self._meters.namespace_of(namespace)] += count
        return counts


def _family(metric: Metric, samples: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in samples.items():
        family.add_metric(labels, float(value))
    return family
