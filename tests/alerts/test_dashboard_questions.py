"""Every question of the dashboard has an answer, by Prometheus' own engine, from what the operator's code tells."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from dashboard.asking import Series, ask
from dashboard.drawing import draw
from dashboard.panels import Panel, Query, all_panels
from dashboard.recording import Recording
from mlrun_operator.api.v1alpha1.status import Attempt, Execution, Phase, RunStatus
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.controller.election import Leadership
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.metrics.gauges import Gauges, WorkerPool
from mlrun_operator.controller.metrics.meters import Meters
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.reconcile_function import FunctionReconciler
from mlrun_operator.controller.watch_monitor import WatchMonitor
from mlrun_operator.controller.worker import Workers

NOW = datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC)
RUN: dict[str, Any] = {
    "metadata": {"name": "r", "namespace": "team", "uid": "u", "creationTimestamp": "2026-11-23T12:00:04Z"},
    "spec": {},
}
FIRST = Execution(number=1, hash="h")
STARTED = {"start_time": "2026-11-23T12:00:05Z", "attempt_count": 1, "execution": FIRST}
ATTEMPT = Attempt(pod="p", start_time="2026-11-23T12:00:07Z")
ENDED = RunStatus.model_validate(
    {
        **STARTED,
        "attempts": [ATTEMPT],
        "completion_time": "2026-11-23T12:01:05Z",
        "phase": "Failed",
        "reason": "ImagePull",
    }
)
SLOT = {"mlrun-operator.dev/trigger": "Schedule", "mlrun-operator.dev/scheduled-time": "2026-11-23T12:00:00Z"}


def something_happens(meters: Meters) -> None:
    meters.on_created(RUN, {"kind": "Job"}, NOW)
    queued = {"phase": "Pending", "reason": "Queued", "queuedTime": "2026-11-23T12:00:05Z"}
    meters.on_created({**RUN, "status": queued}, {"kind": "Job"}, NOW)
    meters.on_created(RUN, {"kind": "MlrunRun", "metadata": {"annotations": SLOT}}, NOW)
    meters.on_status_written(RUN, RunStatus(phase=Phase.PENDING, execution=FIRST), ENDED, NOW)
    meters.request("PUT", "mlrunruns", 200, 0.01)
    meters.request("PUT", "mlrunruns", 409, 0.01)
    meters.request("WATCH", "pods", 200, 0.01)
    meters.observe_reconcile("MlrunRun")(0.01, "Api")
    meters.observe_queue_wait("MlrunRun")(0.01)
    meters.observe_lag(0.002)


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Ten minutes, a scrape each 30 seconds, in each of which each thing happens once."""
    meters, index = Meters(), Index()
    for number, phase in enumerate(("Pending", "Running", "Scheduled", "Succeeded")):
        meta = {"name": phase, "namespace": "team", "uid": phase, "resourceVersion": str(number + 1)}
        index.put(RUNS, {"metadata": meta, "spec": {}, "status": {"phase": phase, "reason": "Created"}})
    cluster, queue = ApiClient(Connection("", None, None)), FairQueue()  # type: ignore[arg-type]
    pool = WorkerPool(queue, Workers("MlrunRun", queue, FunctionReconciler(cluster, index)))
    watch_monitor = WatchMonitor((), cluster, WatchEventHandler(index, lambda *_: None))
    Gauges(meters, Leadership(), index, watch_monitor, {"MlrunRun": pool})
    scrapes = []
    for _ in range(21):
        something_happens(meters)
        scrapes.append(generate_latest(meters.registry).decode())
    return Recording.of(scrapes, 30)


def test_the_engine_s_answers_are_read_as_they_are(promtool: Path) -> None:
    texts = [f'x{{a="1"}} {n}\nx{{a="2"}} {2 * n}\n' for n in range(4)]
    queries = [Query("sum by (a) (x)", "{{a}}"), Query("absent(y)", "gone"), Query("x > 100", "none")]
    found = ask(promtool, Recording.of(texts, 30), queries, [30, 60])
    assert sorted(found[0], key=lambda s: s.name) == [Series("1", [(30, 1), (60, 2)]), Series("2", [(30, 2), (60, 4)])]
    assert found[1:] == [[Series("gone", [(30, 1), (60, 1)])], []]


def test_what_is_no_question_is_refused(promtool: Path, recording: Recording) -> None:
    with pytest.raises(ValueError, match="does not take"):
        ask(promtool, recording, [Query("sum by (", "x")], [300])


@pytest.fixture(scope="module")
def answers(promtool: Path, recording: Recording) -> dict[Query, list[Series]]:
    queries = [query for panel in all_panels() for query in panel.queries]
    return dict(zip(queries, ask(promtool, recording, queries, [600]), strict=True))


@pytest.mark.parametrize("panel", all_panels(), ids=lambda panel: panel.title)
def test_every_question_of_the_dashboard_is_answered(panel: Panel, answers: dict[Query, list[Series]]) -> None:
    for query in panel.queries:
        assert answers[query], query.expr
        assert all(series.points[0][1] == series.points[0][1] for series in answers[query]), "no division by nothing"


def test_the_dashboard_can_be_drawn(promtool: Path, recording: Recording, tmp_path: Path) -> None:
    draw(promtool, recording, tmp_path / "dashboard.png")
    assert (tmp_path / "dashboard.png").read_bytes()[:4] == b"\x89PNG"
