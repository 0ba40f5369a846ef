"""The first event of a namespace is an increase to Prometheus, as its series are there before: by its own engine."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from dashboard.asking import ask
from dashboard.panels import Query
from dashboard.recording import Recording
from mlrun_operator.api.v1alpha1.status import Execution, Phase, RunStatus, ScheduleStatus
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.controller.election import Leadership
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.metrics.gauges import Gauges
from mlrun_operator.controller.metrics.meters import MAX_PRESET_NAMESPACES, Meters
from mlrun_operator.controller.watch_monitor import WatchMonitor

NOW = datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC)
SCHEDULED = RunStatus(phase=Phase.SCHEDULED, schedule=ScheduleStatus(missed=0))
MISSED = RunStatus(phase=Phase.SCHEDULED, schedule=ScheduleStatus(missed=1))
FIRST = Execution(number=1, hash="h")
PENDING = RunStatus(phase=Phase.PENDING, execution=FIRST)
FAILED = RunStatus(phase=Phase.FAILED, reason="ImagePull", execution=FIRST)
QUESTIONS = (
    Query("sum by (run_namespace) (increase(mlrun_operator_schedule_missed_slots_total[1h])) > 0", "{{run_namespace}}"),
    Query("sum by (run_namespace) (increase(mlrun_operator_run_results_total[1h])) > 0", "{{run_namespace}}"),
)


def run(namespace: str = "team", name: str = "r") -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": name, "resourceVersion": "1"}
    return {"metadata": meta, "spec": {}, "status": {"phase": "Scheduled", "reason": "Scheduled"}}


def asked(promtool: Path, scrapes: list[str]) -> list[list[str]]:
    return [[series.name for series in found] for found in ask(promtool, Recording.of(scrapes, 30), QUESTIONS, [150])]


def series(meters: Meters, namespace: str) -> int:
    return generate_latest(meters.registry).decode().count(f'run_namespace="{namespace}"')


def test_the_first_events_of_a_namespace_count(promtool: Path) -> None:
    """The run is told to be Pending, or a schedule Scheduled, before there is any event."""
    meters, scrapes = Meters(by_namespace=True), []
    for before, after in ((SCHEDULED, SCHEDULED), (SCHEDULED, SCHEDULED), (SCHEDULED, MISSED), (MISSED, MISSED)):
        meters.on_status_written(run(), before, after, NOW)
        scrapes.append(generate_latest(meters.registry).decode())
    meters.on_status_written(run(name="other"), PENDING, FAILED, NOW)
    scrapes += [generate_latest(meters.registry).decode()] * 2
    assert asked(promtool, scrapes) == [["team"], ["team"]]


def test_they_count_after_a_restart_in_which_nothing_was_told_before(promtool: Path) -> None:
    """What the watches have shown begins the series at a scrape; the next one shows them."""
    meters, index = Meters(by_namespace=True), Index()
    cluster = ApiClient(Connection("", None, None))  # type: ignore[arg-type]
    Gauges(meters, Leadership(), index, WatchMonitor((), cluster, WatchEventHandler(index, lambda *_: None)), {})
    index.put(RUNS, run())
    scrapes = [generate_latest(meters.registry).decode() for _ in range(3)]
    meters.on_status_written(run(), SCHEDULED, MISSED, NOW)
    meters.on_status_written(run(name="other"), PENDING, FAILED, NOW)
    scrapes += [generate_latest(meters.registry).decode()] * 3
    assert asked(promtool, scrapes) == [["team"], ["team"]]


def test_the_number_of_series_that_begin_so_is_bounded() -> None:
    meters = Meters(by_namespace=True)
    for number in range(MAX_PRESET_NAMESPACES + 1):
        meters.preset(f"n-{number}")
    assert series(meters, "n-0") == series(meters, f"n-{MAX_PRESET_NAMESPACES - 1}") > 10
    assert series(meters, f"n-{MAX_PRESET_NAMESPACES}") == 0
    meters.on_status_written(run(f"n-{MAX_PRESET_NAMESPACES}"), PENDING, FAILED, NOW)
    assert series(meters, f"n-{MAX_PRESET_NAMESPACES}") == 1


@pytest.mark.parametrize("by_namespace", [True, False])
def test_a_namespace_begins_once(by_namespace: bool) -> None:
    meters = Meters(by_namespace=by_namespace)
    meters.preset("team")
    before = generate_latest(meters.registry).decode().count("run_namespace=")
    meters.preset("team")
    assert generate_latest(meters.registry).decode().count("run_namespace=") == before
