"""A schedule's CronJob: put right when it is edited, without a fight; created again ever later when it is refused."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from support.schedule_simulator import BEGIN, ScheduleSimulator

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.plan import Refusal

Object = dict[str, Any]
HOUR = timedelta(hours=1)
# What Kubernetes 1.34 adds to a pod template that says nothing of them, and an admission webhook to its containers.
SERVED_POD = {"dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30}
SERVED_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}


@pytest.fixture
def hourly(platform: Platform, function: Object) -> ScheduleSimulator:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", parameters={"x": 1})
    world.admission = with_defaults
    world.settle()
    return world


def with_defaults(cron_job: Object) -> None:
    pod = pod_of(cron_job)
    pod |= SERVED_POD
    for container in pod["containers"]:
        container.update(SERVED_CONTAINER)
        container["image"] = f"mirror.example.org/{container['image'].removeprefix('mirror.example.org/')}"
        container.setdefault("env", []).append({"name": "INJECTED", "value": "1"})


def pod_of(cron_job: Object | None) -> Object:
    assert cron_job is not None
    pod: Object = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def edited_template(world: ScheduleSimulator, image: str) -> Object:
    assert world.cron_job is not None
    template: Object = copy.deepcopy(world.cron_job["spec"]["jobTemplate"])
    template["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return template


def test_a_job_template_edited_by_hand_is_put_right(hourly: ScheduleSimulator) -> None:
    rendered = copy.deepcopy(pod_of(hourly.cron_job))
    for count in (1, 2):
        hourly.edit_cron_job(jobTemplate=edited_template(hourly, "example.org/other:1"))
        assert pod_of(hourly.cron_job) != rendered
        hourly.settle()
        hourly.settle()
        assert (pod_of(hourly.cron_job), hourly.replaced) == (rendered, count)


def test_what_admission_adds_to_a_cron_job_is_no_edit(hourly: ScheduleSimulator) -> None:
    for _ in range(5):
        hourly.settle()
    assert hourly.replaced == 0
    hourly.edit(parameters={"x": 2})
    for _ in range(5):
        hourly.settle()
    assert hourly.replaced == 1


def test_an_edit_while_the_operator_suspends_is_put_right(hourly: ScheduleSimulator) -> None:
    function, hourly.function = hourly.function, None  # type: ignore[assignment]
    hourly.settle()
    rendered = copy.deepcopy(pod_of(hourly.cron_job))
    hourly.edit_cron_job(jobTemplate=edited_template(hourly, "example.org/other:1"))
    hourly.settle()
    hourly.function = function
    hourly.settle()
    assert pod_of(hourly.cron_job) == rendered
    assert hourly.replaced == 1


def test_a_refused_cron_job_is_tried_ever_later(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *")
    waits, used = [], 5
    for _ in range(12):
        refusal = Refusal(403, f"exceeded quota: jobs, requested: 1, used: {used}, limited: 5")
        world.settle(refusal=refusal)
        assert (world.status["phase"], world.status["reason"]) == ("Pending", "QuotaExceeded")
        wait = world.decide(refusal=refusal).requeue
        assert wait is not None
        waits.append(wait.total_seconds())
        world.later(seconds=waits[-1])
        used += 1
    assert waits[:3] == [30, 30, 60]
    assert waits == sorted(waits)
    assert waits[-1] == 600
    assert world.writes == 1, "numbers that change are not worth a write"
    world.settle()
    assert world.status["phase"] == "Scheduled"


def test_a_long_refusal_is_told(platform: Platform, function: Object) -> None:
    """An admission policy may answer with the whole object: the status told its own length as the cause."""
    world = ScheduleSimulator(platform, function, schedule="0 * * * *")
    world.settle(refusal=Refusal(422, "CronJob.batch is invalid: " + "x" * 10_000))
    assert world.status["message"].startswith("CronJob.batch is invalid")


def test_a_refused_run_is_told_and_holds_up_nothing_else(hourly: ScheduleSimulator) -> None:
    hourly.edit(rerun="now", parameters={"x": 2})
    refusal = Refusal(403, "exceeded quota: count/mlrunruns", name="nightly-6a840b-t-1")
    hourly.settle(refusal=refusal)
    assert (hourly.replaced, hourly.created) == (1, []), "the CronJob was not what was refused"
    assert (hourly.status["phase"], hourly.cron_job is not None) == ("Scheduled", True)
    assert warning(hourly) == "run nightly-6a840b-t-1 was refused: exceeded quota: count/mlrunruns"
    assert hourly.decide(refusal=refusal).requeue == timedelta(seconds=30)
    hourly.settle()
    assert (len(hourly.created), warning(hourly)) == (1, None)


def test_a_fired_job_whose_run_is_refused_lets_the_schedule_stop(hourly: ScheduleSimulator) -> None:
    hourly.fire(BEGIN + HOUR)
    hourly.edit(stop=True)
    hourly.settle(refusal=Refusal(403, "exceeded quota: count/mlrunruns", name="nightly-6a840b-29924040"))
    assert hourly.cron_job is not None
    assert (hourly.cron_job["spec"]["suspend"], hourly.created, hourly.status["phase"]) == (True, [], "Stopped")
    hourly.settle()
    assert len(hourly.created) == 1


def test_a_schedule_held_by_a_finalizer_fires_no_more(hourly: ScheduleSimulator) -> None:
    hourly.run["metadata"] |= {"deletionTimestamp": "2026-11-23T12:30:00Z", "finalizers": ["example.org/hold"]}
    hourly.at(BEGIN + HOUR)
    job = hourly.fire(hourly.now)
    hourly.settle()
    assert hourly.cron_job is not None
    assert hourly.cron_job["spec"]["suspend"] is True
    assert (hourly.status["phase"], hourly.status["reason"]) == ("Stopped", "Stopped")
    assert "being deleted" in hourly.status["message"]
    assert hourly.created == [job["metadata"]["name"]], "what fired before is taken up"
    assert job["metadata"]["labels"][constants.LABEL_RUN_UID] != "s-1"
    hourly.end_run(hourly.created[0])
    hourly.edit(rerun="now", parameters={"x": 2})
    hourly.settle()
    assert (hourly.record["succeeded"], len(hourly.created), hourly.replaced) == (1, 1, 0)
    hourly.cron_job = None
    hourly.settle()
    assert hourly.cron_job is None, "none is created for it"


def warning(world: ScheduleSimulator) -> str | None:
    return next((c["message"] for c in world.status["conditions"] if c["type"] == "Warnings"), None)


def test_a_suspension_that_is_undone_is_told(hourly: ScheduleSimulator) -> None:
    """The operator asked for the same step again, which was logged as a bug, and told nothing."""
    hourly.undoes_suspension = True
    hourly.function = None  # type: ignore[assignment]
    hourly.settle()
    assert hourly.status["reason"] == "FunctionMissing"
    condition = next(c for c in hourly.status["conditions"] if c["type"] == "SuspendIgnored")
    assert "CronJob nightly-" in condition["message"]


def test_a_cron_job_that_is_changed_at_once_is_told(hourly: ScheduleSimulator) -> None:
    hourly.admission = lambda cron_job: cron_job["spec"].update(timeZone="Mars/Olympus")
    hourly.edit(parameters={"x": 2})
    hourly.settle()
    assert (hourly.status["phase"], hourly.status["reason"]) == ("Pending", "AdmissionDenied")
    assert "changes CronJob nightly-" in hourly.status["message"]
    hourly.admission = None
    hourly.settle()
    assert hourly.status["phase"] == "Scheduled"
