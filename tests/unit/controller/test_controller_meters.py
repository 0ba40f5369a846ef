"""What is counted of runs: each thing once, by closed lists of labels, never by a run's name."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mlrun_operator.api.v1alpha1.status import Attempt, Execution, Phase, RunStatus, ScheduleStatus
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.controller.metrics.meters import Meters

NOW = datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC)
RUN = {
    "metadata": {"name": "r", "namespace": "team", "uid": "u", "creationTimestamp": "2026-11-23T12:00:04Z"},
    "spec": {},
}
JOB = {"kind": "Job", "metadata": {"name": "r-1"}}
FIRST = Execution(number=1, hash="h")


@pytest.fixture
def meters() -> Meters:
    return Meters()


def value(meters: Meters, name: str, **labels: str) -> float | None:
    return meters.registry.get_sample_value(f"mlrun_operator_{name}", labels)


def test_a_run_that_waited_for_nothing_counts_from_its_creation_to_its_job(meters: Meters) -> None:
    meters.on_created(RUN, JOB, NOW)
    assert value(meters, "run_start_latency_seconds_sum") == 6


def test_a_run_that_had_to_wait_is_no_slowness_of_the_operator(meters: Meters) -> None:
    queued = {"phase": "Pending", "reason": "Queued", "queuedTime": "2026-11-23T12:00:05Z"}
    meters.on_created({**RUN, "status": queued}, JOB, NOW)
    meters.on_created({**RUN, "status": {"phase": "Suspended", "reason": "Suspended"}}, JOB, NOW)
    assert value(meters, "run_start_latency_seconds_count") == 0
    assert value(meters, "run_queue_seconds_sum") == 5


def ended(**more: Any) -> RunStatus:
    usual: dict[str, Any] = {"reason": "OOMKilled", "execution": FIRST, "start_time": "2026-11-23T12:00:05Z"}
    return RunStatus(phase=Phase.FAILED, completion_time="2026-11-23T12:01:05Z", **{**usual, **more})


def test_an_end_counts_once_with_its_reason_and_duration(meters: Meters) -> None:
    running = RunStatus(phase=Phase.RUNNING, reason="Running", execution=FIRST, start_time="2026-11-23T12:00:05Z")
    meters.on_status_written(RUN, running, ended(), NOW)
    meters.on_status_written(RUN, ended(), ended(message="more detail"), NOW)
    assert value(meters, "run_results_total", phase="Failed", reason="OOMKilled", run_namespace="") == 1
    assert value(meters, "run_duration_seconds_sum", phase="Failed") == 60


def test_the_next_execution_counts_even_where_it_ends_at_once(meters: Meters) -> None:
    meters.on_status_written(RUN, ended(), ended(execution=Execution(number=2, hash="h")), NOW)
    assert value(meters, "run_results_total", phase="Failed", reason="OOMKilled", run_namespace="") == 1


def test_an_end_without_a_job_has_no_duration(meters: Meters) -> None:
    meters.on_status_written(RUN, RunStatus(), RunStatus(phase=Phase.FAILED, reason="InvalidRun", execution=FIRST), NOW)
    assert value(meters, "run_results_total", phase="Failed", reason="InvalidRun", run_namespace="") == 1
    assert value(meters, "run_duration_seconds_count", phase="Failed") == 0


def test_a_reason_that_is_not_of_the_list_is_no_new_series(meters: Meters) -> None:
    meters.on_status_written(RUN, RunStatus(), ended(reason="OfTomorrow"), NOW)
    assert value(meters, "run_results_total", phase="Failed", reason="Other", run_namespace="") == 1


def test_the_pod_s_wait_counts_once_an_execution(meters: Meters) -> None:
    attempt = Attempt(pod="r-1-x", start_time="2026-11-23T12:00:09Z")
    started = {"execution": FIRST, "start_time": "2026-11-23T12:00:05Z", "attempt_count": 1}
    running = RunStatus(phase=Phase.RUNNING, reason="Running", attempts=[attempt], **started)  # type: ignore[arg-type]
    meters.on_status_written(RUN, RunStatus(phase=Phase.PENDING, execution=FIRST), running, NOW)
    meters.on_status_written(RUN, running, ended(attempts=[attempt], attempt_count=1), NOW)
    assert value(meters, "run_pod_wait_seconds_count") == 1
    assert value(meters, "run_pod_wait_seconds_sum") == 4


def test_a_schedule_s_lag_is_from_its_slot_and_its_misses_are_counted_as_they_grow(meters: Meters) -> None:
    notes = {
        "mlrun-operator.dev/trigger": "Schedule",
        "mlrun-operator.dev/scheduled-time": "2026-11-23T12:00:00Z",
    }
    meters.on_created(RUN, {"kind": "MlrunRun", "metadata": {"name": "r-1", "annotations": notes}}, NOW)
    caught_up = {**notes, "mlrun-operator.dev/trigger": "CatchUp"}
    meters.on_created(RUN, {"kind": "MlrunRun", "metadata": {"name": "r-0", "annotations": caught_up}}, NOW)
    assert value(meters, "schedule_lag_seconds_count") == 1
    assert value(meters, "schedule_lag_seconds_sum") == 10
    before = RunStatus(phase=Phase.SCHEDULED, schedule=ScheduleStatus(missed=2))
    meters.on_status_written(RUN, before, RunStatus(phase=Phase.SCHEDULED, schedule=ScheduleStatus(missed=5)), NOW)
    meters.on_status_written(RUN, before, RunStatus(phase=Phase.STOPPED, schedule=ScheduleStatus(missed=2)), NOW)
    assert value(meters, "schedule_missed_slots_total", run_namespace="") == 3


def test_namespaces_are_told_where_that_is_asked_for() -> None:
    meters = Meters(by_namespace=True)
    meters.on_status_written(RUN, RunStatus(), ended(), NOW)
    assert value(meters, "run_results_total", phase="Failed", reason="OOMKilled", run_namespace="team") == 1


def test_requests_are_counted_by_verb_resource_and_code_and_the_watches_beginnings_besides(meters: Meters) -> None:
    for code in (201, 201, 409):
        meters.request("POST", "jobs", code, 0.01)
    meters.request("WATCH", "pods", 200, 0.01)
    meters.request("WATCH", "pods", 403, 0.01)
    assert value(meters, "api_requests_total", verb="POST", resource="jobs", code="201") == 2
    assert value(meters, "api_requests_total", verb="POST", resource="jobs", code="409") == 1
    assert value(meters, "api_request_duration_seconds_count", verb="POST", resource="jobs") == 3
    assert value(meters, "watch_starts_total", resource="pods") == 1


def test_counters_are_one_series_each(meters: Meters) -> None:
    meters.request("POST", "jobs", 201, 0.01)
    families = text_string_to_metric_families(generate_latest(meters.registry).decode())
    assert not [sample for family in families for sample in family.samples if sample.name.endswith("_created")]


def seen(name: str, version: int, **status: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "team", "uid": name, "resourceVersion": str(version)}
    return {"metadata": meta, "spec": {}, "status": status}


def test_the_index_counts_runs_where_they_are_as_they_come_change_and_go() -> None:
    index = Index()
    index.put(RUNS, seen("a", 1))
    index.put(RUNS, seen("b", 2, phase="Running", reason="Running"))
    index.put(RUNS, seen("a", 3, phase="Running", reason="Running"))
    assert index.run_counts == {("team", "Running", "Running"): 2}
    index.put(RUNS, seen("b", 4, phase="Succeeded", reason="Succeeded"))
    index.drop(RUNS, seen("a", 3))
    assert index.run_counts == {("team", "Succeeded", "Succeeded"): 1}
