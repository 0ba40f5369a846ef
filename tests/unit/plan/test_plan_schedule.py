"""A schedule as the plan leads it (BEHAVIOUR C); the CronJob controller is played by hand."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.decided import Decided
from support.schedule_simulator import BEGIN, ScheduleSimulator, stamp

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.ownership import is_adopted
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.api.values.names import slot_name
from mlrun_operator.assess.status import to_wire
from mlrun_operator.plan import Refusal, RunObservation
from mlrun_operator.plan import plan as decide
from mlrun_operator.plan.awaited import is_awaited
from mlrun_operator.plan.decision import Tell
from mlrun_operator.render.execution import execution_hash

Object = dict[str, Any]
HOUR = timedelta(hours=1)


def plan(observation: Any, platform: Platform) -> Decided:
    return Decided(decide(observation, platform))


@pytest.fixture
def hourly(platform: Platform, function: Object) -> ScheduleSimulator:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", parameters={"x": 1})
    world.settle()
    return world


def test_a_schedule_is_one_cron_job_and_one_status(hourly: ScheduleSimulator) -> None:
    assert hourly.cron_job is not None
    spec = hourly.cron_job["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 * * * *", "Etc/UTC", "Forbid")
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (63, 61)
    assert spec["suspend"] is False
    assert "startingDeadlineSeconds" not in spec
    assert (hourly.status["phase"], hourly.status["reason"]) == ("Scheduled", "Scheduled")
    assert hourly.record["nextScheduleTime"] == "2026-11-23T13:00:00Z"
    assert hourly.status["cronJobName"] == hourly.cron_job["metadata"]["name"]
    assert hourly.status["function"]["name"] == "my_function"
    hourly.settle()
    assert (hourly.writes, hourly.replaced, hourly.created) == (1, 0, [])
    ready = next(c for c in hourly.status["conditions"] if c["type"] == "Ready")
    assert ready["status"] == "True"


def test_a_firing_becomes_a_run_of_the_same_name(hourly: ScheduleSimulator) -> None:
    hourly.at(BEGIN + HOUR)
    job = hourly.fire(hourly.now)
    hourly.settle()
    name = job["metadata"]["name"]
    child = hourly.children[name]
    notes = child["metadata"]["annotations"]
    assert notes[constants.ANNOTATION_JOB_UID] == f"{name}/{job['metadata']['uid']}"
    assert notes[constants.ANNOTATION_SCHEDULED_TIME] == "2026-11-23T13:00:00Z"
    assert child["spec"] == {"functionRef": {"name": "my-function"}, "parameters": {"x": 1}}
    assert child["metadata"]["ownerReferences"][0]["uid"] == "s-1"
    assert job["metadata"]["labels"][constants.LABEL_RUN_UID] == child["metadata"]["uid"]
    assert (hourly.record["active"], hourly.record["lastScheduleTime"]) == (1, "2026-11-23T13:00:00Z")
    hourly.end_run(name)
    hourly.settle()
    record = hourly.record
    assert (record["active"], record["succeeded"], record["missed"]) == (0, 1, 0)
    assert record["lastSuccessfulTime"] == "2026-11-23T13:00:00Z"
    assert hourly.writes == 3


@pytest.mark.parametrize(
    "name", ["try-it", "try-1764150000", "try-20240131123456", "nightly-20240131", "nightly-1f0c2a-0012"]
)
def test_a_job_that_somebody_made_of_the_cron_job_is_a_run_by_hand(hourly: ScheduleSimulator, name: str) -> None:
    hourly.at(BEGIN + HOUR)
    hourly.fire(hourly.now)
    hourly.settle()
    hourly.later(minutes=10)
    job = hourly.fire(hourly.now, by_hand=name)
    hourly.settle()
    notes = hourly.children[name]["metadata"]["annotations"]
    assert notes[constants.ANNOTATION_TRIGGER] == "Manual"
    assert notes[constants.ANNOTATION_SCHEDULED_TIME] == "2026-11-23T13:10:00Z"
    assert notes[constants.ANNOTATION_JOB_UID] == f"{name}/{job['metadata']['uid']}"
    record = hourly.record
    assert (record["active"], record["lastScheduleTime"], record["missed"]) == (2, "2026-11-23T13:00:00Z", 0)
    hourly.end_run(name)
    hourly.settle()
    assert hourly.record["succeeded"] == 1


def test_a_child_follows_the_fired_job_and_makes_none(hourly: ScheduleSimulator, platform: Platform) -> None:
    job = hourly.fire(BEGIN + HOUR)
    hourly.settle()
    child = hourly.children[job["metadata"]["name"]]
    seen = RunObservation(child, BEGIN + HOUR, hourly.function, jobs=[job], schedule=hourly.run)
    step = plan(seen, platform)
    assert step.create is None
    assert step.status is not None
    assert step.status.job_name == job["metadata"]["name"]
    assert step.status.execution is not None
    assert step.status.execution.number == 1

    gone = RunObservation(child, BEGIN + HOUR, hourly.function, schedule=hourly.run)
    assert plan(gone, platform).confirm
    told = plan(RunObservation(child, BEGIN + HOUR, hourly.function, fresh=True, schedule=hourly.run), platform).status
    assert told is not None
    assert (told.phase, told.reason) == ("Failed", "JobDeleted")


def test_a_replaced_run_says_so(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", concurrencyPolicy="Replace")
    world.settle()
    first = world.fire(BEGIN + HOUR)
    world.settle()
    world.at(BEGIN + 2 * HOUR)
    world.fire(world.now)
    world.settle()
    child = world.children[first["metadata"]["name"]]
    told = plan(RunObservation(child, world.now, function, fresh=True, schedule=world.run), platform).status
    assert told is not None
    assert (told.phase, told.reason) == ("Stopped", "Replaced")


def test_stopping_the_schedule_stops_its_runs(hourly: ScheduleSimulator, platform: Platform) -> None:
    job = hourly.fire(BEGIN + HOUR)
    hourly.settle()
    child = hourly.children[job["metadata"]["name"]]
    child["status"] = {
        "phase": "Running",
        "jobName": job["metadata"]["name"],
        "execution": {"number": 1, "hash": job["metadata"]["annotations"][constants.ANNOTATION_HASH]},
    }
    hourly.edit(stop=True)
    hourly.settle()
    assert hourly.status["phase"] == "Stopped"
    assert hourly.cron_job is not None
    assert hourly.cron_job["spec"]["suspend"] is True
    seen = RunObservation(child, hourly.now, hourly.function, jobs=[job], schedule=hourly.run)
    made = plan(seen, platform).status
    assert made is not None
    assert made.execution is not None
    assert made.execution.job_uid == job["metadata"]["uid"]
    ending = plan(replace(seen, run={**child, "status": made.wire()}), platform).status
    assert ending is not None
    assert ending.reason == "Stopping"
    assert plan(replace(seen, run={**child, "status": ending.wire()}), platform).delete == job


def test_a_job_that_a_died_operator_left_halfway_is_taken_up_once(hourly: ScheduleSimulator) -> None:
    job = hourly.fire(BEGIN + HOUR)
    hourly.step()
    assert hourly.created == [job["metadata"]["name"]]
    assert job["metadata"]["labels"][constants.LABEL_RUN_UID] == "s-1"
    hourly.settle()
    assert hourly.created == [job["metadata"]["name"]]


def test_a_marked_job_goes_with_its_run(hourly: ScheduleSimulator) -> None:
    job = hourly.fire(BEGIN + HOUR)
    assert not is_adopted(job)
    job["metadata"]["labels"] |= {constants.LABEL_SCHEDULE_UID: "s-1"}
    assert is_adopted(job)


def test_a_changed_spec_or_function_changes_the_cron_job_in_place(hourly: ScheduleSimulator) -> None:
    hourly.edit(parameters={"x": 2})
    hourly.settle()
    assert hourly.replaced == 1
    hourly.function["spec"]["source"] = {"code": "def handler():\n    return 2\n"}
    hourly.settle()
    assert hourly.replaced == 2
    assert hourly.cron_job is not None
    hourly.cron_job["spec"]["suspend"] = True
    hourly.settle()
    assert hourly.replaced == 3, "what was changed by hand is put right"
    assert hourly.cron_job["spec"]["suspend"] is False


def test_an_edited_schedule_does_not_count_slots_it_never_had(hourly: ScheduleSimulator) -> None:
    hourly.at(BEGIN + HOUR)
    hourly.fire(hourly.now)
    hourly.settle()
    hourly.later(minutes=30)
    hourly.edit(schedule="* * * * *")
    hourly.settle()
    hourly.later(minutes=1)
    hourly.fire(hourly.now)
    hourly.settle()
    assert hourly.record["missed"] == 0


def test_suspending_rests_the_cron_job_and_leaves_the_runs_alone(hourly: ScheduleSimulator) -> None:
    job = hourly.fire(BEGIN + HOUR)
    hourly.edit(suspend=True)
    hourly.settle()
    assert (hourly.status["phase"], hourly.record["active"]) == ("Suspended", 1)
    assert "nextScheduleTime" not in hourly.record
    assert hourly.children[job["metadata"]["name"]]["spec"].get("suspend") is None
    hourly.edit(suspend=None)
    hourly.settle()
    assert hourly.status["phase"] == "Scheduled"


def test_a_schedule_without_its_function_rests(hourly: ScheduleSimulator) -> None:
    function, hourly.function = hourly.function, None  # type: ignore[assignment]
    hourly.settle()
    assert (hourly.status["phase"], hourly.status["reason"]) == ("Pending", "FunctionMissing")
    assert hourly.cron_job is not None
    assert hourly.cron_job["spec"]["suspend"] is True
    hourly.function = function
    hourly.settle()
    assert hourly.status["phase"] == "Scheduled"
    assert hourly.cron_job["spec"]["suspend"] is False


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"schedule": "61 * * * *"}, "write five fields"),
        ({"schedule": "0 * * * *", "timeZone": "Mars/Olympus"}, "is not an IANA time zone"),
        ({"schedule": "30-10 * * * *"}, "begins after its end"),
        (
            {"schedule": "* * * * *", "backfill": {"from": "2025-01-01T00:00:00Z", "to": "2024-01-01T00:00:00Z"}},
            "from must be before to",
        ),
    ],
)
def test_a_schedule_that_cannot_be_is_told_in_words(
    platform: Platform, function: Object, spec: Object, words: str
) -> None:
    world = ScheduleSimulator(platform, function, **spec)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "InvalidRun")
    assert words in world.status["message"]
    assert world.cron_job is None or world.cron_job["spec"]["suspend"]


def test_a_foreign_cron_job_is_never_taken(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *")
    world.cron_job = {"metadata": {"name": "x", "uid": "foreign", "ownerReferences": []}, "spec": {}}
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "NameConflict")
    assert world.cron_job["metadata"]["uid"] == "foreign"


def test_a_refused_cron_job_is_tried_again(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *")
    world.settle(refusal=Refusal(403, "exceeded quota: cronjobs"))
    assert world.status["reason"] == "QuotaExceeded"
    world.settle()
    assert world.status["phase"] == "Scheduled"


def test_history_keeps_the_newest_and_only_drops_what_is_counted(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(
        platform, function, schedule="0 * * * *", successfulRunsHistoryLimit=2, failedRunsHistoryLimit=1
    )
    world.settle()
    names = []
    for hour in range(1, 8):
        world.at(BEGIN + hour * HOUR)
        names.append(world.fire(world.now)["metadata"]["name"])
        world.settle()
        world.end_run(names[-1], "Failed" if hour % 3 == 0 else "Succeeded")
        assert names[-1] in world.children, "not before its end is recorded"
        world.settle()
        world.settle()
    assert sorted(world.children) == sorted([names[4], names[5], names[6]])
    assert (world.record["succeeded"], world.record["failed"]) == (5, 2)
    assert sorted(world.record["countedRuns"]) == sorted(world.children)


def test_a_run_that_a_user_deleted_stays_counted(hourly: ScheduleSimulator) -> None:
    name = hourly.fire(BEGIN + HOUR)["metadata"]["name"]
    hourly.settle()
    hourly.end_run(name)
    hourly.settle()
    hourly.children.clear()
    hourly.settle()
    assert hourly.record["succeeded"] == 1


def test_enough_successes_or_failures_stop_it_and_a_raised_number_goes_on(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", stopAfter={"failures": 1})
    world.settle()
    name = world.fire(BEGIN + HOUR)["metadata"]["name"]
    world.settle()
    world.end_run(name, "Failed")
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Stopped", "StopAfterReached")
    assert world.cron_job is not None
    assert world.cron_job["spec"]["suspend"] is True
    world.edit(stopAfter={"failures": 2})
    world.settle()
    assert world.status["phase"] == "Scheduled"


def test_a_new_rerun_is_a_run_now_and_once(hourly: ScheduleSimulator) -> None:
    hourly.edit(rerun="monday")
    hourly.settle()
    assert len(hourly.created) == 1
    (child,) = hourly.children.values()
    assert child["metadata"]["annotations"][constants.ANNOTATION_TRIGGER] == "Manual"
    assert "rerun" not in child["spec"]
    hourly.children.clear()
    hourly.settle()
    assert len(hourly.created) == 1, "a run that is gone is not triggered again"
    hourly.edit(rerun="tuesday", suspend=True)
    hourly.settle()
    assert len(hourly.created) == 2, "a suspended schedule can be triggered"


def test_a_schedule_that_comes_with_a_rerun_is_not_triggered(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", rerun="from git")
    world.settle()
    world.settle()
    assert world.created == []
    assert world.record["lastRerun"] == "from git"


def test_slots_that_nothing_fired_are_missed(hourly: ScheduleSimulator) -> None:
    hourly.at(BEGIN + HOUR)
    hourly.fire(hourly.now)
    hourly.settle()
    hourly.at(BEGIN + 5 * HOUR)
    hourly.fire(hourly.now)
    hourly.settle()
    hourly.settle()
    assert hourly.record["missed"] == 3


def test_catching_up_on_all_makes_each_missed_slot_oldest_first(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", catchUp={"policy": "All", "max": 3})
    world.settle()
    assert world.cron_job is not None
    assert world.cron_job["spec"]["startingDeadlineSeconds"] == 60
    world.at(BEGIN + 5 * HOUR + timedelta(minutes=10))
    order = []
    for _ in range(10):
        world.settle()
        running = [name for name, child in world.children.items() if "status" not in child]
        assert len(running) <= 1
        for name in running:
            order.append(world.children[name]["metadata"]["annotations"][constants.ANNOTATION_SCHEDULED_TIME])
            world.end_run(name)
    assert order == [stamp(BEGIN + hours * HOUR) for hours in (3, 4, 5)]
    assert world.record["missed"] == 2
    assert world.record["succeeded"] == 3


def test_a_slot_is_caught_up_on_while_a_backfill_goes_on(platform: Platform, function: Object) -> None:
    past = {"from": stamp(BEGIN - 48 * HOUR), "to": stamp(BEGIN)}
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", catchUp={"policy": "All"}, backfill=past)
    world.settle()
    assert len(world.children) == 1, "of the backfill"
    world.later(minutes=70)
    world.settle()
    assert [child["metadata"]["annotations"][constants.ANNOTATION_TRIGGER] for child in world.children.values()] == [
        "Backfill",
        "CatchUp",
    ]


def test_a_slot_that_waits_for_a_run_that_hangs_is_given_up_before_it_holds_up_a_crowd(
    platform: Platform, function: Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlrun_operator.plan.catch_up._MAX_RUNS_BEHIND", 20)
    world = ScheduleSimulator(platform, function, schedule="* * * * *", catchUp={"policy": "All"})
    world.settle()
    world.later(minutes=4, seconds=30)
    world.settle()
    (hangs,) = world.children
    for minute in range(5, 100):
        world.at(BEGIN + timedelta(minutes=minute))
        job = world.fire(world.now)
        world.settle()
        world.end_run(job["metadata"]["name"])
        world.settle()
    assert hangs in world.children
    assert len(world.children) < 30
    assert world.record["missed"] == 3, "those that waited behind the one that hangs"
    assert world.record["succeeded"] == 95


def test_catching_up_on_none_lets_missed_slots_go(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(
        platform, function, schedule="0 * * * *", catchUp={"policy": "None"}, startingDeadlineSeconds=30
    )
    world.settle()
    assert world.cron_job is not None
    assert world.cron_job["spec"]["startingDeadlineSeconds"] == 30
    world.at(BEGIN + 5 * HOUR)
    world.settle()
    assert world.created == []


BACKFILL = {"from": stamp(BEGIN - 20 * HOUR), "to": stamp(BEGIN + 100 * HOUR), "parallelism": 4}


def test_a_backfill_runs_every_slot_before_the_next_firing_once(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", backfill=BACKFILL, successfulRunsHistoryLimit=1)
    for _ in range(60):
        world.settle()
        running = [name for name, child in world.children.items() if "status" not in child]
        assert len(running) <= 4
        for name in running:
            world.end_run(name)
    assert len(world.created) == len(set(world.created)) == 21
    progress = world.record["backfill"]
    assert (progress["progress"], progress["total"], world.record["succeeded"]) == ("21/21", 21, 21)
    assert progress["completionTime"]
    assert len(world.children) == 1


def test_a_backfill_can_begin_with_the_newest(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", backfill={**BACKFILL, "order": "NewestFirst"})
    world.settle()
    slots = [child["metadata"]["annotations"][constants.ANNOTATION_SCHEDULED_TIME] for child in world.children.values()]
    assert sorted(slots) == [stamp(BEGIN - hours * HOUR) for hours in (3, 2, 1, 0)]


def test_another_range_is_another_backfill(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", backfill={**BACKFILL, "parallelism": 50})
    world.settle()
    assert len(world.created) == 21
    world.edit(backfill={"from": stamp(BEGIN - 22 * HOUR), "to": stamp(BEGIN), "parallelism": 50})
    world.settle()
    assert len(world.created) == 23
    assert world.record["backfill"]["progress"] == "22/22"


@pytest.mark.parametrize("where", ["the status", "the record", "the backfill", "a condition"])
def test_a_field_of_another_version_changes_nothing(platform: Platform, function: Object, where: str) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", backfill={**BACKFILL, "parallelism": 50})
    world.settle()
    for name in world.created:
        world.end_run(name)
    world.settle()
    world.settle()
    assert (len(world.created), world.record["succeeded"], len(world.children)) == (21, 21, 3)
    status = world.run["status"]
    part = {
        "the status": status,
        "the record": status["schedule"],
        "the backfill": status["schedule"]["backfill"],
        "a condition": status["conditions"][0],
    }[where]
    part["ofTomorrow"] = {"a": [1]}
    world.settle()
    assert (len(world.created), world.record["succeeded"]) == (21, 21)
    world.fire(BEGIN + HOUR)
    world.settle()
    assert (len(world.created), world.record["active"]) == (22, 1), "and it goes on"


def test_a_ledger_that_cannot_be_read_is_left_alone(hourly: ScheduleSimulator) -> None:
    hourly.run["status"]["schedule"]["succeeded"] = "many"
    hourly.fire(BEGIN + HOUR)
    assert hourly.decide() == Decided(Tell())


def test_a_field_of_another_version_starts_no_run_again(hourly: ScheduleSimulator, platform: Platform) -> None:
    """Neither a run of the schedule nor a plain one."""
    job = hourly.fire(BEGIN + HOUR)
    hourly.settle()
    child = hourly.children[job["metadata"]["name"]]
    plain = {"metadata": {"name": "p", "namespace": "team", "uid": "p", "generation": 1}, "spec": child["spec"]}
    for run in (child, plain):
        told = {"number": 1, "hash": execution_hash(run["spec"]), "generation": 1}
        run["status"] = {"phase": "Failed", "reason": "HandlerFailed", "execution": told, "ofTomorrow": [1]}
        step = plan(RunObservation(run, hourly.now, hourly.function, schedule=hourly.run), platform)
        assert step.create is None
        assert step.status is None or to_wire(step.status, run)["ofTomorrow"] == [1], "it stays whole"
        run["status"] |= {"phase": "Running", "jobName": "gone"}
        seen = RunObservation(run, hourly.now, hourly.function, fresh=True, schedule=hourly.run)
        step = plan(seen, platform)
        assert step.create is None
        assert step.status is not None
        assert step.status.reason == "JobDeleted"
        told["schema"] = 99
        assert plan(seen, platform) == Decided(Tell()), "it might mean anything"


def test_the_hours_of_a_rest_are_the_past_once_it_is_over(platform: Platform, function: Object) -> None:
    """Each of them, but for the last one, which the CronJob controller still fires."""
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", successfulRunsHistoryLimit=1)
    world.settle()
    world.at(BEGIN + HOUR)
    world.tick(timedelta(0))
    world.settle()
    world.end_run(world.created[0])
    world.edit(suspend=True)
    world.settle()
    world.at(BEGIN + 9.5 * HOUR)
    world.edit(suspend=None, backfill={"from": stamp(BEGIN + HOUR), "to": stamp(world.now), "parallelism": 50})
    world.settle()
    assert len(world.created) == 1 + 7
    assert world.tick(timedelta(0)) is not None
    for _ in range(3):
        world.settle()
        for name in unfinished(world):
            world.end_run(name)
    assert len(world.created) == len(set(world.created)) == 1 + 8
    assert world.record["backfill"]["progress"] == "8/8", "the first hour had its run"
    assert (world.record["missed"], world.surplus_jobs) == (0, [])


def test_a_slot_that_might_still_fire_waits_for_its_turn_in_the_past(platform: Platform, function: Object) -> None:
    """Just after a slot the CronJob controller may still be about to fire the one before, by its own clock."""
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", suspend=True)
    world.settle()
    world.at(BEGIN + 3 * HOUR + timedelta(seconds=20))
    world.edit(suspend=None, backfill={"from": stamp(BEGIN + HOUR), "to": stamp(world.now), "parallelism": 50})
    world.settle()
    assert (len(world.created), world.record["backfill"]["progress"]) == (1, "1/2")
    assert world.decide().requeue == timedelta(seconds=65)
    world.later(seconds=65)
    world.settle()
    assert (len(world.created), world.record["backfill"]["progress"]) == (2, "2/2")


def test_hours_that_no_cron_job_fires_any_more_are_all_the_past(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", catchUp={"policy": "None"}, suspend=True)
    world.settle()
    world.at(BEGIN + 3.5 * HOUR)
    world.edit(suspend=None, backfill={"from": stamp(BEGIN), "to": stamp(world.now), "parallelism": 50})
    world.settle()
    assert len(world.created) == 4
    world.edit(catchUp=None)
    world.settle()
    assert world.tick(timedelta(0)) is not None, "without the deadline it would fire the last of them"
    world.settle()
    assert (len(world.created), len(world.surplus_jobs)) == (4, 1)


def test_a_slot_that_fired_unseen_is_asked_for_before_it_is_made_up(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", successfulRunsHistoryLimit=9)
    world.settle()
    for hour in (1, 2, 3):
        world.at(BEGIN + hour * HOUR)
        world.tick(timedelta(0), unseen=True)
        for job in world.jobs:
            world.children.setdefault(job["metadata"]["name"], {"metadata": {"uid": "u", "name": "x"}, "status": {}})
    world.children.clear()
    world.later(minutes=30)
    world.edit(backfill={"from": stamp(BEGIN), "to": stamp(world.now), "order": "NewestFirst", "parallelism": 9})
    world.settle()
    assert (len(world.created), world.surplus_jobs) == (4, [])


def test_a_fired_job_whose_slot_the_backfill_has_run_is_one_too_many(platform: Platform, function: Object) -> None:
    """Also when that run is gone: the clocks may have gone back."""
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", backfill=BACKFILL, successfulRunsHistoryLimit=0)
    for _ in range(10):
        world.settle()
        for name in unfinished(world):
            world.end_run(name)
    assert (len(world.created), world.children) == (21, {})
    world.fire(BEGIN - HOUR)
    world.settle()
    assert (len(world.created), world.jobs) == (21, [])


@pytest.mark.parametrize(
    "change", [{"schedule": "30 * * * *"}, {"timeZone": "Asia/Kolkata"}, {"schedule": "0 0 * * *"}]
)
def test_an_edited_expression_goes_on_with_the_backfill(platform: Platform, function: Object, change: Object) -> None:
    asked = {"from": stamp(BEGIN - 12 * HOUR), "to": stamp(BEGIN), "parallelism": 1}
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", backfill=asked)
    for turn in range(40):
        world.settle()
        for name in unfinished(world):
            world.end_run(name)
        if turn == 8:
            before = set(world.created)
            world.edit(suspend=True)
            world.settle()
            world.edit(**change)
            world.settle()
            world.edit(suspend=None)
    backfill = world.record["backfill"]
    assert backfill["completionTime"]
    assert backfill["progress"] == f"{len(world.created)}/{len(world.created)}"
    later = [world.children[name] for name in world.created if name in world.children and name not in before]
    assert len({*world.created}) == len(world.created)
    notes = [child["metadata"]["annotations"] for child in later]
    assert all(note[constants.ANNOTATION_SCHEDULED_TIME][14:16] != "00" for note in notes)
    world.edit(schedule="* * * * *", timeZone=None)
    made = len(world.created)
    world.settle()
    assert len(world.created) == made, "what is over does not begin again"


TOO_LARGE = {"from": "2025-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z", "parallelism": 3}


def test_a_backfill_that_is_too_large_leaves_the_schedule_as_it_is(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="* * * * *", successfulRunsHistoryLimit=0)
    world.settle()
    world.edit(backfill=TOO_LARGE)
    for minute in (1, 2, 3):
        world.at(BEGIN + timedelta(minutes=minute))
        assert world.tick(timedelta(0)) is not None
        world.settle()
        world.end_run(world.created[-1])
        world.settle()
        world.settle()
    assert (world.status["phase"], len(world.created), world.record["succeeded"]) == ("Scheduled", 3, 3)
    assert (
        warning(world) == "backfill: the range has more than 10000 slots, so none of it is run; choose a smaller range"
    )
    assert world.children == {}, "its runs are not kept for it"
    world.edit(backfill={**TOO_LARGE, "from": stamp(BEGIN - timedelta(minutes=2))})
    world.settle()
    assert (warning(world), len(world.created)) == (None, 6)


def test_an_expression_that_makes_a_backfill_too_large_ends_it(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 0 1 * *", backfill={**TOO_LARGE, "parallelism": 1})
    world.settle()
    world.edit(schedule="* * * * *")
    for _ in range(3):
        world.settle()
        for name in unfinished(world):
            world.end_run(name)
    assert "more than 10000 slots" in str(warning(world))
    assert len(world.created) == 1
    world.edit(schedule="0 0 1 * *")
    world.settle()
    assert (warning(world), len(world.created)) == (None, 2)


def warning(world: ScheduleSimulator) -> str | None:
    return next((c["message"] for c in world.status["conditions"] if c["type"] == "Warnings"), None)


RESTORED = {"labels": {constants.LABEL_VELERO_RESTORE: "nightly"}}


def test_a_restored_schedule_goes_on_and_does_not_repeat_its_past(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", backfill=BACKFILL, rerun="monday")
    world.run["metadata"] |= RESTORED
    world.function, later = None, world.function  # type: ignore[assignment]
    world.settle()
    world.function = later
    world.settle()
    assert (world.status["phase"], world.created) == ("Scheduled", [])
    assert world.record["backfill"]["progress"] == "0/20"
    assert "the backfill is not run again" in str(warning(world))
    world.fire(BEGIN + HOUR)
    world.settle()
    assert len(world.created) == 1
    world.edit(backfill={**BACKFILL, "from": stamp(BEGIN - 2 * HOUR)})
    world.settle()
    assert (warning(world), len(world.created)) == (None, 4)


def test_a_restored_schedule_that_may_have_come_to_its_end_rests(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", stopAfter={"successes": 1}, rerun="monday")
    world.run["metadata"] |= RESTORED
    for _ in range(2):
        world.settle()
        assert (world.status["phase"], world.status["reason"]) == ("Stopped", "Restored")
        world.edit(parameters={"x": 2})
    assert (world.created, world.cron_job) == ([], None)
    world.edit(rerun="tuesday")
    world.settle()
    assert (world.status["phase"], len(world.created)) == ("Scheduled", 1)
    world.settle()
    assert len(world.created) == 1


def test_a_text_that_was_used_before_is_a_new_one_after_another(hourly: ScheduleSimulator) -> None:
    for count, text in enumerate(("now", "again", "now", "again", "now"), 1):
        hourly.edit(rerun=text)
        hourly.settle()
        assert len(hourly.created) == count
    hourly.edit(rerun=None)
    hourly.settle()
    hourly.edit(rerun="now")
    hourly.settle()
    assert len(hourly.created) == 5


def test_a_run_by_hand_is_one_whatever_comes_before_it_is_recorded(hourly: ScheduleSimulator) -> None:
    hourly.edit(rerun="now")
    hourly.step()
    assert len(hourly.created) == 1
    hourly.edit(schedule="nonsense")
    hourly.settle()
    hourly.edit(schedule="0 * * * *")
    hourly.settle()
    assert len(hourly.created) == 1


@pytest.mark.parametrize("ended", [{"stop": True}, {"stopAfter": {"successes": 1}}])
def test_a_rerun_of_a_stopped_schedule_is_none_later_either(hourly: ScheduleSimulator, ended: Object) -> None:
    name = hourly.fire(BEGIN + HOUR)["metadata"]["name"]
    hourly.settle()
    hourly.end_run(name)
    hourly.edit(**ended)
    hourly.settle()
    assert hourly.status["phase"] == "Stopped"
    hourly.edit(rerun="monday")
    hourly.settle()
    hourly.edit(**dict.fromkeys(ended))
    hourly.settle()
    assert (hourly.status["phase"], len(hourly.created)) == ("Scheduled", 1)
    assert hourly.record["lastRerun"] == "monday"


def test_a_run_is_awaited_until_its_end_is_counted(hourly: ScheduleSimulator) -> None:
    name = hourly.fire(BEGIN + HOUR)["metadata"]["name"]
    hourly.settle()
    hourly.end_run(name)
    child = hourly.children[name]
    assert is_awaited(hourly.run, child)
    hourly.settle()
    assert not is_awaited(hourly.run, child)
    assert not is_awaited(None, child)
    assert not is_awaited(hourly.run, {"metadata": {"name": "plain"}, "spec": {}})
    hourly.edit(backfill=BACKFILL)
    assert is_awaited(hourly.run, child), "the backfill might run its slot again"


def test_a_run_has_the_spec_that_its_job_was_fired_with(hourly: ScheduleSimulator) -> None:
    names = []
    for hour, x in ((1, 1), (2, 1), (3, 2)):
        hourly.at(BEGIN + hour * HOUR)
        names.append(hourly.fire(hourly.now)["metadata"]["name"])
        hourly.edit(parameters={"x": x + 1})
        if hour == 1:
            hourly.edit(parameters={"x": 1})
        hourly.settle()
        assert hourly.children[names[-1]]["spec"]["parameters"] == {"x": 1 if hour < 3 else 3}


def test_what_was_done_to_another_run_by_hand_does_not_come_with_its_spec(hourly: ScheduleSimulator) -> None:
    first = hourly.fire(BEGIN + HOUR)["metadata"]["name"]
    hourly.settle()
    hourly.children[first]["spec"] |= {"stop": True, "rerun": "by hand"}
    hourly.at(BEGIN + 2 * HOUR)
    second = hourly.fire(hourly.now)["metadata"]["name"]
    hourly.edit(parameters={"x": 2})
    hourly.settle()
    assert hourly.children[second]["spec"] == {"functionRef": {"name": "my-function"}, "parameters": {"x": 1}}


def test_runs_whose_slots_a_too_large_backfill_has_are_not_kept_for_it(platform: Platform, function: Object) -> None:
    wide = {"from": "2000-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", backfill=wide)
    world.settle()
    name = world.fire(BEGIN + HOUR)["metadata"]["name"]
    world.settle()
    world.end_run(name)
    world.settle()
    assert not is_awaited(world.run, world.children[name])


EVENTS = ("step", "step", "step", "time", "back", "fire", "fire", "show", "end", "again", "rest", "ask", "meddle")
TEN_MINUTES = "*/10 * * * *"


class Life:
    """All that can happen to a schedule, one thing after the other.

    The CronJob controller has a clock of its own and fires when it likes; what it fired may be unseen for long; clocks
    jump back. The operator takes single steps between all that, as if it died after each.
    """

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.kept = data.draw(st.sampled_from([0, 1, 2, 100]))
        asked = {
            "from": stamp(BEGIN - HOUR),
            "to": stamp(BEGIN + 100 * HOUR),
            "parallelism": data.draw(st.integers(1, 5)),
        }
        self.asked = {**asked, "order": data.draw(st.sampled_from(["OldestFirst", "NewestFirst"]))}
        function = {"metadata": {"name": "my-function", "namespace": "team", "uid": "f"}, "spec": FUNCTION}
        self.world = ScheduleSimulator(
            Platform(),
            function,
            schedule=TEN_MINUTES,
            catchUp={"policy": data.draw(st.sampled_from(["None", "Latest", "All"]))},
            concurrencyPolicy=data.draw(st.sampled_from(["Allow", "Forbid"])),
            successfulRunsHistoryLimit=self.kept,
            # A backfill that is asked for later runs again what the history has deleted before.
            **({"backfill": self.asked} if self.kept < 100 or data.draw(st.booleans()) else {}),
        )
        self.fired: set[str] = set()
        self.ended: set[str] = set()
        self.latest, self.jumped = BEGIN, False
        self.template: Object | None = None

    def goes_on(self) -> None:
        """One thing happens."""
        world, draw = self.world, self.data.draw
        match draw(st.sampled_from(EVENTS)):
            case "time":
                world.later(minutes=draw(st.integers(1, 45)))
            case "back" if not draw(st.integers(0, 9)):
                self.latest, self.jumped = max(self.latest, world.now), True
                world.later(minutes=-draw(st.integers(1, 45)))
            case "fire":
                skew = timedelta(seconds=draw(st.integers(-60, 60)))
                if (job := world.tick(skew, unseen=draw(st.booleans()))) is not None:
                    self.fired.add(job["metadata"]["name"])
            case "show":
                world.show()
            case "end" if running := unfinished(world):
                self.ends(draw(st.sampled_from(running)))
            case "again" if ended := sorted(self.ended & world.children.keys()):
                world.children[draw(st.sampled_from(ended))]["status"] = {"phase": "Running"}
            case "meddle" if world.cron_job is not None:
                self.template = self.template or world.cron_job["spec"]["jobTemplate"]
                edited_spec = {**self.template["spec"], "backoffLimit": draw(st.integers(1, 9))}
                world.edit_cron_job(jobTemplate={**self.template, "spec": edited_spec})
            case "rest":
                world.edit(suspend=None if world.run["spec"].get("suspend") else True)
            case "ask" if self.kept == 100:
                world.edit(backfill={**self.asked, "from": stamp(BEGIN - draw(st.integers(1, 3)) * HOUR)})
            case _:
                world.step()

    def calms_down(self) -> None:
        """Nothing hinders the operator any more."""
        self.world.edit(suspend=None, backfill=self.world.run["spec"].get("backfill", self.asked))
        self.world.at(max(self.latest, self.world.now) + HOUR)
        self.world.show()
        self.world.settle()
        for _ in range(2):  # a backfill that begins now waits for its last slot's own firing
            self.world.later(minutes=3)
            for _ in range(60):
                self.world.settle()
                for name in unfinished(self.world):
                    self.ends(name)
        self.world.settle()

    def ends(self, name: str) -> None:
        self.world.end_run(name)
        self.ended.add(name)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_dies_and_in_whatever_order_each_slot_is_one_run(data: st.DataObject) -> None:
    life = Life(data)
    for _ in range(data.draw(st.integers(20, 120))):
        life.goes_on()
    life.calms_down()
    world, backfill = life.world, life.world.record["backfill"]
    assert len(world.created) == len(set(world.created)), "no slot twice"
    assert life.fired <= set(world.created), "no firing lost"
    assert life.jumped or not world.surplus_jobs, "nor one begun twice"
    assert backfill["startedSlots"] == backfill["total"]
    assert backfill["completionTime"]
    start, until = (datetime.fromisoformat(backfill[name]) for name in ("from", "effectiveTo"))
    assert world.cron_job is not None
    assert life.template in (None, world.cron_job["spec"]["jobTemplate"]), "what was edited is put right"
    prefix = world.cron_job["metadata"]["name"]
    assert {slot_name(prefix, slot) for slot in parse_cron(TEN_MINUTES).slots(start, until)} <= set(world.created)
    assert world.record["succeeded"] == len(life.ended) == len(world.created)


def unfinished(world: ScheduleSimulator) -> list[str]:
    return [name for name, child in world.children.items() if child.get("status", RUNNING) == RUNNING]


RUNNING = {"phase": "Running"}
FUNCTION = {"source": {"code": "def handler():\n    return 1\n"}, "handler": "handler"}


def finished_child(world: ScheduleSimulator, **spec: Any) -> Object:
    """A run of the schedule that has succeeded, with its whole status."""
    job = world.fire(BEGIN + HOUR)
    world.settle()
    child = world.children[job["metadata"]["name"]]
    child["spec"] |= spec
    notes = job["metadata"]["annotations"]
    execution = {"number": 1, "hash": notes[constants.ANNOTATION_HASH], "generation": 1}
    child["metadata"]["generation"] = 1
    ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "observedGeneration": 1}
    child["status"] = {
        "observedGeneration": 1,
        "phase": "Succeeded",
        "reason": "Succeeded",
        "conditions": [{**ready, "lastTransitionTime": "2026-11-23T13:00:10Z"}],
        "execution": execution,
        "jobName": job["metadata"]["name"],
        "completionTime": "2026-11-23T13:00:10Z",
    }
    return child


def test_a_runs_own_ttl_waits_until_its_schedule_has_counted_it(hourly: ScheduleSimulator, platform: Platform) -> None:
    child = finished_child(hourly, runTtlSecondsAfterFinished=0)
    seen = RunObservation(child, BEGIN + 2 * HOUR, hourly.function, schedule=hourly.run)
    assert (plan(seen, platform).delete, plan(seen, platform).requeue) == (None, timedelta(seconds=30))
    hourly.settle()
    assert hourly.record["succeeded"] == 1
    assert plan(replace(seen, schedule=hourly.run), platform).delete is child


def test_a_run_says_that_its_job_fired_before_an_edit(hourly: ScheduleSimulator, platform: Platform) -> None:
    child = finished_child(hourly)
    told = plan(RunObservation(child, BEGIN + 2 * HOUR, hourly.function, schedule=hourly.run), platform).status
    assert told is None or "SpecChanged" not in [c.type for c in told.conditions or ()]
    child["spec"]["parameters"] = {"x": 2}
    told = plan(RunObservation(child, BEGIN + 2 * HOUR, hourly.function, schedule=hourly.run), platform).status
    assert told is not None
    assert "SpecChanged" in [c.type for c in told.conditions or ()]
