"""The record of a schedule has a bound, and nothing that the schedule still needs is cut from it (BEHAVIOUR J2)."""

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from support.schedule_simulator import BEGIN, ScheduleSimulator, stamp

from mlrun_operator.api import bounds, constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.v1alpha1.status import BackfillStatus, RunStatus, ScheduleStatus
from mlrun_operator.api.values.names import slot_name
from mlrun_operator.assess.schedule import OTHER_FIELDS_BYTES
from mlrun_operator.assess.status_budget import within_budget
from mlrun_operator.plan.awaited import is_awaited

Object = dict[str, Any]
HOUR = timedelta(hours=1)
# No character takes more bytes of JSON: six.
CONTROL = "\x00"


def size(record: Object) -> int:
    return len(json.dumps(record, ensure_ascii=False).encode())


def with_ended_runs(platform: Platform, function: Object, number: int, *, by_hand: bool = False) -> ScheduleSimulator:
    """A schedule with so many ended runs that it has not counted yet, each of which somebody keeps."""
    world = ScheduleSimulator(platform, function, schedule="0 * * * *")
    world.run["metadata"]["name"] = "n" * 63
    world.settle()
    world.fire(BEGIN + HOUR)
    world.settle()
    (run,) = world.children.values()
    assert world.cron_job is not None
    world.children.clear()
    for hour in range(1, number + 1):
        child = copy.deepcopy(run)
        name = f"j{hour}" if by_hand else slot_name(world.cron_job["metadata"]["name"], BEGIN + hour * HOUR)
        child["metadata"] |= {"name": name, "uid": f"c-{hour}", "deletionTimestamp": stamp(BEGIN)}
        marks = {constants.ANNOTATION_SCHEDULED_TIME: stamp(BEGIN + hour * HOUR)}
        marks |= {constants.ANNOTATION_JOB_UID: f"{name}/uid"} if by_hand else {}
        child["metadata"]["annotations"] = {**child["metadata"]["annotations"], **marks}
        world.children[name] = child
        world.end_run(name)
    world.at(BEGIN + (number + 1) * HOUR)
    world.settle()
    return world


def test_a_record_of_too_many_runs_is_within_its_budget(platform: Platform, function: Object) -> None:
    """Its names took 61 KB; of more than 1,000 the API server refused the status for ever."""
    world = with_ended_runs(platform, function, 1100)
    record, status = world.record, RunStatus.model_validate(world.status)
    assert size(record) <= bounds.STATUS_SCHEDULE.limit
    assert within_budget(status) is status or within_budget(status).schedule == status.schedule
    assert record["countedRuns"] == list(world.children)[: record["succeeded"]], "the oldest are counted first"
    assert "not counted yet" in {c["type"]: c["message"] for c in world.status["conditions"]}["Warnings"]


def test_runs_that_had_no_room_are_counted_later(platform: Platform, function: Object) -> None:
    """Each counts once, and its schedule needs it until it is counted."""
    world, names = with_ended_runs(platform, function, 1100), list[str]()
    assert is_awaited(world.run, list(world.children.values())[-1])
    for _ in range(4):
        writes = world.writes
        world.settle()
        assert world.writes == writes, "nothing counts again while the runs are kept"
        names += world.record.get("countedRuns", [])
        for name in world.record.get("countedRuns", []):
            del world.children[name]
        world.settle()
    assert (world.record["succeeded"], world.children) == (1100, {})
    assert len(names) == len(set(names)) == 1100
    assert "Warnings" not in {c["type"] for c in world.status["conditions"]}


def test_short_names_are_no_more_than_the_schema_takes(platform: Platform, function: Object) -> None:
    world = with_ended_runs(platform, function, 1100, by_hand=True)
    assert len(world.record["countedRuns"]) == bounds.COUNTED_RUNS.limit
    RunStatus.model_validate(world.status)


def test_names_that_an_older_operator_wrote_all_stay(platform: Platform, function: Object) -> None:
    world = with_ended_runs(platform, function, 900)
    world.run["status"]["schedule"] |= {"countedRuns": list(world.children), "succeeded": 900}
    world.settle()
    assert (world.record["succeeded"], world.record["countedRuns"]) == (900, list(world.children))


def test_the_history_limits_keep_fewer_names_than_fit() -> None:
    """100 runs of each kind, 200 that wait for a missed slot, and those of a backfill's parallelism."""
    longest = len(slot_name("n" * 48, BEGIN)) + len('"", ')
    assert (100 + 100 + 200 + 50) * longest < bounds.STATUS_SCHEDULE.limit - OTHER_FIELDS_BYTES


def test_the_other_fields_of_a_record_are_small() -> None:
    """Each as long as the schema allows; lastRerun is the one that may hold any character."""
    fields = _longest(ScheduleStatus) | {"last_rerun": CONTROL * 256}
    record = ScheduleStatus(**fields, backfill=BackfillStatus(**_longest(BackfillStatus)))
    assert size(record.wire()) <= OTHER_FIELDS_BYTES


def _longest(model: type[ScheduleStatus | BackfillStatus]) -> Object:
    """Return the longest text or number of each plain field."""
    values: Object = {}
    for name, field in model.model_fields.items():
        limits = [limit.max_length for limit in field.metadata if hasattr(limit, "max_length")]
        if limits and name != "counted_runs":
            values[name] = "x" * limits[0]
        elif field.annotation is int:
            values[name] = 2**63
    return values


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Stopped"])
def test_each_end_that_waits_is_counted_by_its_phase(platform: Platform, function: Object, phase: str) -> None:
    world = with_ended_runs(platform, function, 600)
    last = list(world.children)[-1]
    world.end_run(last, phase)
    for name in world.record["countedRuns"]:
        del world.children[name]
    world.settle()
    assert world.record[phase.lower()] == (600 if phase == "Succeeded" else 1)
