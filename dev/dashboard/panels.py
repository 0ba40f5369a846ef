"""What the dashboard shows: the questions, row by row. Nothing here knows Grafana's JSON."""

from dataclasses import dataclass
from typing import Final, Literal

# What is scraped of one installation; the dashboard's variable. A scrape without the label matches `.*` too.
HERE: Final = 'namespace=~"$namespace"'
RATE: Final = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Query:
    """A question to Prometheus, and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `unit` is Grafana's word; `wide` is in 24ths of the row."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Literal["timeseries", "stat"] = "timeseries"
    wide: int = 8
    stacked: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


def _metric(name: str, *labels: str) -> str:
    return f"mlrun_operator_{name}{{{', '.join((HERE, *labels))}}}"


def _runs(*labels: str) -> str:
    """The runs as one process knows them: the leader and a standby say the same."""
    return f"max by (phase, reason, run_namespace) ({_metric('runs', *labels)})"


def _quantiles(name: str, *labels: str, by: str = "", window: str = RATE) -> tuple[Query, ...]:
    grouped = f"le, {by}" if by else "le"
    each = f"sum by ({grouped}) (rate({_metric(f'{name}_bucket', *labels)}[{window}]))"
    named = f" {{{{{by}}}}}" if by else ""
    return tuple(
        Query(f"histogram_quantile({q}, {each})", f"p{q * 100:g}{named}") for q in ((0.99,) if by else (0.5, 0.9, 0.99))
    )


def _stat(title: str, expr: str, unit: str = "short", about: str = "") -> Panel:
    return Panel(title, (Query(expr, title),), unit, "stat", 4, about=about)


_ENDS: Final = _metric("run_results_total")
_FAILED: Final = _metric("run_results_total", 'phase="Failed"')
_REFUSALS: Final = _metric("api_requests_total", 'code!~"2.."')
_RUNNING: Final = _runs('phase="Running"')
_PENDING: Final = _runs('phase="Pending"')
_SCHEDULES: Final = _runs('phase="Scheduled"')
_GOOD: Final = _metric("run_results_total", 'phase="Succeeded"')

ROWS: Final = (
    Row(
        "Runs",
        (
            _stat("Running", f"sum({_RUNNING}) or vector(0)"),
            _stat("Pending", f"sum({_PENDING}) or vector(0)"),
            _stat("Schedules", f"sum({_SCHEDULES}) or vector(0)"),
            _stat("Ended in the last hour", f"sum(increase({_ENDS}[1h])) or vector(0)"),
            _stat("Succeeded of them", f"sum(increase({_GOOD}[1h])) / sum(increase({_ENDS}[1h]))", "percentunit"),
            _stat("Leaders", f"sum({_metric('leader')})", about="1, or 0 where no run can start."),
            Panel("Runs by phase", (Query(f"sum by (phase) ({_runs()})", "{{phase}}"),), stacked=True),
            Panel(
                "Ends a minute",
                (Query(f"60 * sum by (phase) (rate({_ENDS}[{RATE}]))", "{{phase}}"),),
                stacked=True,
            ),
            Panel(
                "Failures by reason, last hour",
                (Query(f"sum by (reason) (increase({_FAILED}[1h])) > 0", "{{reason}}"),),
                stacked=True,
                about="docs/reasons.md has what each means and what to do.",
            ),
            Panel("Run duration", _quantiles("run_duration_seconds", window="1h"), "s", about="Of the last hour."),
            Panel(
                "Wait for a pod",
                _quantiles("run_pod_wait_seconds", window="1h"),
                "s",
                about="Scheduling, volumes, image: from the Job to its first container. Of the last hour.",
            ),
            Panel(
                "Created to Job",
                _quantiles("run_start_latency_seconds"),
                "s",
                about="The operator's own latency; told in whole seconds, so up to one second too long.",
            ),
            Panel(
                "Pending, by reason",
                (Query(f"sum by (reason) ({_PENDING})", "{{reason}}"),),
                stacked=True,
            ),
            Panel(
                "Wait for a turn", _quantiles("run_queue_seconds", window="1h"), "s", about="Where runs are limited."
            ),
            Panel(
                "Schedules: late, and missed",
                (
                    *_quantiles("schedule_lag_seconds", window="1h")[1:],
                    Query(f"sum(increase({_metric('schedule_missed_slots_total')}[1h]))", "slots missed"),
                ),
                about="Seconds from a slot to its run, and slots that nothing fired; of the last hour.",
            ),
        ),
    ),
    Row(
        "The operator",
        (
            Panel("Queue", (Query(f"sum by (kind) ({_metric('queue_depth')})", "{{kind}}"),), wide=6),
            Panel(
                "Longest wait in the queue",
                (Query(f"max by (kind) ({_metric('queue_oldest_age_seconds')})", "{{kind}}"),),
                "s",
                wide=6,
                about="A standby's queue is not worked on; look at the leader's where there are two.",
            ),
            Panel(
                "Looks a second",
                (Query(f"sum by (kind) (rate({_metric('reconcile_duration_seconds_count')}[{RATE}]))", "{{kind}}"),),
                "ops",
                wide=6,
            ),
            Panel("One look takes", _quantiles("reconcile_duration_seconds"), "s", wide=6),
            Panel(
                "Looks that fail, a second",
                (
                    Query(
                        f"sum by (kind, cause) (rate({_metric('reconcile_errors_total')}[{RATE}]))",
                        "{{kind}} {{cause}}",
                    ),
                ),
                "ops",
                wide=6,
            ),
            Panel(
                "Requests to the API server, a second",
                (
                    Query(
                        f"sum by (verb, resource) (rate({_metric('api_requests_total')}[{RATE}]))",
                        "{{verb}} {{resource}}",
                    ),
                ),
                "ops",
                wide=6,
                stacked=True,
            ),
            Panel(
                "Answers other than yes, a second",
                (Query(f"sum by (code) (rate({_REFUSALS}[{RATE}])) > 0", "{{code}}"),),
                "ops",
                wide=6,
                about="404 and 409 are part of the work; 0 is no answer.",
            ),
            Panel(
                "Requests take (p99)",
                _quantiles("api_request_duration_seconds", 'verb!="WATCH"', by="verb"),
                "s",
                wide=6,
            ),
            Panel(
                "Watches: seconds since anything came",
                (
                    Query(
                        f"time() - min by (resource) ({_metric('watch_last_heard_timestamp_seconds')})", "{{resource}}"
                    ),
                ),
                "s",
                wide=6,
            ),
            Panel(
                "Objects known",
                (Query(f"max by (resource) ({_metric('index_objects')})", "{{resource}}"),),
                wide=6,
            ),
            Panel(
                "Processor and event loop",
                (
                    Query(
                        f"rate(process_cpu_seconds_total[{RATE}]) and on (instance) {_metric('leader')}",
                        "cores {{instance}}",
                    ),
                    Query(
                        "histogram_quantile(0.99, sum by (le, instance) "
                        f"(rate({_metric('event_loop_lag_seconds_bucket')}[{RATE}])))",
                        "loop lag p99, s {{instance}}",
                    ),
                ),
                wide=6,
            ),
            Panel(
                "Memory",
                (Query(f"process_resident_memory_bytes and on (instance) {_metric('leader')}", "{{instance}}"),),
                "bytes",
                wide=6,
            ),
        ),
    ),
)


def all_panels() -> tuple[Panel, ...]:
    """Every panel, in order."""
    return tuple(panel for row in ROWS for panel in row.panels)
