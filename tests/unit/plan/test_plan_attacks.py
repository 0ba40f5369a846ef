"""Histories that an attacker of the rules A and B found, each with the fault that it showed."""

import time
from datetime import timedelta
from typing import Any

import pytest

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import Reason
from mlrun_operator.assess.pods import read_pod
from mlrun_operator.assess.times import format_time
from mlrun_operator.plan import Refusal, RunObservation, RunsAhead, plan
from mlrun_operator.plan.decision import Tell
from mlrun_operator.plan.observation import ReadFresh

INDEX = "batch.kubernetes.io/job-completion-index"
QUOTA = Refusal(403, "exceeded quota: q")
STARTED = {"running": {"startedAt": "2026-11-23T12:00:05Z"}}


def waits_for_its_image(world: Any) -> None:
    """The first execution's pod cannot pull its image."""
    world.settle()
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    world.add_pod(containerStatuses=[{"name": "mlrun", "image": "typo:1", "state": {"waiting": waiting}}])
    world.settle()
    assert world.status["reason"] == "ImagePull"


def is_superseded_by(world: Any, **spec: Any) -> None:
    """An edit takes the place of an execution whose pod takes its time to go."""
    waits_for_its_image(world)
    world.pods[-1]["status"]["phase"] = "Running"
    world.later(20)
    world.edit(**spec)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "Superseded")


def runs(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    assert world.status["phase"] == "Running"


def add_index(world: Any, index: int, phase: str = "Running", **state: Any) -> Any:
    """A pod of a replica or point."""
    pod = world.add_pod(phase=phase, containerStatuses=[{"name": "mlrun", "state": state or STARTED}])
    pod["metadata"]["labels"][INDEX] = str(index)
    return pod


# --- superseded


def test_a_dying_run_gets_no_successor(world: Any) -> None:
    """The run is deleted, and held by a finalizer, while the execution that gives way ends: n+1 was created."""
    is_superseded_by(world, parameters={"x": 2})
    world.run["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:30Z"
    world.pods.clear()
    world.settle()
    assert (world.created, world.status["phase"], world.status["reason"]) == (1, "Stopped", "Superseded")


def test_a_successor_waits_for_a_lost_pod(world: Any) -> None:
    """The node of the execution that gives way is lost: n+1 was created beside its pod after a minute."""
    is_superseded_by(world, parameters={"x": 2})
    world.later(61)
    decided = world.settle()
    assert (world.created, world.status["phase"], world.status["reason"]) == (1, "Pending", "Superseded")
    assert world.condition("PodMayStillRun")["status"] == "True"
    assert decided.requeue is not None
    world.pods.clear()
    world.settle()
    assert (world.created, world.status["execution"]["number"]) == (2, 2)


def test_a_stop_of_a_successor_does_not_wait(world: Any) -> None:
    """The same, and spec.stop: the run is over, with the condition."""
    is_superseded_by(world, parameters={"x": 2})
    world.later(61)
    world.settle()
    world.edit(stop=True)
    world.settle()
    assert (world.created, world.status["phase"]) == (1, "Stopped")
    assert world.condition("PodMayStillRun")["status"] == "True"


def test_a_rerun_that_supersedes_does_not_wait(world: Any) -> None:
    """An explicit rerun takes the place; its create is refused first, and then it waited for the lost pod."""
    is_superseded_by(world, rerun="x")
    world.later(61)
    world.settle(refusal=QUOTA)
    assert (world.status["execution"]["number"], world.status["reason"]) == (2, "QuotaExceeded")
    world.later(30)
    world.settle()
    assert world.created == 2


def test_a_successor_has_a_deadline_of_its_own(world: Any) -> None:
    """Its create is refused: the pending deadline, and the back-off, counted since execution 1 began to wait."""
    world.edit(pendingDeadlineSeconds=7200)
    waits_for_its_image(world)
    world.later(7100)
    world.edit(parameters={"x": 2})
    world.settle(refusal=QUOTA)
    assert (world.status["execution"]["number"], world.status["reason"]) == (2, "QuotaExceeded")
    world.later(200)
    decided = world.settle(refusal=QUOTA)
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "QuotaExceeded")
    assert decided.requeue == timedelta(seconds=200)


# --- lost pods


@pytest.mark.parametrize("held", [{"refusal": QUOTA}, {"suspend": True}])
def test_a_rerun_that_is_held_does_not_wait_for_a_lost_pod(world: Any, held: dict[str, Any]) -> None:
    """The rerun was let past the lost pod, then refused or suspended once, and then waited for that pod for ever."""
    runs(world)
    world.edit(stop=True)
    world.settle()
    world.later(61)
    world.settle()
    assert world.condition("PodMayStillRun")["status"] == "True"
    world.edit(stop=None, rerun="now", suspend=held.get("suspend"))
    world.settle(refusal=held.get("refusal"))
    assert (world.created, world.status["execution"]["number"]) == (1, 2)
    assert world.condition("PodMayStillRun")["status"] == "True", "it is still there"
    world.later(61)
    world.edit(suspend=None)
    world.settle()
    assert world.created == 2


def test_a_rerun_after_a_stopped_edit_does_not_wait(world: Any) -> None:
    """An edit beside spec.stop is recorded as execution 2, Stopped: who had lost a pod was forgotten with it."""
    runs(world)
    world.edit(stop=True)
    world.settle()
    world.later(61)
    world.settle()
    world.edit(parameters={"x": 2})
    world.settle()
    assert (world.status["execution"]["number"], world.status["phase"]) == (2, "Stopped")
    world.edit(stop=None, parameters={"x": 3})
    world.settle()
    assert world.created == 1, "an edit waits"
    world.edit(rerun="now")
    world.settle()
    assert world.created == 2


def test_a_deadline_ends_a_sweep_whose_node_is_lost(world: Any) -> None:
    """FailureTarget was told, Failed never is while a pod is there: the points were Running for ever (F7)."""
    world.edit(hyperparameters={"params": {"x": [1, 2]}, "placement": "FanOut"}, activeDeadlineSeconds=60)
    world.settle()
    pods = [add_index(world, 0), add_index(world, 1)]
    world.settle()
    world.later(60)
    failure = {"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
    world.jobs[-1]["status"]["conditions"] = [failure]
    for pod in pods:
        pod["metadata"]["deletionTimestamp"] = format_time(world.now + timedelta(seconds=30))
    assert world.settle().requeue is not None
    assert world.created == 1
    world.later(62)
    world.settle()
    assert world.created == 2, "what there is is collected"
    assert world.status["execution"]["ending"]["reason"] == "DeadlineExceeded"


# --- suspension


@pytest.mark.parametrize("start", ["2026-11-23T12:00:01Z", None])
def test_a_resumed_run_has_its_whole_pending_deadline(world: Any, start: str | None) -> None:
    """An hour suspended, then resumed: until the Job controller sees it the old start counted, and the run failed."""
    world.edit(pendingDeadlineSeconds=60)
    world.settle()
    world.edit(suspend=True)
    world.settle()
    suspended = {"type": "Suspended", "status": "True", "lastTransitionTime": format_time(world.now)}
    world.jobs[-1]["status"] = {"conditions": [suspended], **({"startTime": start} if start else {})}
    world.later(3600)
    world.settle()
    world.edit(suspend=None)
    decided = world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "Created")
    assert decided.requeue is not None
    world.jobs[-1]["status"] = {"conditions": [{**suspended, "status": "False"}], "startTime": format_time(world.now)}
    world.later(61)
    world.settle()
    assert world.status["reason"] == "PendingDeadlineExceeded"


# --- reports


def test_a_pod_that_is_gone_still_reports(run: Any, platform: Platform, world: Any) -> None:
    """The Job goes with its pod right after the success; the direct reading, without them, hid the report."""
    runs(world)
    world.pod_ends(Result(reason=Reason.SUCCEEDED, results={"a": 1}))
    observation = RunObservation(world.run, world.now, world.function, [], world.pods)
    decision = plan(observation.learn(ReadFresh([], [], world.now)), platform)
    assert isinstance(decision, Tell)
    assert decision.status is not None
    assert (decision.status.phase, decision.status.results) == ("Succeeded", {"a": 1})


def test_a_pod_that_is_gone_does_not_live_on(world: Any) -> None:
    """One that had not ended when it was seen last is no pod that may run once it is gone."""
    runs(world)
    observation = RunObservation(world.run, world.now, world.function, [], world.pods)
    assert observation.learn(ReadFresh([], [], world.now)).pods == []


def test_a_success_whose_pod_is_gone_is_not_run_again(world: Any) -> None:
    """A sidecar keeps the pod, the operator deletes it, it fails and goes: the Job made another pod."""
    world.edit(backoffLimit=2)
    runs(world)
    world.pod_ends(Result(reason=Reason.SUCCEEDED))
    world.pods[-1]["status"]["phase"] = "Running"
    world.pods[-1]["status"]["containerStatuses"].append({"name": "proxy", "image": "p", "state": STARTED})
    world.later(60)
    world.settle()
    assert world.status["execution"]["ending"]["phase"] == "Succeeded"
    world.pods.clear()
    retry = world.add_pod()
    world.settle()
    assert (world.jobs, retry in world.pods) == ([], False)
    assert (world.status["phase"], world.created) == ("Succeeded", 1)


def fired(world: Any, **spec: Any) -> None:
    """Make the run a schedule's child, whose Job fired and went before it was recorded; replica 0 had succeeded."""
    world.edit(**spec)
    name = world.run["metadata"]["name"]
    owner = {"kind": "MlrunRun", "name": "s", "uid": "s-1", "controller": True}
    world.run["metadata"] |= {
        "annotations": {constants.ANNOTATION_JOB_UID: f"{name}/fired"},
        "ownerReferences": [owner],
    }
    job = {"metadata": {"name": name, "uid": "fired"}}
    pod = world.add_pod(job)
    pod["metadata"]["labels"][INDEX] = "0"
    world.pod_ends(Result(reason=Reason.SUCCEEDED))


def test_one_replica_of_an_unrecorded_job_is_not_all(world: Any) -> None:
    """How many replicas a Job had that nobody recorded is not known: one success made the run Succeeded."""
    fired(world, replicas=3)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "JobDeleted")


# --- what others undo


@pytest.mark.parametrize(
    ("edit", "undone"),
    [({"suspend": True}, {"suspend": False}), ({"backoffLimit": 3}, {"backoffLimit": 0})],
)
def test_what_a_webhook_undoes_is_tried_once(world: Any, edit: dict[str, Any], undone: dict[str, Any]) -> None:
    """The answer to the patch lacks what was sent: the plan asked again for the same step, an EndlessPlanError."""
    runs(world)
    world.edit(**edit)
    act, tries = world.act, []

    def undo(action: Any) -> None:
        act(action)
        tries.append(action.key)
        world.jobs[-1]["spec"] |= undone
        world.jobs[-1]["metadata"]["annotations"].pop(constants.ANNOTATION_LIMITS_GENERATION, None)

    world.act = undo
    world.settle()
    assert len(tries) == 1
    assert world.status["observedGeneration"] == 2, "its status is told all the same"


# --- clocks


def test_a_slow_clock_asks_for_causes_all_the_same(world: Any) -> None:
    """The operator's clock is two hours behind: the cause of a pod that does not come was asked for after two hours."""
    world.later(-7200)
    decided = world.settle()
    assert decided.requeue is not None
    assert decided.requeue <= timedelta(seconds=60)


# --- hostile objects


@pytest.mark.parametrize("count", ["99999999999", "9" * 5000, "²", "-1", "1e9", ""])
@pytest.mark.parametrize("annotation", [constants.ANNOTATION_REPLICAS, constants.ANNOTATION_POINTS])
def test_a_hostile_count_of_indexes_is_none(world: Any, annotation: str, count: str) -> None:
    """Whoever may edit Jobs edits an annotation: the operator counted to it, in memory."""
    world.settle()
    world.jobs[-1]["metadata"]["annotations"][annotation] = count
    world.jobs[-1]["status"]["completedIndexes"] = "0-99999999999,²,1-x"
    runs(world)


def test_a_long_image_is_cut(world: Any) -> None:
    """A webhook's mirror, or an edited annotation: the status could not be built, and the run never went on."""
    world.settle()
    job = world.jobs[-1]
    job["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror.example.org/" + "x" * 600
    job["metadata"]["annotations"][constants.ANNOTATION_IMAGE_REQUESTED] = "y" * 600
    runs(world)
    assert {len(image) for image in world.status["image"].values()} == {512}


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-13-45", ""])
def test_moments_at_the_end_of_time_harm_nothing(world: Any, moment: str) -> None:
    """`kubectl delete pod --grace-period` takes any number: no deadline can be added to such a moment."""
    world.edit(pendingDeadlineSeconds=60)
    runs(world)
    world.pods[-1]["metadata"] |= {"deletionTimestamp": moment, "creationTimestamp": moment}
    world.jobs[-1]["status"]["startTime"] = moment
    world.settle()
    assert world.status["phase"] == "Running"
    world.pod_ends(Result(reason=Reason.SUCCEEDED), finishedAt=moment, startedAt=moment)
    world.job_ends(succeeded=True)
    world.settle()
    assert world.status["phase"] == "Succeeded"


def test_a_pod_without_anything_is_read() -> None:
    """No labels, no times, no containers, no spec."""
    view = read_pod({"metadata": {"name": "p", "uid": "u", "creationTimestamp": None}, "status": None})
    assert (view.started, view.ended, view.created) == (False, False, "")


# --- cost


def test_a_thousand_pods_are_read_once(world: Any, platform: Platform) -> None:
    """Each decision read every pod four times, and each step decides again."""
    world.edit(replicas=1000)
    world.settle()
    for index in range(1000):
        add_index(world, index)
    observation = RunObservation(world.run, world.now, world.function, world.jobs, world.pods)
    plan(observation, platform)
    assert observation.read_pod(world.pods[0]) is observation.read_pod(world.pods[0])
    began = time.process_time()
    for _ in range(3):
        plan(observation, platform)
    assert time.process_time() - began < 0.6


def test_a_happy_run_takes_one_create_and_three_writes(world: Any) -> None:
    """No question is asked of the API server, and nothing is written at rest (A10)."""
    decisions, look = [], world.look

    def record(**more: Any) -> Any:
        decided = look(**more)
        decisions.append(type(decided.decision).__name__)
        return decided

    world.look = record
    world.settle()
    world.add_pod()
    world.settle()
    world.succeed()
    world.settle()
    assert (world.created, world.writes, world.status["phase"]) == (1, 3, "Succeeded")
    assert set(decisions) == {"Do", "Tell"}
    assert decisions.count("Do") == 1


# --- what others wrote


@pytest.mark.parametrize(("phase", "reason"), [("Failed", "Terminated"), ("Stopped", "Stopped")])
def test_an_ending_with_an_unknown_reason_ends(world: Any, phase: str, reason: str) -> None:
    """A newer operator began the end; this one raised at every look, and the run never ended."""
    runs(world)
    world.edit(stop=True)
    world.settle()
    world.status["execution"]["ending"] |= {"phase": phase, "reason": "OfANewerOperator"}
    world.pods.clear()
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == (phase, reason)


@pytest.mark.parametrize("limit", ["pendingDeadlineSeconds", "ttlSecondsAfterFinished"])
@pytest.mark.parametrize("seconds", [10**18, -5])
def test_a_limit_beyond_all_bounds_is_none(world: Any, limit: str, seconds: int) -> None:
    """Somebody edited the annotation of the Job: every look at the run raised, or it failed at once."""
    world.settle()
    world.jobs[0]["metadata"]["annotations"][constants.ANNOTATION_LIMITS] = f'{{"{limit}": {seconds}}}'
    world.settle()
    world.succeed()
    assert (world.status["phase"], len(world.jobs)) == ("Succeeded", 1)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (constants.ANNOTATION_GENERATION, "9" * 30),
        (constants.ANNOTATION_HASH, "garbage"),
        (constants.ANNOTATION_FUNCTION, f'{{"name": "f", "digest": "d", "generation": {10**30}}}'),
    ],
)
def test_a_broken_annotation_of_a_job_is_not_recorded(world: Any, annotation: str, text: str) -> None:
    """The API server refused every status with such a number, and no edit differed from such a hash."""
    world.settle()
    del world.run["status"]
    world.jobs[0]["metadata"]["annotations"][annotation] = text
    world.succeed()
    assert text not in (str(world.status["execution"]["generation"]), world.status["execution"]["hash"])
    assert "function" not in world.status or world.status["function"]["generation"] == 3
    world.edit(parameters={"x": 2})
    world.settle()
    assert world.created == 2


# --- limits that are taken away


def test_a_deadline_taken_away_is_taken_from_the_job(world: Any) -> None:
    """The Job kept it, and the run ended by a deadline that nobody had set any more."""
    world.edit(activeDeadlineSeconds=60, backoffLimit=2)
    runs(world)
    world.edit(activeDeadlineSeconds=None, backoffLimit=None)
    world.settle()
    spec = world.jobs[0]["spec"]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (None, 0)


def test_a_limit_taken_away_is_the_functions_again(world: Any) -> None:
    world.function["spec"]["run"] = {"activeDeadlineSeconds": 900, "backoffLimit": 1}
    world.edit(activeDeadlineSeconds=60, backoffLimit=2)
    runs(world)
    world.function["spec"]["run"] = {"activeDeadlineSeconds": 5}
    world.edit(activeDeadlineSeconds=None, backoffLimit=None)
    world.settle()
    spec = world.jobs[0]["spec"]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (900, 1)


def test_a_pending_deadline_taken_away_ends_nothing(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60)
    waits_for_its_image(world)
    world.edit(pendingDeadlineSeconds=None)
    world.later(100)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "ImagePull")


def test_a_function_in_the_run_keeps_its_deadline(world: Any) -> None:
    function = {"source": {"code": "x = 1"}, "run": {"activeDeadlineSeconds": 60}}
    world.edit(functionRef=None, function=function)
    runs(world)
    world.edit(suspend=None, stop=False)
    world.settle()
    assert world.jobs[0]["spec"]["activeDeadlineSeconds"] == 60


# --- restored from a backup with the status


def restore(world: Any) -> None:
    """A backup tool creates the run again, without its Jobs."""
    world.jobs.clear()
    world.pods.clear()
    world.run["metadata"]["uid"] = "restored"


def test_a_rerun_that_the_backup_holds_starts_nothing(world: Any) -> None:
    """The rerun was asked for just before the backup, and ran after it."""
    world.settle()
    world.succeed()
    world.edit(rerun="x")
    restore(world)
    world.settle()
    assert (world.created, world.status["phase"]) == (1, "Succeeded")
    world.edit(rerun="y")
    world.settle()
    assert world.created == 2


def test_a_queued_execution_of_a_backup_starts_nothing(world: Any) -> None:
    """It was in a queue when the backup was made, and may have run since."""
    world.settle()
    world.succeed()
    world.function["spec"]["maxConcurrentRuns"] = 1
    world.edit(parameters={"x": 2})
    world.settle(ahead=RunsAhead(function=1))
    assert world.status["reason"] == "Queued"
    restore(world)
    world.settle()
    assert (world.created, world.status["phase"], world.status["reason"]) == (1, "Stopped", "Restored")
    world.edit(rerun="y")
    world.settle()
    assert world.created == 2


def test_a_superseded_execution_of_a_backup_has_no_successor(world: Any) -> None:
    is_superseded_by(world, parameters={"x": 2})
    restore(world)
    world.settle()
    assert (world.created, world.status["phase"], world.status["reason"]) == (1, "Stopped", "Restored")


@pytest.mark.parametrize("limits", ["[" * 20_000, "{", "[]", "null", "9" * 5000])
def test_limits_that_are_no_json_object_change_nothing(world: Any, limits: str) -> None:
    """Whoever may patch Jobs can write them: one that was nested deeply was a bug at every look, without an end."""
    runs(world)
    world.jobs[0]["metadata"]["annotations"][constants.ANNOTATION_LIMITS] = limits
    world.pod_runs()
    world.settle()
    world.succeed()
    world.settle()
    assert world.status["phase"] == "Succeeded"
