"""What is counted as it happens."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from mlrun_operator.api import constants
from mlrun_operator.api.reasons import HEALTHY, Reason
from mlrun_operator.api.v1alpha1.status import MAX_ATTEMPTS, Phase, RunStatus
from mlrun_operator.assess.schedule import SCHEDULE
from mlrun_operator.assess.times import parse_time
from mlrun_operator.controller.metrics import catalogue
from mlrun_operator.controller.metrics.catalogue import Metric
from mlrun_operator.controller.observers import just_finished

Object = dict[str, Any]
_REASONS: Final = frozenset(Reason)
# Why an execution may fail: every reason but those of a life without trouble.
_TROUBLES: Final = tuple(reason for reason in Reason if reason not in HEALTHY)
# How many namespaces have their series from the start: some 35 each, a scrape tells 100 in a millisecond. Those beyond
# have each from its first event on.
MAX_PRESET_NAMESPACES: Final = 200
# The verb that a watch's request is told by.
_WATCH: Final = "WATCH"


class Meters:
    """Counters and histograms, in a registry of their own. A `ReconcileObserver`; told of requests from any thread."""

    def __init__(self, *, by_namespace: bool = False) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # else every counter is two series
        self.registry = CollectorRegistry()
        self.by_namespace = by_namespace
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = self._counter(catalogue.REQUESTS)
        self._request_duration = self._histogram(catalogue.REQUEST_DURATION)
        self._of_request: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
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
        self._begun = set[str]()
        if not by_namespace:
            self.preset("")

    def preset(self, namespace: str) -> None:
        """Have the series of runs before they are needed: of one that appears with 1, Prometheus sees no increase.

        Where namespaces are told it is called as each one's first run is seen; for all after that it is one look-up.
        """
        label = self.namespace_of(namespace)
        if label in self._begun or len(self._begun) >= MAX_PRESET_NAMESPACES:
            return
        self._begun.add(label)
        self._schedule_missed.labels(label)
        for reason in _TROUBLES:
            self._results.labels(Phase.FAILED, reason, label)
        for phase, reason in ((Phase.SUCCEEDED, Reason.SUCCEEDED), (Phase.STOPPED, Reason.STOPPED)):
            self._results.labels(phase, reason, label)

    def request(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """A request to the API server came to its end."""
        found = self._of_request.get((verb, resource, code))
        if found is None:
            found = (self._requests.labels(verb, resource, str(code)), self._request_duration.labels(verb, resource))
            self._of_request[verb, resource, code] = found
        found[0].inc()
        found[1].observe(seconds)
        if verb == _WATCH and code == 200:
            self._watch_starts.labels(resource).inc()

    def observe_reconcile(self, kind: str) -> Callable[[float, str | None], None]:
        """What is told of each look at an object of the kind: its seconds, and the cause where it failed."""
        duration = self._reconcile.labels(kind)
        errors = {cause: self._reconcile_errors.labels(kind, cause) for cause in ("Api", "Bug")}

        def told(seconds: float, cause: str | None) -> None:
            duration.observe(seconds)
            if cause is not None:
                errors[cause].inc()

        return told

    def observe_queue_wait(self, kind: str) -> Callable[[float], None]:
        """What is told how long each object of the kind has waited for a worker."""
        return self._queue_wait.labels(kind).observe

    def observe_lag(self, seconds: float) -> None:
        """The event loop was so late."""
        self._loop_lag.observe(seconds)

    def on_created(self, run: Object, child: Object, at: datetime) -> None:
        """A child was made: how long that took since it was asked for."""
        status = run.get("status") or {}
        if child["kind"] == "Job":
            if not status.get("phase"):
                _observe(self._start_latency, run["metadata"].get("creationTimestamp"), at)
            elif status.get("reason") == Reason.QUEUED:
                _observe(self._turn_wait, status.get("queuedTime"), at)
        elif child["kind"] == constants.RUN_KIND:
            notes = child["metadata"].get("annotations") or {}
            if notes.get(constants.ANNOTATION_TRIGGER) == SCHEDULE:
                _observe(self._schedule_lag, notes.get(constants.ANNOTATION_SCHEDULED_TIME), at)

    def on_status_written(self, run: Object, before: RunStatus, after: RunStatus, at: datetime) -> None:
        """A status was written: what it is the first to tell."""
        self.preset(run["metadata"]["namespace"])
        namespace = self.namespace_of(run["metadata"]["namespace"])
        if after.schedule is not None:
            missed = after.schedule.missed - (before.schedule.missed if before.schedule else 0)
            if missed > 0:
                self._schedule_missed.labels(namespace).inc(missed)
            return
        same = before.execution is not None and before.execution == after.execution
        if (began := _began(after)) and not (same and _began(before)):
            _observe(self._pod_wait, after.start_time, parse_time(began))
        if just_finished(before, after):
            self._results.labels(after.phase, reason_label(after.reason), namespace).inc()
            _observe(self._run_duration.labels(after.phase), after.start_time, parse_time(after.completion_time) or at)

    def namespace_of(self, namespace: str) -> str:
        """The label for a run's namespace; an empty one is none to Prometheus."""
        return namespace if self.by_namespace else ""

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(metric.name, metric.meaning, metric.labels, registry=self.registry, buckets=metric.buckets)


def reason_label(reason: str | None) -> str:
    """The reason, if it is one of ours: the list is closed, and so are the values of the label."""
    return reason if reason in _REASONS else "Other"


def _observe(histogram: Histogram, since: str | None, until: datetime | None) -> None:
    begun = parse_time(since)
    if begun is not None and until is not None:
        histogram.observe(max(0.0, (until - begun).total_seconds()))


def _began(status: RunStatus) -> str | None:
    """When the first container of the execution started, if its attempt is still listed."""
    if not status.attempts or (status.attempt_count or 0) > MAX_ATTEMPTS:
        return None
    return min((attempt.start_time for attempt in status.attempts if attempt.start_time), default=None)
