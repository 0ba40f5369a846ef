"""Every metric of the operator: its name, what it means, and its labels. The reference page is made from this."""

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "mlrun_operator_"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, by its name without the prefix; durations are in seconds."""

    short: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """As it is scraped."""
        return PREFIX + self.short


_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Of requests and reconciles.
_SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# Of what is told by timestamps of whole seconds.
_WHOLE: Final = (1, 2, 3, 5, 10, 20, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR)
_WAITS: Final = (*_WHOLE, 4 * _HOUR, 12 * _HOUR, _DAY, 3 * _DAY)
_RUNS: Final = (
    *(1, 5, 15, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY),
)

BUILD: Final = Metric(
    "build_info", "gauge", "1, labelled with what the operator was built of.", ("version", "python", "kopf")
)
LEADER: Final = Metric("leader", "gauge", "1 while this process may write, 0 while it stands by.")
LOOP_LAG: Final = Metric(
    "event_loop_lag_seconds",
    "histogram",
    "How late the event loop wakes a sleeper, measured each second.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
)

RECONCILE: Final = Metric(
    "reconcile_duration_seconds", "histogram", "How long one look at one object took.", ("kind",), _SHORT
)
RECONCILE_ERRORS: Final = Metric(
    "reconcile_errors_total",
    "counter",
    "Looks that failed and are tried again: `cause` is Api for an answer of the API server, Bug for anything else.",
    ("kind", "cause"),
)
FAILING: Final = Metric(
    "reconcile_failing_objects", "gauge", "Objects whose last look failed, now waiting for another try.", ("kind",)
)
QUEUE_DEPTH: Final = Metric("queue_depth", "gauge", "Objects that wait for a worker.", ("kind",))
QUEUE_OLDEST: Final = Metric(
    "queue_oldest_age_seconds", "gauge", "How long the longest waiting one has waited; 0 where none waits.", ("kind",)
)
QUEUE_ACTIVE: Final = Metric("queue_active", "gauge", "Objects that a worker is looking at.", ("kind",))
QUEUE_LATER: Final = Metric(
    "queue_delayed", "gauge", "Objects that are to be looked at again later, at a time or after an error.", ("kind",)
)
QUEUE_WAIT: Final = Metric("queue_wait_seconds", "histogram", "From queued to taken by a worker.", ("kind",), _SHORT)

REQUESTS: Final = Metric(
    "api_requests_total",
    "counter",
    "Requests to the API server; `code` is HTTP's, 0 where no answer came. WATCH and LIST are those of the watches.",
    ("verb", "resource", "code"),
)
REQUEST_DURATION: Final = Metric(
    "api_request_duration_seconds",
    "histogram",
    "From a request to its whole answer; of a WATCH to its beginning.",
    ("verb", "resource"),
    _SHORT,
)
WATCH_STARTS: Final = Metric(
    "watch_starts_total", "counter", "Watches that began; each ends after 10 minutes and begins anew.", ("resource",)
)
WATCH_HEARD: Final = Metric(
    "watch_last_heard_timestamp_seconds",
    "gauge",
    "When the most silent watch of the resource last brought anything; a bookmark comes each minute or so. "
    "Before the first time: when the process began.",
    ("resource",),
)
INDEX: Final = Metric("index_objects", "gauge", "Objects that the operator knows.", ("resource",))

RUNS: Final = Metric(
    "runs", "gauge", "Runs that exist, by phase and reason; schedules too.", ("phase", "reason", "run_namespace")
)
RESULTS: Final = Metric(
    "run_results_total",
    "counter",
    "Executions that ended, by how and why: see [reasons](reasons.md).",
    ("phase", "reason", "run_namespace"),
)
START_LATENCY: Final = Metric(
    "run_start_latency_seconds",
    "histogram",
    "From a run's creation to its Job's, where nothing had to be waited for. Creation is told in whole seconds, so "
    "this is up to one second too long.",
    buckets=_WHOLE,
)
TURN_WAIT: Final = Metric(
    "run_queue_seconds",
    "histogram",
    "How long a run waited for its turn, where a limit of concurrent runs made it wait.",
    buckets=_WAITS,
)
POD_WAIT: Final = Metric(
    "run_pod_wait_seconds",
    "histogram",
    "From an execution's Job to its first running container: scheduling, volumes, image.",
    buckets=_WAITS,
)
RUN_DURATION: Final = Metric(
    "run_duration_seconds",
    "histogram",
    "From an execution's start to its end, of those that had a Job.",
    ("phase",),
    _RUNS,
)
SCHEDULE_LAG: Final = Metric(
    "schedule_lag_seconds", "histogram", "From a slot of a schedule to the run made for it.", buckets=_WHOLE
)
SCHEDULE_MISSED: Final = Metric(
    "schedule_missed_slots_total", "counter", "Slots of schedules that nothing fired.", ("run_namespace",)
)

CATALOGUE: Final = (
    *(BUILD, LEADER, LOOP_LAG),
    *(RECONCILE, RECONCILE_ERRORS, FAILING),
    *(QUEUE_DEPTH, QUEUE_OLDEST, QUEUE_ACTIVE, QUEUE_LATER, QUEUE_WAIT),
    *(REQUESTS, REQUEST_DURATION, WATCH_STARTS, WATCH_HEARD, INDEX),
    *(RUNS, RESULTS, START_LATENCY, TURN_WAIT, POD_WAIT, RUN_DURATION),
    *(SCHEDULE_LAG, SCHEDULE_MISSED),
)
