"""Every metric of the operator: name, meaning, labels. The reference page is generated from this."""

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "mlrun_operator_"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, by its name without the prefix; durations are in seconds."""

    short: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """Its name in a scrape."""
        return PREFIX + self.short


_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# For requests and reconciles.
_SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# For durations between timestamps of whole seconds.
_WHOLE: Final = (1, 2, 3, 5, 10, 20, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR)
_WAITS: Final = (*_WHOLE, 4 * _HOUR, 12 * _HOUR, _DAY, 3 * _DAY)
_RUNS: Final = (
    *(1, 5, 15, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY),
)

BUILD: Final = Metric(
    "build_info",
    "gauge",
    "1, labelled with the versions that the operator runs.",
    ("version", "python", "kopf"),
)
LEADER: Final = Metric("leader", "gauge", "1 while this process may write, 0 while it is a standby.")
LOOP_LAG: Final = Metric(
    "event_loop_lag_seconds",
    "histogram",
    "How late the event loop wakes a sleeping task, measured every second.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
)

RECONCILE: Final = Metric(
    "reconcile_duration_seconds", "histogram", "Duration of one reconcile of one object.", ("kind",), _SHORT
)
RECONCILE_ERRORS: Final = Metric(
    "reconcile_errors_total",
    "counter",
    "Reconciles that failed and are retried. `cause` is Api for an error of the API server, Bug for anything else.",
    ("kind", "cause"),
)
FAILING: Final = Metric(
    "reconcile_failing_objects", "gauge", "Objects whose last reconcile failed and that wait for a retry.", ("kind",)
)
QUEUE_DEPTH: Final = Metric("queue_depth", "gauge", "Objects that wait for a worker.", ("kind",))
QUEUE_OLDEST: Final = Metric(
    "queue_oldest_age_seconds",
    "gauge",
    "Age of the longest wait for a worker; 0 if no object waits.",
    ("kind",),
)
QUEUE_ACTIVE: Final = Metric("queue_active", "gauge", "Objects that a worker is reconciling.", ("kind",))
QUEUE_LATER: Final = Metric(
    "queue_delayed", "gauge", "Objects that are queued later: at a set time, or for a retry.", ("kind",)
)
QUEUE_WAIT: Final = Metric(
    "queue_wait_seconds", "histogram", "Time from an object's queueing to a worker's taking it.", ("kind",), _SHORT
)

REQUESTS: Final = Metric(
    "api_requests_total",
    "counter",
    "Requests to the API server. `code` is the HTTP status, 0 without an answer; LIST and WATCH belong to the watches.",
    ("verb", "resource", "code"),
)
REQUEST_DURATION: Final = Metric(
    "api_request_duration_seconds",
    "histogram",
    "Time from a request to its complete answer; for a WATCH to its start.",
    ("verb", "resource"),
    _SHORT,
)
WATCH_STARTS: Final = Metric(
    "watch_starts_total",
    "counter",
    "Watches that were started; each is renewed after 10 minutes.",
    ("resource",),
)
WATCH_HEARD: Final = Metric(
    "watch_last_heard_timestamp_seconds",
    "gauge",
    "When the watch last received an event, a bookmark or a page of its listing. A bookmark comes about every minute.",
    ("resource", "run_namespace"),
)
WATCH_REFUSED: Final = Metric(
    "watch_refused",
    "gauge",
    "1 while the API server refuses the resource (403 or 404): the namespace, the CRD or the right is gone.",
    ("resource", "run_namespace"),
)
INDEX: Final = Metric("index_objects", "gauge", "Objects in the operator's index.", ("resource",))

RUNS: Final = Metric(
    "runs", "gauge", "Runs that exist, by phase and reason, schedules included.", ("phase", "reason", "run_namespace")
)
RESULTS: Final = Metric(
    "run_results_total",
    "counter",
    "Executions that ended, by phase and [reason](reasons.md).",
    ("phase", "reason", "run_namespace"),
)
START_LATENCY: Final = Metric(
    "run_start_latency_seconds",
    "histogram",
    "Time from a run's creation to its Job's, of runs that did not have to wait. Creation times are whole seconds, so "
    "the value is up to one second too high.",
    buckets=_WHOLE,
)
TURN_WAIT: Final = Metric(
    "run_queue_seconds",
    "histogram",
    "How long a run waited for a concurrency limit.",
    buckets=_WAITS,
)
POD_WAIT: Final = Metric(
    "run_pod_wait_seconds",
    "histogram",
    "Time from an execution's Job to its first running container: scheduling, volumes, image.",
    buckets=_WAITS,
)
RUN_DURATION: Final = Metric(
    "run_duration_seconds",
    "histogram",
    "Time from an execution's start to its end, of executions that had a Job.",
    ("phase",),
    _RUNS,
)
SCHEDULE_LAG: Final = Metric(
    "schedule_lag_seconds", "histogram", "Time from a slot of a schedule to the run created for it.", buckets=_WHOLE
)
SCHEDULE_MISSED: Final = Metric(
    "schedule_missed_slots_total", "counter", "Slots of schedules that were missed.", ("run_namespace",)
)

CATALOGUE: Final = (
    *(BUILD, LEADER, LOOP_LAG),
    *(RECONCILE, RECONCILE_ERRORS, FAILING),
    *(QUEUE_DEPTH, QUEUE_OLDEST, QUEUE_ACTIVE, QUEUE_LATER, QUEUE_WAIT),
    *(REQUESTS, REQUEST_DURATION, WATCH_STARTS, WATCH_HEARD, WATCH_REFUSED, INDEX),
    *(RUNS, RESULTS, START_LATENCY, TURN_WAIT, POD_WAIT, RUN_DURATION),
    *(SCHEDULE_LAG, SCHEDULE_MISSED),
)
