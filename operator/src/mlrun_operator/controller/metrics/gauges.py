"""What is looked up when Prometheus asks: sizes and ages that are known anyway."""

import platform
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mlrun_operator import __version__
from mlrun_operator.cluster.index import Index
from mlrun_operator.controller.election import Leadership
from mlrun_operator.controller.metrics import catalogue
from mlrun_operator.controller.metrics.catalogue import Metric
from mlrun_operator.controller.metrics.meters import Meters, known
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.watch_monitor import WatchMonitor
from mlrun_operator.controller.worker import Workers


@dataclass(frozen=True, slots=True)
class Line:
    """The queue of a kind and those who work on it."""

    queue: FairQueue
    workers: Workers


class Gauges(Collector):
    """A collector over the parts of the process; asked on the event loop's thread."""

    def __init__(
        self,
        meters: Meters,
        leadership: Leadership,
        index: Index,
        watch_monitor: WatchMonitor,
        lines: Mapping[str, Line],
    ) -> None:
        self._meters = meters
        self._leadership = leadership
        self._index = index
        self._vigil = watch_monitor
        self._lines = lines
        self._began = time.time()
        meters.registry.register(self)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: what is collected says it."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges as they are now."""
        yield _family(catalogue.BUILD, {(__version__, platform.python_version(), version("kopf")): 1})
        yield _family(catalogue.LEADER, {(): self._leadership.may_write()})
        yield from self._queues()
        yield _family(catalogue.WATCH_HEARD, self._heard())
        yield _family(catalogue.INDEX, {(plural,): count for plural, count in self._index.sizes().items()})
        yield _family(catalogue.RUNS, self._runs())

    def _queues(self) -> Iterator[GaugeMetricFamily]:
        lines = {(kind,): line for kind, line in self._lines.items()}
        yield _family(catalogue.FAILING, {kind: line.workers.failing for kind, line in lines.items()})
        yield _family(catalogue.QUEUE_DEPTH, {kind: len(line.queue) for kind, line in lines.items()})
        yield _family(catalogue.QUEUE_OLDEST, {kind: line.queue.oldest_age() for kind, line in lines.items()})
        yield _family(catalogue.QUEUE_ACTIVE, {kind: line.queue.active for kind, line in lines.items()})
        yield _family(catalogue.QUEUE_LATER, {kind: line.queue.delayed for kind, line in lines.items()})

    def _heard(self) -> dict[tuple[str, ...], float]:
        now, found = time.time(), dict[tuple[str, ...], float]()
        for path, silence in self._vigil.silence().items():
            resource = (path.rpartition("/")[2],)
            heard = self._began if silence is None else now - silence
            found[resource] = min(heard, found.get(resource, heard))
        return found

    def _runs(self) -> Mapping[tuple[str, ...], float]:
        """By namespace where those are told; a new one's counters begin, and the next scrape shows them at zero."""
        found = Counter[tuple[str, ...]]()
        for (namespace, phase, reason), count in self._index.run_counts.items():
            self._meters.begin(namespace)
            found[phase or "Pending", known(reason), self._meters.namespace_of(namespace)] += count
        return found


def _family(metric: Metric, samples: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in samples.items():
        family.add_metric(labels, float(value))
    return family
