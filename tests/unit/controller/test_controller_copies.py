"""A copied manifest of a run that a schedule made, as the operator observes and plans it."""

import copy
from typing import Any

from support.schedule_simulator import ScheduleSimulator

from mlrun_operator.api.values.names import job_name
from mlrun_operator.assess.status import to_wire
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, RUNS
from mlrun_operator.controller.observe import Observer
from mlrun_operator.plan import plan
from mlrun_operator.plan.decision import Ask, Create, Decision, Do, ReadDirectly, Tell
from mlrun_operator.plan.observation import Observation, ReadFresh, RunObservation

Object = dict[str, Any]


def observe(world: ScheduleSimulator, run: Object) -> Observation:
    index = Index()
    for resource, objects in (
        (RUNS, [world.run, *world.children.values(), run]),
        (FUNCTIONS, [world.function]),
        (CRON_JOBS, [world.cron_job]),
        (JOBS, world.jobs),
    ):
        for obj in objects:
            assert obj is not None
            index.put(resource, {**obj, "metadata": {**obj["metadata"], "resourceVersion": "1"}})
    return Observer(index, lambda: world.now).observe(run)


def decide(world: ScheduleSimulator, run: Object) -> Decision:
    """What is decided once Jobs and pods were read directly."""
    observation = observe(world, run)
    decision = plan(observation, world.platform)
    if decision == Ask(ReadDirectly()):
        decision = plan(observation.learn(ReadFresh([], [], world.now)), world.platform)
    return decision


def copied(world: ScheduleSimulator, name: str) -> Object:
    """`kubectl get mlr CHILD -o yaml`, another name, `kubectl apply`: all but status and uid comes along."""
    (child,) = world.children.values()
    run = copy.deepcopy(child)
    run["metadata"] |= {"name": name, "uid": "copy", "generation": 1}
    run.pop("status", None)
    return run


def test_a_copy_under_another_name_runs_by_itself(fired: ScheduleSimulator) -> None:
    run = copied(fired, "again")
    decision = decide(fired, run)
    assert isinstance(decision, Do)
    assert isinstance(decision.action, Create)
    job = decision.action.obj
    assert (job["kind"], job["metadata"]["name"]) == ("Job", job_name("again", "copy", 1))
    assert job["metadata"]["ownerReferences"][0]["uid"] == "copy"


def test_a_copy_does_not_stop_with_the_schedule_of_the_original(fired: ScheduleSimulator) -> None:
    """The controller reference came along with the manifest: the copy was Stopped before it started."""
    fired.run["spec"]["stop"] = True
    decision = decide(fired, copied(fired, "again"))
    assert isinstance(decision, Do)
    assert isinstance(decision.action, Create)
    (child,) = fired.children.values()
    observation = observe(fired, child)
    assert isinstance(observation, RunObservation)
    assert observation.schedule is not None


def test_a_copy_of_a_deleted_run_says_how_it_runs(fired: ScheduleSimulator) -> None:
    run = copied(fired, next(iter(fired.children)))
    fired.children, fired.jobs = {}, []
    decision = decide(fired, run)
    assert isinstance(decision, Tell)
    assert decision.status is not None
    assert (decision.status.phase, decision.status.reason) == ("Failed", "JobDeleted")
    assert "Set `spec.rerun`" in str(decision.status.message)

    run["status"] = to_wire(decision.status, run)
    run["spec"]["rerun"] = "now"
    run["metadata"]["generation"] = 2
    decision = decide(fired, run)
    assert isinstance(decision, Do)
    assert isinstance(decision.action, Create)
    assert decision.action.obj["metadata"]["name"] == job_name(run["metadata"]["name"], "copy", 2)
