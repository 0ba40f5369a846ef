"""How executions end in real pods, whoever ends them: never two pods of a run at once, and no output is lost."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from support.kube import Kube, Object, eventually, function, run
from support.recorder import Recorder, recorder

from mlrun_operator.cli.main import main

GRACE_SECONDS = 12
# At SIGTERM the handler takes a third of the grace period.
SLOW = """
import time


def handler(context, seconds=300):
    context.log_result("half", 1)
    print("halfway", flush=True)
    try:
        time.sleep(seconds)
    finally:
        time.sleep(seconds and 4)
    return "whole"
"""


@pytest.fixture
def record(kube: Kube, tmp_path: Path) -> Iterator[Recorder]:
    with recorder(kube, tmp_path) as record:
        yield record


def slow(name: str, **spec: object) -> Object:
    return run(name, "slow", **{"terminationGracePeriodSeconds": GRACE_SECONDS, **spec})


def halfway(kube: Kube, name: str) -> Object:
    """Wait until the run's newest pod is in its handler, and the run says that it runs; its status."""

    def look() -> Object | None:
        status = kube.status(name)
        if status.get("phase") != "Running":
            return None
        pod = status["attempts"][-1]["pod"]
        return status if "halfway" in kube.kubectl("logs", pod, check=False) else None

    status: Object = eventually(look, f"{name} is halfway", 90, lambda: kube.status(name))
    return status


def execution(kube: Kube, name: str, number: int, phase: str, timeout: float = 90) -> Object:
    """The status in which this execution has this phase."""

    def look() -> Object | None:
        status = kube.status(name)
        there = (status.get("execution", {}).get("number"), status.get("phase")) == (number, phase)
        return status if there else None

    status: Object = eventually(look, f"{name}: execution {number} {phase}", timeout, lambda: kube.status(name))
    return status


def seconds_of(status: Object) -> float:
    started, ended = (datetime.fromisoformat(status[field]) for field in ("startTime", "completionTime"))
    return (ended - started).total_seconds()


def end_of(record: Recorder, name: str, number: int) -> Object:
    """The status with which this execution was told to be over, though another one followed at once."""
    ends = [s for s in record.statuses(name) if s.get("execution", {}).get("number") == number]
    return next(s for s in ends if s["phase"] in ("Stopped", "Failed", "Succeeded"))


def assert_one_after_the_other(record: Recorder, name: str, pods: int) -> None:
    times = record.times(name)
    assert len(times) == pods
    assert all(started >= ended for (_, ended), (started, _) in pairwise(times)), times
    assert record.most_at_once(name) == 1


def assert_history(status: Object, *ends: tuple[str, str]) -> None:
    assert [(past["phase"], past["reason"]) for past in status["executions"]] == list(ends)


def test_a_stop_taken_back_in_the_grace_period(kube: Kube, record: Recorder) -> None:
    kube.apply(function("slow", code=SLOW), slow("taken-back"))
    halfway(kube, "taken-back")
    kube.patch("taken-back", stop=True)
    kube.reaches("taken-back", reason="Stopping")
    kube.patch("taken-back", stop=None, rerun="again", parameters={"seconds": 0})
    status = execution(kube, "taken-back", 2, "Succeeded")
    assert_history(status, ("Stopped", "Stopped"))
    assert_one_after_the_other(record, "taken-back", pods=2)
    first = end_of(record, "taken-back", 1)
    assert (first["reason"], first["results"]) == ("Stopped", {"half": 1})
    assert status["results"]["return"] == "whole"


def test_mlrunctl_stop_and_rerun_in_one_line(kube: Kube, record: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", kube.kubeconfig)
    kube.apply(function("slow", code=SLOW), slow("again"))
    halfway(kube, "again")
    assert main(["stop", "again", "-n", kube.namespace]) == 0
    assert main(["rerun", "again", "-n", kube.namespace]) == 0
    eventually(lambda: kube.status("again")["execution"]["number"] == 2, "the second execution", 60)
    halfway(kube, "again")
    kube.patch("again", stop=True)
    status = execution(kube, "again", 2, "Stopped")
    assert_history(status, ("Stopped", "Stopped"))
    assert_one_after_the_other(record, "again", pods=2)
    assert end_of(record, "again", 1)["results"] == {"half": 1}


@pytest.mark.parametrize("cascade", ["background", "foreground", "orphan"])
def test_a_job_deleted_by_hand_and_a_rerun(kube: Kube, record: Recorder, cascade: str) -> None:
    kube.apply(function("slow", code=SLOW), slow("robbed"))
    status = halfway(kube, "robbed")
    kube.delete("job", status["jobName"], f"--cascade={cascade}", "--wait=false")
    kube.patch("robbed", rerun="again", parameters={"seconds": 0})
    status = execution(kube, "robbed", 2, "Succeeded")
    assert_history(status, ("Failed", "JobDeleted"))
    assert_one_after_the_other(record, "robbed", pods=2)
    assert end_of(record, "robbed", 1)["results"] == {"half": 1}


def test_a_place_is_free_once_the_pod_has_ended(kube: Kube, record: Recorder) -> None:
    """One run of a limited function is stopped, the next is deleted, a third runs: each pod ends slowly."""
    kube.apply(function("slow", code=SLOW, maxConcurrentRuns=1), slow("stopped"))
    halfway(kube, "stopped")
    kube.apply(slow("deleted"))
    kube.reaches("deleted", reason="Queued")
    kube.apply(slow("third", parameters={"seconds": 0}))
    kube.patch("stopped", stop=True)
    assert kube.finished("stopped")["results"] == {"half": 1}
    halfway(kube, "deleted")
    kube.delete("mlr", "deleted")
    assert kube.finished("third")["phase"] == "Succeeded"
    times = record.times()
    assert len(times) == 3
    assert all(started >= ended for (_, ended), (started, _) in pairwise(times)), times
    assert record.most_at_once() == 1


def test_an_empty_dir_over_its_limit_is_a_failure(kube: Kube) -> None:
    code = (
        "import pathlib, time\n\ndef handler():\n    pathlib.Path('/disk/big').write_bytes(bytes(8 << 20))\n"
        "    time.sleep(300)\n"
    )
    disk = {"name": "disk", "mountPath": "/disk", "emptyDir": {"sizeLimit": "1Mi"}}
    kube.apply(function("writer", code=code), run("full", "writer", volumes=[disk]))
    status = kube.finished("full", 120)
    assert (status["phase"], status["reason"]) == ("Failed", "PodFailing"), status["message"]
    assert '"disk"' in status["message"]
    assert "1Mi" in status["message"]
    assert status.get("disruptions", 0) == 0
    assert status["attemptCount"] == 1


def test_a_job_that_others_suspend_is_left_alone(kube: Kube) -> None:
    kube.apply(function("slow", code=SLOW), slow("held"))
    job = halfway(kube, "held")["jobName"]
    kube.kubectl("patch", "job", job, "--type=merge", "-p", '{"spec": {"suspend": true}}')
    status = kube.reaches("held", phase="Pending", reason="JobSuspended")
    assert "another client suspended Job " in status["message"]
    eventually(lambda: not kube.all("pods"), "its pod is gone")
    kube.apply(run("other", "slow", parameters={"seconds": 0}))
    kube.finished("other")
    assert kube.status("held")["reason"] == "JobSuspended"
    assert kube.get("job", job)["spec"]["suspend"] is True
    kube.kubectl("patch", "job", job, "--type=merge", "-p", '{"spec": {"suspend": false}}')
    status = halfway(kube, "held")
    assert (status["execution"]["number"], status["jobName"]) == (1, job)
    kube.patch("held", stop=True)
    assert kube.finished("held")["phase"] == "Stopped"


@pytest.fixture
def dying(kube: Kube) -> Iterator[Object]:
    """A run that a finalizer holds; without it its namespace would stay for ever."""
    dying = slow("dying")
    dying["metadata"]["finalizers"] = ["example.org/hold"]
    yield dying
    released = json.dumps({"metadata": {"finalizers": None}})
    kube.kubectl("patch", "mlr", "dying", "--type=merge", "-p", released, check=False)


def test_a_dying_run_with_a_finalizer_stops(kube: Kube, record: Recorder, dying: Object) -> None:
    kube.apply(function("slow", code=SLOW, maxConcurrentRuns=1), dying)
    halfway(kube, "dying")
    kube.apply(slow("next", parameters={"seconds": 0}))
    kube.reaches("next", reason="Queued")
    kube.delete("mlr", "dying")
    kube.patch("dying", stop=True)
    status = kube.finished("dying")
    assert (status["phase"], status["results"]) == ("Stopped", {"half": 1})
    assert kube.finished("next")["phase"] == "Succeeded"
    assert record.most_at_once() == 1
    assert kube.get("mlr", "dying")["metadata"]["deletionTimestamp"]


def test_the_deadline_of_a_running_run_can_be_changed(kube: Kube) -> None:
    kube.apply(
        function("slow", code=SLOW),
        slow("longer", activeDeadlineSeconds=20, parameters={"seconds": 20}),
        slow("shorter", activeDeadlineSeconds=3600),
    )
    longer = kube.reaches("longer", phase="Running")
    kube.patch("longer", activeDeadlineSeconds=3600)
    shorter = halfway(kube, "shorter")
    kube.patch("shorter", activeDeadlineSeconds=5)
    status = kube.finished("shorter")
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert (status["jobName"], status["results"]) == (shorter["jobName"], {"half": 1})
    status = kube.finished("longer")
    assert (status["phase"], status["jobName"]) == ("Succeeded", longer["jobName"]), status["message"]
    assert seconds_of(status) > 20
