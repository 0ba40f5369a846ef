"""A schedule whose status an earlier operator wrote: no slot runs again, and no run counts twice.

`recorded/schedules/` holds, by the commit of the operator, schedules with their CronJobs, Jobs and runs. Do not
make them anew: they are what clusters hold.
"""

import copy
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.schedule_simulator import ScheduleSimulator

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.v1alpha1.status import RunStatus, with_current_names
from mlrun_operator.plan.awaited import is_awaited

Object = dict[str, Any]
RECORDED = json.loads((Path(__file__).parent / "recorded/schedules/248d607.json").read_text())
SETTINGS = Platform(wrapper_image="example.org/wrapper:2", store=StoreInfo(root="s3://other/{namespace}"))


def taken_up(state: Object) -> ScheduleSimulator:
    """The schedule as it was left, with the operator of today."""
    state = copy.deepcopy(state)
    world = ScheduleSimulator(SETTINGS, state["function"])
    world.run, world.jobs, world.cron_job = state["run"], state["jobs"], state["cronJob"]
    world.children = {child["metadata"]["name"]: child for child in state["children"]}
    world.created = state["made"]
    world.at(datetime.fromisoformat(state["now"]))
    world.cron_job["metadata"]["generation"] = 1
    world.show()
    return world


@pytest.mark.parametrize("state", RECORDED.values(), ids=RECORDED)
def test_no_slot_runs_again_and_nothing_counts_twice(state: Object) -> None:
    world = taken_up(state)
    recorded = state["run"]["status"]["schedule"]
    for _ in range(20):
        world.settle()
        for name in [name for name, child in world.children.items() if "status" not in child]:
            world.end_run(name)
    assert len(world.created) == len(set(world.created)), "no slot twice"
    assert not world.surplus_jobs
    record = world.record
    assert record["succeeded"] == len(world.created)
    assert (record["missed"], record.get("lastRerun")) == (recorded["missed"], recorded.get("triggered"))
    if "backfill" in recorded:
        assert record["backfill"]["startedSlots"] == recorded["backfill"]["total"] == record["backfill"]["total"]
        assert record["backfill"]["completionTime"]


@pytest.mark.parametrize("state", RECORDED.values(), ids=RECORDED)
def test_the_status_is_written_by_the_names_of_now(state: Object) -> None:
    world = taken_up(state)
    world.settle()
    names = {*world.record, *world.record.get("backfill", ())}
    assert not names & {"last", "lastSuccess", "next", "handled", "counted", "triggered", "until", "started"}
    kept = [child for child in state["children"] if "status" in child]
    assert kept
    assert not any(is_awaited(state["run"], child) for child in kept), "the old record counts them"


def test_a_field_of_now_stays_as_it_is() -> None:
    written = {"image": {"asked": "a", "used": "b"}, "schedule": {"last": "2026-11-23T12:00:00Z", "missed": 3}}
    status = RunStatus.model_validate(written)
    assert status.wire()["image"] == {"requested": "a", "resolved": "b"}
    assert with_current_names(status.wire()) == status.wire()
    assert with_current_names({"schedule": "odd", "image": None}) == {"schedule": "odd", "image": None}
