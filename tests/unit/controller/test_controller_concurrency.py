"""ConcurrencyLimiter: first come, first served, and never more at once than allowed."""

from typing import Any

import pytest

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.values.names import cron_job_name, label_value
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import JOBS, PODS, RUNS
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.concurrency import ConcurrencyLimiter
from mlrun_operator.plan import RunsAhead

FUNCTION = {"spec": {"maxConcurrentRuns": 1}}
ENDED = [{"type": "Complete", "status": "True"}]


def run(name: str, function: str = "fn", namespace: str = "team", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": name, "creationTimestamp": "2026-11-23T12:00:00Z"},
        "spec": {"functionRef": {"name": function}},
        "status": status,
    }


def job(of: str, number: int = 1, namespace: str = "team", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"{of}-{number}",
            "namespace": namespace,
            "uid": f"job-{of}-{number}",
            "labels": {"mlrun-operator.dev/run-uid": of},
        },
        "spec": {"template": {"spec": {"containers": []}}},
        "status": status,
    }


def queued(name: str, second: int, function: str = "fn") -> dict[str, Any]:
    return run(name, function, phase="Pending", reason="Queued", queuedTime=f"2026-11-23T12:00:{second:02}Z")


def pod(of: str, phase: str = "Running", **labels: str) -> dict[str, Any]:
    labels = {"mlrun-operator.dev/run-uid": of, "mlrun-operator.dev/function": "fn", **labels}
    meta = {"name": f"{of}-x", "namespace": "team", "uid": f"pod-{of}", "labels": labels}
    return {"metadata": meta, "spec": {}, "status": {"phase": phase}}


@pytest.fixture
def woken() -> list[RunKey]:
    return []


@pytest.fixture
def index(woken: list[RunKey]) -> Index:
    index = Index(woken.append)
    for made in (
        run("active", phase="Running"),
        queued("first", 1),
        queued("second", 2),
        run("other", "other-function", phase="Running"),
        run("done", phase="Succeeded"),
        run("fresh"),
    ):
        index.put(RUNS, made)
    index.put(JOBS, job("active"))
    index.put(JOBS, job("other"))
    return index


def ahead(index: Index, name: str, platform: Platform | None = None) -> RunsAhead:
    found = index.get(RUNS, "team", name)
    assert found is not None
    return ConcurrencyLimiter(index, platform or Platform()).runs_ahead(found, FUNCTION)


def test_a_run_waits_behind_active_runs_and_longer_waiting_ones(index: Index) -> None:
    assert ahead(index, "first") == RunsAhead(function=1, namespace=2)
    assert ahead(index, "second") == RunsAhead(function=2, namespace=3)
    assert ahead(index, "fresh") == RunsAhead(function=3, namespace=4)


def test_nothing_is_counted_where_nothing_is_limited(index: Index) -> None:
    found = index.get(RUNS, "team", "second")
    assert found is not None
    assert ConcurrencyLimiter(index, Platform()).runs_ahead(found, {"spec": {}}) == RunsAhead()
    assert ConcurrencyLimiter(index, Platform(max_concurrent_runs=1)).runs_ahead(found, None).namespace == 3


def test_a_run_whose_job_is_being_made_counts(index: Index) -> None:
    limiter = ConcurrencyLimiter(index, Platform())
    second, first = index.get(RUNS, "team", "second"), index.get(RUNS, "team", "first")
    assert first is not None
    assert second is not None
    index.drop(JOBS, job("active"))
    assert limiter.runs_ahead(first, FUNCTION).function == 0
    with limiter.reserve(second):
        assert limiter.runs_ahead(first, FUNCTION).function == 1
    assert limiter.runs_ahead(first, FUNCTION).function == 0


@pytest.mark.parametrize(
    "leave",
    [
        lambda index: index.drop(JOBS, job("active")),
        lambda index: index.put(JOBS, job("active", conditions=ENDED)),
        lambda index: index.put(JOBS, job("first")),
        lambda index: index.put(RUNS, run("first", phase="Stopped")),
    ],
    ids=["Job deleted", "Job ended", "started", "stopped while it waited"],
)
def test_whoever_leaves_a_queue_wakes_the_first_that_wait(index: Index, woken: list[RunKey], leave: Any) -> None:
    woken.clear()
    leave(index)
    assert ("team", "second") in woken
    assert ("team", "fresh") not in woken


def test_a_run_that_runs_again_counts_before_its_status_does(index: Index) -> None:
    limiter, done, first = (
        ConcurrencyLimiter(index, Platform()),
        index.get(RUNS, "team", "done"),
        index.get(RUNS, "team", "first"),
    )
    assert done is not None
    assert first is not None
    index.drop(JOBS, job("active"))
    assert limiter.runs_ahead(first, FUNCTION).function == 0
    with limiter.reserve(done):
        assert limiter.runs_ahead(first, FUNCTION).function == 1
        index.put(JOBS, job("done", 2))
    assert limiter.runs_ahead(first, FUNCTION).function == 1


def test_a_function_has_one_line_however_its_name_is_written(index: Index) -> None:
    index.put(RUNS, run("as-written", "my_function", phase="Running"))
    index.put(JOBS, job("as-written"))
    index.put(RUNS, run("as-legal", "my-function-c64d28"))
    assert ahead(index, "as-legal").function == 1


def test_a_queue_of_another_function_is_no_obstacle(index: Index, woken: list[RunKey]) -> None:
    for n in range(20):
        index.put(RUNS, queued(f"q{n}", 10 + n))
    index.put(RUNS, queued("behind", 59, "other-function"))
    woken.clear()
    index.put(JOBS, job("other", conditions=ENDED))
    assert ("team", "behind") in woken


def test_nothing_is_woken_where_nothing_changes(index: Index, woken: list[RunKey]) -> None:
    woken.clear()
    index.put(JOBS, job("active", active=1))
    index.put(RUNS, run("active", phase="Running", reason="ImagePull"))
    assert woken == []


def test_a_run_keeps_its_place_while_a_pod_of_a_gone_job_runs(index: Index, woken: list[RunKey]) -> None:
    index.put(PODS, pod("active"))
    index.drop(JOBS, job("active"))
    assert ahead(index, "first").function == 1
    woken.clear()
    index.put(PODS, pod("active", "Failed"))
    assert ahead(index, "first").function == 0
    assert ("team", "first") in woken


def test_a_pod_that_is_presumed_lost_keeps_its_runs_place(index: Index) -> None:
    index.drop(JOBS, job("active"))
    lost = pod("active", "Unknown")
    lost["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    index.put(PODS, lost)
    assert ahead(index, "first").function == 1
    index.drop(PODS, lost)
    assert ahead(index, "first").function == 0


@pytest.mark.parametrize(
    ("suspend", "annotations", "occupies"),
    [
        (True, {"mlrun-operator.dev/suspended-by": "mlrun-operator"}, False),
        (True, {}, True),
        (False, {"mlrun-operator.dev/suspended-by": "mlrun-operator"}, True),
    ],
    ids=["by us", "by Kueue or a person", "let go"],
)
def test_only_a_run_that_we_suspended_gives_its_place_back(
    index: Index, woken: list[RunKey], suspend: bool, annotations: dict[str, str], occupies: bool
) -> None:
    woken.clear()
    suspended = job("active")
    suspended["spec"]["suspend"] = suspend
    suspended["metadata"]["annotations"] = annotations
    index.put(JOBS, suspended)
    assert ahead(index, "first").function == int(occupies)
    assert (("team", "first") in woken) is not occupies
    index.put(PODS, pod("active"))
    assert ahead(index, "first").function == 1, "its pod may still run"


def test_a_run_that_we_suspended_queues_again_on_resume(index: Index) -> None:
    suspended = job("active")
    suspended["spec"]["suspend"] = True
    suspended["metadata"]["annotations"] = {"mlrun-operator.dev/suspended-by": "mlrun-operator"}
    index.put(JOBS, suspended)
    index.put(RUNS, queued("active", 3))
    assert ahead(index, "active").function == 2
    assert ahead(index, "fresh").function == 3


def test_a_deleted_run_keeps_its_place_in_its_functions_queue(index: Index, woken: list[RunKey]) -> None:
    index.put(PODS, pod("active", **{"mlrun-operator.dev/function": "another-name"}))
    index.drop(RUNS, run("active"))
    index.drop(JOBS, job("active"))
    assert ahead(index, "first") == RunsAhead(function=1, namespace=2)
    woken.clear()
    index.drop(PODS, pod("active"))
    assert ahead(index, "first") == RunsAhead(function=0, namespace=1)
    assert ("team", "first") in woken


@pytest.mark.parametrize("function", ["fn", "my_function", "x" * 70])
def test_a_deleted_run_keeps_its_place_after_a_restart(function: str) -> None:
    index = Index()
    index.put(PODS, pod("gone", **{"mlrun-operator.dev/function": label_value(function)}))
    index.put(RUNS, run("fresh", function))
    assert ahead(index, "fresh") == RunsAhead(function=1, namespace=1)
    index.put(RUNS, run("other", "other-function"))
    assert ahead(index, "other") == RunsAhead(function=0, namespace=1)


def fired_pod(slot: int) -> dict[str, Any]:
    name = f"{cron_job_name('nightly', 'schedule')}-{slot}"
    made = pod("schedule")
    made["metadata"] |= {"name": f"{name}-x", "uid": f"pod-{slot}"}
    made["metadata"]["ownerReferences"] = [{"kind": "Job", "name": name, "uid": f"job-{slot}", "controller": True}]
    return made


def child_of(schedule: str | None, name: str, job_uid: str) -> dict[str, Any]:
    child = run(name)
    child["metadata"]["annotations"] = {"mlrun-operator.dev/job-uid": job_uid}
    if schedule is not None:
        owner = {"kind": "MlrunRun", "name": schedule, "uid": schedule, "controller": True}
        child["metadata"]["ownerReferences"] = [owner]
    return child


def test_each_deleted_child_keeps_a_place_after_a_restart() -> None:
    index = Index()
    index.put(RUNS, run("fresh"))
    index.put(RUNS, run("schedule"))
    for slot in (29400000, 29400001):
        index.put(PODS, fired_pod(slot))
    assert ahead(index, "fresh") == RunsAhead(function=2, namespace=2)


def test_a_deleted_child_keeps_its_place_when_its_job_goes() -> None:
    index = Index()
    index.put(RUNS, run("fresh"))
    made = fired_pod(29400000)
    name = made["metadata"]["ownerReferences"][0]["name"]
    child = child_of("schedule", name, "job-29400000")
    fired = job(name)
    fired["metadata"] |= {"name": name, "uid": "job-29400000"}
    for resource, obj in ((RUNS, child), (JOBS, fired), (PODS, made)):
        index.put(resource, obj)
    assert ahead(index, name) == RunsAhead(), "the pod is its own, though its label names the schedule"
    for resource, obj in ((RUNS, child), (JOBS, fired)):
        index.drop(resource, obj)
        assert ahead(index, "fresh") == RunsAhead(function=1, namespace=1)
    index.drop(PODS, made)
    assert ahead(index, "fresh") == RunsAhead()


def test_a_pod_that_comes_before_its_adopted_job_is_counted_once(index: Index) -> None:
    made = fired_pod(29400000)
    name = made["metadata"]["ownerReferences"][0]["name"]
    adopted = job("child")
    adopted["metadata"] |= {"name": name, "uid": "job-29400000"}
    index.put(RUNS, run("child"))
    index.put(PODS, made)
    assert ahead(index, "child").function == 4, "it is not known whose it is"
    index.put(JOBS, adopted)
    assert ahead(index, "child").function == 1
    index.drop(JOBS, adopted)
    assert ahead(index, "child").function == 1


SLOT_NAME = f"{cron_job_name('nightly', 'schedule')}-29400000"


@pytest.mark.parametrize(
    ("schedule", "name", "job_uid", "is_its_own"),
    [
        ("schedule", SLOT_NAME, "job-29400000", True),
        ("schedule", "copy", "job-29400000", False),
        ("schedule", SLOT_NAME, "job-of-another", False),
        ("another", SLOT_NAME, "job-29400000", False),
        (None, SLOT_NAME, "job-29400000", False),
    ],
    ids=["child", "copy of it", "another of its name", "another schedule's", "nobody's"],
)
def test_a_fired_pod_is_that_of_the_run_of_its_jobs_name(
    index: Index, schedule: str | None, name: str, job_uid: str, is_its_own: bool
) -> None:
    index.put(PODS, fired_pod(29400000))
    child = child_of(schedule, name, job_uid)
    index.put(RUNS, child)
    assert ahead(index, name).function == (1 if is_its_own else 4)
    index.put(PODS, fired_pod(29400000))
    assert ahead(index, name).function == (1 if is_its_own else 4)
    assert len(index.pods_of_run("team", name)) == int(is_its_own)


def test_a_run_that_occupies_a_place_waits_for_no_queued_run(index: Index) -> None:
    """As a rerun beside its own lost pod: the queued runs wait for that pod."""
    index.put(RUNS, queued("rerun", 9))
    assert ahead(index, "rerun") == RunsAhead(function=3, namespace=4)
    index.put(PODS, pod("rerun"))
    assert ahead(index, "rerun") == RunsAhead(function=1, namespace=2)
    assert ahead(index, "first").function == 2


def test_a_queued_run_that_is_deleted_keeps_nobody_waiting(index: Index, woken: list[RunKey]) -> None:
    """A finalizer holds it, perhaps for ever."""
    woken.clear()
    dying = queued("first", 1)
    dying["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    index.put(RUNS, dying)
    assert ahead(index, "second").function == 1
    assert ("team", "second") in woken


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Rehearsing"},
        {"execution": {"number": 1, "hash": "v1-0", "fromTheFuture": 1}},
        {"execution": {"number": 1, "hash": "v1-0", "schema": 2}},
        {"execution": "odd"},
    ],
    ids=["phase", "part of the execution", "schema", "execution"],
)
def test_a_queued_run_of_a_newer_operator_keeps_nobody_waiting(index: Index, status: dict[str, Any]) -> None:
    newer = queued("first", 1)
    newer["status"] |= status
    index.put(RUNS, newer)
    assert ahead(index, "second").function == 1


def test_an_unknown_field_of_a_status_keeps_the_queue() -> None:
    index = Index()
    newer = queued("first", 1)
    newer["status"]["fromTheFuture"] = {"x": 1}
    index.put(RUNS, newer)
    index.put(RUNS, queued("second", 2))
    assert ahead(index, "second").function == 1


def test_a_pod_of_another_namespace_occupies_only_its_own(index: Index) -> None:
    forged = pod("first")
    forged["metadata"]["namespace"] = "elsewhere"
    index.put(PODS, forged)
    assert ahead(index, "second") == RunsAhead(function=2, namespace=3)
    stranger = run("stranger", namespace="elsewhere")
    assert ConcurrencyLimiter(index, Platform()).runs_ahead(stranger, FUNCTION) == RunsAhead(function=1, namespace=1)
