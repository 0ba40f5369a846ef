"""Marks that were copied from one object to another: what they name stays out of reach (BEHAVIOUR J2)."""

import copy
from typing import Any

import pytest
from support.schedule_simulator import ScheduleSimulator

from mlrun_operator.api import constants
from mlrun_operator.api.contract.result import Result, encode
from mlrun_operator.api.objects import Object
from mlrun_operator.api.ownership import is_adopted, is_fired_for
from mlrun_operator.api.reasons import Reason
from mlrun_operator.assess.jobs import points_of, replicas_of
from mlrun_operator.assess.status import to_wire
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import FUNCTIONS, JOBS, PODS, RUNS
from mlrun_operator.controller.observe import Observer
from mlrun_operator.plan import plan
from mlrun_operator.plan.decision import (
    Ask,
    Delete,
    DeletePod,
    Do,
    MarkReported,
    PatchLimits,
    ReadDirectly,
    SetSuspended,
    Tell,
)
from mlrun_operator.plan.observation import ReadFresh

OWNERS: dict[str, Object | None] = {
    "nobody": None,
    "victim": {"kind": "MlrunRun", "name": "first-run", "uid": "0b6f6b0e-0000-4000-8000-000000000001"},
    "stranger": {"kind": "MlrunRun", "name": "stranger", "uid": "stranger"},
    "schedule": {"kind": "MlrunRun", "name": "nightly", "uid": "schedule"},
}
SCHEDULE = {
    "metadata": {"name": "nightly", "namespace": "team", "uid": "schedule"},
    "spec": {"schedule": "0 * * * *", "functionRef": {"name": "my-function"}},
}
FORGED = {"name": "forged", "namespace": "team", "uid": "forged", "generation": 1}


def forged(job: Object, owner: Object | None, spec: dict[str, Any]) -> Object:
    """Return a run with every mark of a run that a schedule made for the Job."""
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    marks: dict[str, str] = {constants.LABEL_SCHEDULE_UID: owner["uid"] if owner else "x"}
    notes = {
        constants.ANNOTATION_JOB_UID: f"{name}/{uid}",
        constants.ANNOTATION_SCHEDULED_TIME: "2026-11-23T12:00:00Z",
    }
    owners = [{**owner, "controller": True}] if owner else []
    meta = {**FORGED, "name": name, "labels": marks, "annotations": notes, "ownerReferences": owners}
    return {"metadata": meta, "spec": {"functionRef": {"name": "my-function"}, **spec}}


def reaches(world: Any, run: Object) -> list[str]:
    """Return what is done to objects of others, and told of them, until the run's plan comes to an end."""
    index, reached = Index(), []
    for resource, objects in ((RUNS, [world.run, SCHEDULE]), (FUNCTIONS, [world.function]), (JOBS, world.jobs)):
        for obj in objects:
            index.put(resource, obj)
    for pod in world.pods:
        index.put(PODS, pod)
    index.put(RUNS, run)
    observation = Observer(index, lambda: world.now).observe(run)
    for _ in range(8):
        match plan(observation, world.platform):
            case Do(Delete(obj) | SetSuspended(obj) | PatchLimits(obj) | DeletePod(obj) | MarkReported(obj)) as done:
                return [*reached, f"{done.action} {obj['metadata']['name']}"]
            case Ask(ReadDirectly()):
                observation = observation.learn(ReadFresh(world.jobs, world.pods, world.now))
            case Tell(status) if status is not None:
                known = [status.outputs, status.results, status.attempts, status.start_time]
                reached += [str(part) for part in known if part]
                run["status"] = to_wire(status, run)
                observation = Observer(index, lambda: world.now).observe(run)
            case _:
                return reached
    return reached


@pytest.mark.parametrize("spec", [{}, {"stop": True}, {"suspend": True}, {"backoffLimit": 9}], ids=str)
@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("is_gone", [False, True], ids=["Job", "its pods"])
def test_the_marks_of_a_fired_job_reach_no_other_job(
    world: Any, owner: str, spec: dict[str, Any], is_gone: bool
) -> None:
    """The run was given the Job: it was deleted with `stop`, suspended with `suspend`, and its outputs were told."""
    world.settle()
    world.pod_runs()
    world.settle()
    victim = world.jobs[-1]
    pod = world.pods[-1]
    pod["metadata"]["labels"] |= {
        constants.LABEL_MANAGED_BY: constants.MANAGER,
        constants.LABEL_RUN_UID: world.run["metadata"]["uid"],
        constants.LABEL_JOB_UID: victim["metadata"]["uid"],
    }
    pod["metadata"]["ownerReferences"][0]["name"] = victim["metadata"]["name"]
    run = forged(victim, OWNERS[owner], spec)
    if is_gone:
        world.jobs.clear()
        report = encode(Result(reason=Reason.SUCCEEDED, results={"secret": 1}), 4096)
        terminated = {"exitCode": 0, "message": report, "finishedAt": "2026-11-23T12:00:20Z"}
        pod["status"]["containerStatuses"][0]["state"] = {"terminated": terminated}
        pod["status"]["containerStatuses"].append({"name": "proxy", "state": {"running": {}}})
        world.later(3600)
    assert reaches(world, run) == []


def test_a_copied_label_makes_no_pod_anothers(world: Any) -> None:
    """A pod with the labels of a run's pod was ended with that run's own, although another Job controls it."""
    world.settle()
    world.pod_runs()
    world.settle()
    other = world.add_pod(
        {"metadata": {"name": "of-another", "uid": "of-another"}}, **copy.deepcopy(world.pods[-1]["status"])
    )
    other["metadata"]["labels"] = {
        constants.LABEL_JOB_UID: world.jobs[-1]["metadata"]["uid"],
        constants.LABEL_JOB: world.jobs[-1]["metadata"]["name"],
        constants.LABEL_RUN_UID: world.run["metadata"]["uid"],
    }
    other["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 0}}
    other["status"]["containerStatuses"].append({"name": "proxy", "state": {"running": {}}})
    world.later(3600)
    world.settle()
    assert (world.deleted, len(world.status["attempts"])) == ([], 1)


@pytest.mark.parametrize("mark", [constants.ANNOTATION_REPLICAS, constants.ANNOTATION_POINTS])
def test_a_copied_count_is_no_count(world: Any, mark: str) -> None:
    """The annotation of a Job of one pod made a thousand replicas of it."""
    world.settle()
    job = world.jobs[-1]
    job["metadata"]["annotations"][mark] = "1000"
    assert (replicas_of(job), points_of(job)) == (None, None)
    indexed = {**job, "spec": {**job["spec"], "completionMode": "Indexed", "completions": 10**6}}
    assert (replicas_of(indexed), points_of(indexed)) == (1000, None)


def test_a_fired_job_is_that_of_its_schedules_run(fired: ScheduleSimulator) -> None:
    (child,), (job,) = fired.children.values(), fired.jobs
    assert is_fired_for(child, job)
    job["metadata"]["labels"][constants.LABEL_SCHEDULE_UID] = fired.run["metadata"]["uid"]
    assert is_adopted(job)
    another = copy.deepcopy(job)
    another["metadata"]["ownerReferences"][0]["name"] = "of-another"
    assert not is_fired_for(child, another)
    assert not is_adopted(another), "the labels of our Jobs on a Job of somebody's own CronJob"
    orphan = copy.deepcopy(job)
    orphan["metadata"]["ownerReferences"] = []
    assert not is_fired_for(child, orphan)
    assert not is_adopted(orphan)
