"""A schedule with much to make up for: others have their turn, and only a plan that goes in circles is a bug."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from support.schedule_simulator import BEGIN, ScheduleSimulator

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.values.names import cron_job_name
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, RUNS, Resource
from mlrun_operator.controller import reconcile
from mlrun_operator.controller.reconcile import Reconciler
from mlrun_operator.plan.decision import Do, Replace

Object = dict[str, Any]
KEY = ("team", "nightly")


class Played:
    """A cluster that takes what it is given; a CronJob it changes where it `meddles`."""

    def __init__(self) -> None:
        self.version = 100
        self.writes: list[str] = []
        self.status: Object = {}
        self.meddles = False

    async def create(self, resource: Resource, obj: Object) -> Object:
        return self._kept(f"create {resource.kind}", obj, uid=f"made-{self.version}")

    async def patch(self, resource: Resource, obj: Object, changes: Object, *, any_state: bool = False) -> Object:
        labels = (obj["metadata"].get("labels") or {}) | changes["metadata"]["labels"]
        return self._kept(f"patch {resource.kind}", {**obj, "metadata": {**obj["metadata"], "labels": labels}})

    async def replace(self, resource: Resource, obj: Object) -> Object:
        return self._kept(f"replace {resource.kind}", obj)

    async def replace_status(self, resource: Resource, obj: Object, status: Object) -> Object:
        self.status = status
        return self._kept("status", {**obj, "status": status})

    async def our_events(self, namespace: str) -> set[str]:
        return set()

    async def post_event(self, event: Object) -> bool:
        return bool(event)

    def _kept(self, what: str, obj: Object, **more: str) -> Object:
        self.version += 1
        self.writes.append(what)
        kept = copy.deepcopy(obj)
        kept["metadata"] |= {"resourceVersion": str(self.version), **more}
        if "CronJob" in what and self.meddles:
            kept["spec"]["timeZone"] = "Mars/Olympus"
        return kept


@pytest.fixture
def world(platform: Platform, function: Object) -> ScheduleSimulator:
    """After two hours of a schedule of every minute, with no operator there."""
    played = ScheduleSimulator(platform, function, schedule="* * * * *")
    played.settle()
    assert played.cron_job is not None
    played.cron_job["metadata"]["name"] = cron_job_name("nightly", "s-1")
    for minute in range(1, 121):
        played.at(BEGIN + timedelta(minutes=minute))
        played.fire(played.now)
    return played


def operator_in(world: ScheduleSimulator, cluster: Any) -> Reconciler:
    index = Index()
    index.put(RUNS, world.run)
    index.put(FUNCTIONS, {**world.function, "metadata": {"resourceVersion": "1", **world.function["metadata"]}})
    assert world.cron_job is not None
    index.put(CRON_JOBS, {**world.cron_job, "metadata": {**world.cron_job["metadata"], "resourceVersion": "1"}})
    for job in world.jobs:
        index.put(JOBS, {**job, "metadata": {**job["metadata"], "resourceVersion": "1"}})
    return Reconciler(cluster, index, world.platform, clock=lambda: world.now)


async def test_a_long_backlog_is_made_up_for_in_turns(world: ScheduleSimulator) -> None:
    cluster = Played()
    reconciler = operator_in(world, cluster)
    turns = 1
    while await reconciler.reconcile(KEY) == 0.0:
        turns += 1
    assert turns == 4, "240 steps and a status, 64 a turn"
    assert (cluster.writes.count("create MlrunRun"), cluster.writes.count("patch Job")) == (120, 120)
    assert cluster.writes.count("status") == 1
    assert (cluster.status["phase"], cluster.status["schedule"]["active"]) == ("Scheduled", 120)


async def test_a_plan_that_goes_in_circles_is_told_at_once(
    world: ScheduleSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Played()
    reconciler = operator_in(world, cluster)
    monkeypatch.setattr(reconcile, "plan", lambda observation, _: Do(Replace(observation.cron_job)))
    with pytest.raises(RuntimeError, match=r"the plan of team/nightly asks again .*: replace u-"):
        await reconciler.reconcile(KEY)
    assert cluster.writes == ["replace CronJob"]


async def test_a_cron_job_that_a_webhook_changes_is_replaced_once(world: ScheduleSimulator) -> None:
    cluster = Played()
    cluster.meddles = True
    world.jobs = []
    assert world.cron_job is not None
    world.cron_job["status"] = {}
    world.edit(parameters={"x": 2})
    assert await operator_in(world, cluster).reconcile(KEY) is not None
    assert cluster.writes == ["replace CronJob", "status"]
    assert cluster.status["reason"] == "AdmissionDenied"
