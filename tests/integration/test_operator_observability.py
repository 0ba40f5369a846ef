"""What the operator tells of itself while it works: metrics, log, events, traces."""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.kube import Kube, eventually, fresh_namespace, function, hourly, run
from support.operators import Operator, operator_of

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True)
class Life:
    """An operator that has worked: three runs, one of them traced, one of them failed."""

    kube: Kube
    operator: Operator

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.operator.log.read_text().splitlines()]

    def metrics(self) -> str:
        url = f"http://127.0.0.1:{self.operator.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's series with these labels."""
        samples = (s for family in text_string_to_metric_families(self.metrics()) for s in family.samples)
        chosen = [s for s in samples if s.name == f"mlrun_operator_{name}" and labels.items() <= s.labels.items()]
        return sum(s.value for s in chosen)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("observability")
    with fresh_namespace("it") as kube, operator_of(kube, folder, MLRUN_OPERATOR_LOG_FORMAT="json") as operator:
        operator.start()
        operator.ready()
        traced = run("traced", "fn", parameters={"sleep": 1})
        traced["metadata"]["annotations"] = {"mlrun-operator.dev/traceparent": PARENT}
        broken = run("broken", "fn", parameters={"exit": 1, "reason": "HandlerFailed", "message": "ValueError: no"})
        kube.apply(function("fn"))
        # Known before its runs come: one that has to wait for its function is no start that is measured.
        eventually(lambda: kube.get("mlf", "fn").get("status"), "the operator has seen the function")
        kube.apply(traced, broken, run("plain", "fn"), run("hourly", "fn", schedule=hourly()))
        for name in ("traced", "broken", "plain"):
            kube.finished(name)
        kube.reaches("hourly", phase="Scheduled")
        yield Life(kube, operator)


def test_metrics_tell_what_has_happened_and_never_a_run_s_name(life: Life) -> None:
    assert life.value("run_results_total", phase="Succeeded") == 2
    assert life.value("run_results_total", phase="Failed", reason="HandlerFailed") == 1
    assert life.value("run_start_latency_seconds_count") == 3
    assert life.value("run_pod_wait_seconds_count") == 3
    assert life.value("run_duration_seconds_count") == 3
    assert life.value("runs", phase="Scheduled") == 1
    assert life.value("runs", phase="Succeeded") == 2
    assert life.value("api_requests_total", verb="POST", resource="jobs", code="201") == 3
    assert life.value("watch_starts_total") >= 5
    assert life.value("leader") == 1
    assert life.value("reconcile_errors_total", cause="Bug") == 0
    assert not [name for name in ("traced", "broken", "plain", "hourly") if name in life.metrics()]
    of_runs = [line for line in life.metrics().splitlines() if "mlrun_operator_watch_" not in line]
    assert not [line for line in of_runs if life.kube.namespace in line], (
        "only watches tell of the namespaces in the settings"
    )


def test_each_transition_is_one_line_and_one_event(life: Life) -> None:
    def told(name: str) -> list[str]:
        return [line["reason"] for line in life.lines if line.get("object", {}).get("name") == name and "phase" in line]

    def posted(name: str) -> list[str]:
        return [event["reason"] for event in life.kube.events(name)]

    for name in ("traced", "broken", "plain"):
        # The last event comes after the status that ended the wait.
        eventually(lambda name=name: len(posted(name)) >= len(told(name)), f"the events of {name}")
        assert sorted(told(name)) == sorted(posted(name))
        assert all(event["count"] == 1 for event in life.kube.events(name))


def test_lines_name_the_run_its_execution_and_its_trace(life: Life) -> None:
    uid = life.kube.get("mlr", "traced")["metadata"]["uid"]
    (ended,) = [
        line for line in life.lines if line.get("object", {}).get("uid") == uid and line.get("phase") == "Succeeded"
    ]
    assert ended["object"]["kind"] == "MlrunRun"
    assert ended["execution"] == 1
    assert ended["trace_id"] == PARENT[3:35]


def test_the_pod_of_a_traced_run_has_its_parent(life: Life) -> None:
    (job,) = life.kube.jobs("traced")
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "TRACEPARENT", "value": PARENT} in env
