"""What a schedule counts: every missed slot, each run once, no run that it has not made."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from support.schedule_simulator import BEGIN, ScheduleSimulator

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.plan.awaited import is_awaited

Object = dict[str, Any]
HOUR = timedelta(hours=1)


def after_a_rest(platform: Platform, function: Object, days: float, **spec: Any) -> ScheduleSimulator:
    """A schedule of every minute that was suspended for so long, and whose last slot has fired since."""
    world = ScheduleSimulator(platform, function, schedule="* * * * *", **spec)
    world.settle()
    world.edit(suspend=True)
    world.settle()
    world.later(days=days)
    world.edit(suspend=None)
    world.settle()
    assert world.tick(timedelta(0)) is not None
    return world


def test_every_slot_of_two_suspended_days_is_missed(platform: Platform, function: Object) -> None:
    world = after_a_rest(platform, function, 2)
    world.settle()
    assert world.record["missed"] == 2879
    world.settle()
    assert (world.record["missed"], len(world.created)) == (2879, 1)


def test_a_long_rest_is_counted_over_several_passes(platform: Platform, function: Object) -> None:
    world = after_a_rest(platform, function, 8, successfulRunsHistoryLimit=0)
    counts = []
    for _ in range(5):
        world.settle()
        counts.append(world.record["missed"])
        for name, child in world.children.items():
            if "status" not in child:
                world.end_run(name)
    assert counts == [5000, 10_000, 11_519, 11_519, 11_519]
    assert world.record["caughtUpTo"] == world.record["lastScheduleTime"]
    assert world.children == {}, "its run was kept until it was counted past"


def test_a_run_is_kept_until_its_slot_is_counted_past(platform: Platform, function: Object) -> None:
    world = after_a_rest(platform, function, 8, successfulRunsHistoryLimit=0)
    world.settle()
    (name,) = world.created
    world.end_run(name)
    world.settle()
    assert world.record["caughtUpTo"] < world.record["lastScheduleTime"]
    assert name in world.children
    assert is_awaited(world.run, world.children[name])


def test_under_catch_up_all_every_slot_left_out_is_missed(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="* * * * *", catchUp={"policy": "All", "max": 2})
    world.settle()
    world.later(days=4, seconds=30)
    for _ in range(12):
        world.settle()
        for name, child in list(world.children.items()):
            if "status" not in child:
                world.end_run(name)
    assert len(world.created) == 2
    assert world.record["missed"] == 4 * 24 * 60 - 2 - 2, "but for those that may still fire"


def test_a_slot_that_runs_again_counts_once(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", stopAfter={"successes": 2})
    world.settle()
    name = world.fire(BEGIN + HOUR)["metadata"]["name"]
    world.settle()
    for phase in ("Failed", "Succeeded", "Succeeded"):
        world.children[name]["status"] = {"phase": "Running"}
        world.settle()
        assert world.record["active"] == 1
        world.end_run(name, phase)
        world.settle()
    record = world.record
    assert (record["succeeded"], record["failed"], record["countedRuns"]) == (0, 1, [name])
    assert record["lastSuccessfulTime"] == "2026-11-23T13:00:00Z"
    assert world.status["phase"] == "Scheduled"


@pytest.mark.parametrize("trigger", ["of a slot", "by rerun", "by hand"])
def test_a_copied_run_counts_nowhere(platform: Platform, function: Object, trigger: str) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 * * * *", successfulRunsHistoryLimit=0)
    world.settle()
    if trigger == "by rerun":
        world.edit(rerun="now")
    else:
        world.fire(BEGIN + HOUR, by_hand="try-it" if trigger == "by hand" else "")
    world.settle()
    (name,) = world.created
    copied = copy.deepcopy(world.children[name])
    copied["metadata"] |= {"name": "again", "uid": "copy"}
    world.children["again"] = copied
    world.settle()
    assert world.record["active"] == 1
    world.end_run("again")
    world.settle()
    assert world.record["succeeded"] == 0
    assert "again" in world.children, "the history does not delete it"
    assert not is_awaited(world.run, copied)
    world.end_run(name)
    for _ in range(3):
        world.settle()
    assert (world.record["succeeded"], list(world.children)) == (1, ["again"])


@pytest.mark.parametrize(
    ("expression", "words"),
    [("0 0 31 2 *", "never fires"), ("0 0 30,31 2 *", "never fires"), ("0 0 31 4,6,9,11 *", "never fires")],
)
def test_a_schedule_that_never_fires_says_so(platform: Platform, function: Object, expression: str, words: str) -> None:
    world = ScheduleSimulator(platform, function, schedule=expression)
    world.settle()
    conditions = {c["type"]: c["message"] for c in world.status["conditions"]}
    assert (world.status["phase"], "nextScheduleTime" in world.record) == ("Scheduled", False)
    assert words in world.status["message"]
    assert words in conditions["Warnings"]
    world.edit(rerun="now")
    world.settle()
    assert len(world.created) == 1, "a run by hand is possible"
    world.edit(schedule="0 0 29 2 *")
    world.settle()
    assert world.record["nextScheduleTime"] == "2028-02-29T00:00:00Z"
    assert "Warnings" not in {c["type"] for c in world.status["conditions"]}


def test_a_day_that_comes_after_many_years_is_not_never(platform: Platform, function: Object) -> None:
    world = ScheduleSimulator(platform, function, schedule="0 0 29 2 *")
    world.at(BEGIN.replace(year=2096, month=3))
    world.settle()
    assert "no slot within the next five years" in world.status["message"]
    assert "never" not in world.status["message"]


@pytest.mark.parametrize(
    "expression", ["0 0 31 2 1", "0 0 29 2 *", "0 0 31 2,3 *", "* * * * *", "@yearly", "0 0 1 2 0"]
)
def test_an_expression_with_a_day_in_any_year_fires(expression: str) -> None:
    assert parse_cron(expression).ever_fires
