"""Counters and histograms that are updated as things happen."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, annotations_of, status_of
from mlrun_operator.api.reasons import HEALTHY, Reason
from mlrun_operator.api.v1alpha1.status import MAX_ATTEMPTS, Phase, RunStatus
from mlrun_operator.assess.schedule import SCHEDULE
from mlrun_operator.assess.times import parse_time
from mlrun_operator.controller.metrics import catalogue
from mlrun_operator.controller.metrics.catalogue import Metric
from mlrun_operator.controller.observers import just_finished

_REASONS: Final = frozenset(Reason)
# Why an execution may fail: every reason but the healthy ones.
_FAILURES: Final = tuple(reason for reason in Reason if reason not in HEALTHY)
# How many namespaces have their series before the first event: some 35 each, and 100 take a scrape a millisecond.
# Each series of further namespaces begins with its first event.
MAX_PRESET_NAMESPACES: Final = 200
# The verb under which a watch's request is counted.
_WATCH: Final = "WATCH"


class Meters:
    """Counters and histograms, in a registry of their own; a `ReconcileObserver`. Requests may come from any thread."""

    def __init__(self, *, by_namespace: bool = False) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # else every counter is two series
        self.registry = CollectorRegistry()
        self.by_namespace = by_namespace
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = self._counter(catalogue.REQUESTS)
        self._request_duration = self._histogram(catalogue.REQUEST_DURATION)
        self._request_metrics: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._watch_starts = self._counter(catalogue.WATCH_STARTS)
        self._reconcile = self._histogram(catalogue.RECONCILE)
        self._reconcile_errors = self._counter(catalogue.RECONCILE_ERRORS)
        self._queue_wait = self._histogram(catalogue.QUEUE_WAIT)
        self._loop_lag = self._histogram(catalogue.LOOP_LAG)
        self._results = self._counter(catalogue.RESULTS)
        self._start_latency = self._histogram(catalogue.START_LATENCY)
        self._turn_wait = self._histogram(catalogue.TURN_WAIT)
        self._pod_wait = self._histogram(catalogue.POD_WAIT)
        self._run_duration = self._histogram(catalogue.RUN_DURATION)
        self._schedule_lag = self._histogram(catalogue.SCHEDULE_LAG)
        self._schedule_missed = self._counter(catalogue.SCHEDULE_MISSED)
        self._preset_namespaces = set[str]()
        if not by_namespace:
            self.preset("")

    def preset(self, namespace: str) -> None:
        """Create the series of runs before they are needed: Prometheus sees no increase in one that begins with 1.

        With metrics by namespace it is called for each run; after a namespace's first one it is one look-up.
        """
        label = self.namespace_of(namespace)
        if label in self._preset_namespaces or len(self._preset_namespaces) >= MAX_PRESET_NAMESPACES:
            return
        self._preset_namespaces.add(label)
        self._schedule_missed.labels(label)
        for reason in _FAILURES:
            self._results.labels(Phase.FAILED, reason, label)
        for phase, reason in ((Phase.SUCCEEDED, Reason.SUCCEEDED), (Phase.STOPPED, Reason.STOPPED)):
            self._results.labels(phase, reason, label)

    def request(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Count a request to the API server."""
        metrics = self._request_metrics.get((verb, resource, code))
        if metrics is None:
            metrics = (self._requests.labels(verb, resource, str(code)), self._request_duration.labels(verb, resource))
            self._request_metrics[verb, resource, code] = metrics
        metrics[0].inc()
        metrics[1].observe(seconds)
        if verb == _WATCH and code == 200:
            self._watch_starts.labels(resource).inc()

    def observe_reconcile(self, kind: str) -> Callable[[float, str | None], None]:
        """Return the observer of the kind's reconciles: it gets the seconds of each, and the cause where it failed."""
        duration = self._reconcile.labels(kind)
        errors = {cause: self._reconcile_errors.labels(kind, cause) for cause in ("Api", "Bug")}

        def observe(seconds: float, cause: str | None) -> None:
            duration.observe(seconds)
            if cause is not None:
                errors[cause].inc()

        return observe

    def observe_queue_wait(self, kind: str) -> Callable[[float], None]:
        """Return the observer of the seconds that each object of the kind waits for a worker."""
        return self._queue_wait.labels(kind).observe

    def observe_lag(self, seconds: float) -> None:
        """Observe how late the event loop was."""
        self._loop_lag.observe(seconds)

    def on_created(self, run: Object, child: Object, created_at: datetime) -> None:
        """Observe how long it took to create a child since it was asked for."""
        status = status_of(run)
        if child["kind"] == "Job":
            if not status.get("phase"):
                _observe(self._start_latency, run["metadata"].get("creationTimestamp"), created_at)
            elif status.get("reason") == Reason.QUEUED:
                _observe(self._turn_wait, status.get("queuedTime"), created_at)
        elif child["kind"] == constants.RUN_KIND:
            annotations = annotations_of(child)
            if annotations.get(constants.ANNOTATION_TRIGGER) == SCHEDULE:
                _observe(self._schedule_lag, annotations.get(constants.ANNOTATION_SCHEDULED_TIME), created_at)

    def on_status_written(self, run: Object, previous: RunStatus, status: RunStatus, written_at: datetime) -> None:
        """Count what the status is the first to record."""
        self.preset(run["metadata"]["namespace"])
        namespace = self.namespace_of(run["metadata"]["namespace"])
        if status.schedule is not None:
            missed = status.schedule.missed - (previous.schedule.missed if previous.schedule else 0)
            self._schedule_missed.labels(namespace).inc(max(missed, 0))
            return
        is_same = previous.execution is not None and previous.execution == status.execution
        if (first_start := _first_container_start(status)) and not (is_same and _first_container_start(previous)):
            _observe(self._pod_wait, status.start_time, parse_time(first_start))
        if just_finished(previous, status):
            self._results.labels(status.phase, reason_label(status.reason), namespace).inc()
            end = parse_time(status.completion_time) or written_at
            _observe(self._run_duration.labels(status.phase), status.start_time, end)

    def namespace_of(self, namespace: str) -> str:
        """Return the label for a run's namespace; to Prometheus an empty one is none."""
        return namespace if self.by_namespace else ""

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(metric.name, metric.meaning, metric.labels, registry=self.registry, buckets=metric.buckets)


def reason_label(reason: str | None) -> str:
    """Return the reason if it is one of ours, else Other: the label has a closed list of values."""
    return reason if reason in _REASONS else "Other"


def _observe(histogram: Histogram, since: str | None, until: datetime | None) -> None:
    start = parse_time(since)
    if start is not None and until is not None:
        histogram.observe(max(0.0, (until - start).total_seconds()))


def _first_container_start(status: RunStatus) -> str | None:
    """Return when the first container of the execution started, if its attempt is still listed."""
    if not status.attempts or (status.attempt_count or 0) > MAX_ATTEMPTS:
        return None
    return min((attempt.start_time for attempt in status.attempts if attempt.start_time), default=None)
