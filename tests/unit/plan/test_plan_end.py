"""How an execution ends, whoever ends it, and what may start after it (BEHAVIOUR A4 to A9)."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from mlrun_operator.api import constants
from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import OutputInfo
from mlrun_operator.assess.times import format_time
from mlrun_operator.plan import Refusal
from mlrun_operator.plan.decision import SetSuspended

DATASET = OutputInfo(key="store://team/dataitem/table/dataset:1", kind="table", path="s3://x", size=5, sha256="ab")
INDEX = "batch.kubernetes.io/job-completion-index"


def runs(world: Any) -> None:
    """The first execution's pod runs, and that is recorded."""
    world.settle()
    world.pod_runs()
    world.settle()
    assert world.status["phase"] == "Running"


def told_to_end(world: Any, seconds: int = 30) -> None:
    world.pods[-1]["metadata"]["deletionTimestamp"] = format_time(world.now + timedelta(seconds=seconds))


def pod_is_gone(world: Any) -> None:
    world.pods.pop()


def terminated(world: Any) -> None:
    """The pod stores what it has after SIGTERM and ends."""
    world.pod_ends(Result(reason=Reason.TERMINATED, outputs={"dataset": DATASET}), exit_code=143)


def job_fails_because_of(world: Any, reason: str, message: str = "") -> None:
    """Kubernetes has decided that the Job fails; its pods are told to end."""
    failure = {"type": "FailureTarget", "status": "True", "reason": reason, "message": message}
    world.jobs[-1]["status"]["conditions"] = [{**failure, "lastTransitionTime": format_time(world.now)}]
    told_to_end(world)


# --- one execution after the other


def test_a_stop_taken_back_is_over_before_the_rerun(world: Any) -> None:
    runs(world)
    world.edit(stop=True)
    world.settle()
    assert (world.status["phase"], world.status["reason"], world.jobs) == ("Running", "Stopping", [])
    world.edit(stop=None, rerun="x")
    world.settle()
    assert (world.created, world.status["reason"]) == (1, "Stopping"), "its pod still ends"
    terminated(world)
    world.settle()
    assert (world.created, world.status["execution"]["number"]) == (2, 2)
    past = world.status["executions"][0]
    assert (past["number"], past["phase"], past["reason"]) == (1, "Stopped", "Stopped")


def test_a_stop_taken_back_keeps_partial_outputs(world: Any) -> None:
    runs(world)
    world.edit(stop=True)
    world.settle()
    world.edit(stop=None)
    terminated(world)
    world.settle()
    assert (world.status["phase"], world.created) == ("Stopped", 1)
    assert world.status["outputs"]["dataset"]["key"] == DATASET.key
    assert world.status["message"] == "stopped by spec.stop; outputs: 1, results: 0"
    assert "ending" not in world.status["execution"]


def test_the_end_is_recorded_before_the_job_is_touched(world: Any) -> None:
    runs(world)
    world.edit(stop=True)
    recorded = world.look().status
    assert recorded.execution.ending.reason == "Stopped"
    assert recorded.execution.job_uid == "job-1"


def test_a_rerun_waits_for_the_pod_of_a_deleted_job(world: Any) -> None:
    runs(world)
    world.jobs.clear()
    world.edit(rerun="x")
    world.settle()
    assert (world.created, world.status["reason"]) == (1, "Stopping")
    assert world.status["message"].endswith("before its end was recorded; waiting for its pods to end")
    told_to_end(world)
    terminated(world)
    world.settle()
    assert world.created == 2
    assert world.status["executions"][0]["reason"] == "JobDeleted"


def test_a_success_after_its_job_was_deleted_counts(world: Any) -> None:
    runs(world)
    world.jobs.clear()
    world.settle()
    world.pod_ends(Result(reason=Reason.SUCCEEDED, outputs={"dataset": DATASET}))
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Succeeded", "Succeeded")
    assert world.status["outputs"]["dataset"]["key"] == DATASET.key


def test_a_failure_after_its_job_was_deleted_is_named(world: Any) -> None:
    runs(world)
    world.jobs.clear()
    world.settle()
    world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="ValueError: no"), exit_code=1)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "HandlerFailed")


def test_a_pod_that_was_orphaned_is_deleted(world: Any) -> None:
    """`kubectl delete job --cascade=orphan` leaves only the label."""
    runs(world)
    world.pods[-1]["metadata"]["labels"][constants.LABEL_JOB_UID] = "job-1"
    world.pods[-1]["metadata"]["ownerReferences"] = []
    world.jobs.clear()
    world.settle()
    assert world.deleted == []
    world.later(11)
    world.settle()
    assert world.deleted == [world.pods[-1]["metadata"]["name"]]
    terminated(world)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "JobDeleted")


def test_a_foreground_deletion_is_recorded_while_it_goes(world: Any) -> None:
    runs(world)
    world.jobs[-1]["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:30Z"
    told_to_end(world)
    world.settle()
    assert (world.status["reason"], world.status["execution"]["ending"]["reason"]) == ("Stopping", "JobDeleted")
    terminated(world)
    world.jobs.clear()
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "JobDeleted")
    assert world.status["outputs"]["dataset"]["key"] == DATASET.key


def test_an_edit_waits_for_the_pod_of_an_evicted_execution(world: Any) -> None:
    world.edit(maxDisruptions=0)
    runs(world)
    disrupted = {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}
    world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="told to end"), exit_code=1)
    world.pods[-1]["status"] |= disrupted
    world.add_pod()
    world.pod_runs()
    world.edit(parameters={"x": 2})
    world.settle()
    assert (world.created, world.jobs, world.status["reason"]) == (1, [], "Stopping")
    assert world.status["execution"]["ending"]["reason"] == "Evicted"
    world.pod_ends(Result(reason=Reason.TERMINATED), exit_code=143)
    world.settle()
    assert (world.created, world.status["executions"][0]["reason"]) == (2, "Evicted")


def test_disruptions_are_bounded_whatever_the_report_says(world: Any) -> None:
    world.edit(maxDisruptions=2)
    world.settle()
    for _ in range(3):
        world.add_pod()
        world.pod_runs()
        world.settle()
        world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="SIGTERM"), exit_code=1)
        world.pods[-1]["status"] |= {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}
        world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "Evicted")
    assert world.status["disruptions"] == 3


def test_a_job_made_and_deleted_unrecorded_is_made_again(world: Any) -> None:
    """There is no intent before the Job; the next one waits for the pods of the first."""
    world.add_job(world.look().create)
    world.pod_runs()
    world.jobs.clear()
    world.settle()
    assert (world.created, world.status["phase"]) == (1, "Pending")
    assert "earlier one" in world.status["message"]
    pod_is_gone(world)
    world.settle()
    assert world.created == 2


# --- nodes that are lost, deadlines


def test_a_deadline_ends_a_run_whose_node_is_lost(world: Any) -> None:
    world.edit(activeDeadlineSeconds=60)
    runs(world)
    world.later(60)
    job_fails_because_of(world, "DeadlineExceeded", "Job was active longer than specified deadline")
    world.settle()
    assert world.status["execution"]["ending"]["reason"] == "DeadlineExceeded"
    world.later(59)
    world.settle()
    assert world.status["phase"] == "Running"
    world.later(2)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "DeadlineExceeded")
    assert world.condition("PodMayStillRun")["status"] == "True"
    assert world.jobs, "Kubernetes has decided its end: it makes no pods any more"


def lost(world: Any, **spec: Any) -> None:
    """A run that is over although its pod may still run."""
    runs(world)
    world.edit(stop=True, **spec)
    world.settle()
    world.later(61)
    world.settle()
    assert (world.status["phase"], world.condition("PodMayStillRun")["status"]) == ("Stopped", "True")


def test_an_edit_waits_until_a_lost_pod_is_gone(world: Any) -> None:
    lost(world)
    world.edit(stop=None, parameters={"x": 2})
    world.settle()
    assert (world.created, world.status["phase"]) == (1, "Stopped")
    assert "pod" in world.condition("ChangeWaits")["message"]
    pod_is_gone(world)
    world.settle()
    assert world.created == 2
    assert world.condition("PodMayStillRun") is None


def test_an_explicit_rerun_does_not_wait_for_a_lost_pod(world: Any) -> None:
    lost(world)
    world.edit(stop=None, rerun="now")
    world.settle()
    assert world.created == 2


def test_a_lost_pod_that_goes_takes_its_condition_along(world: Any) -> None:
    lost(world)
    pod_is_gone(world)
    world.settle()
    assert world.condition("PodMayStillRun") is None
    assert world.settle().status is None


def test_a_lost_node_is_told_while_nothing_ends_the_run(world: Any) -> None:
    runs(world)
    told_to_end(world)
    world.later(61)
    world.settle()
    assert (world.status["phase"], world.created) == ("Running", 1)
    assert "its node may be lost" in world.status["message"]


def test_a_success_in_the_sync_of_the_deadline_counts(world: Any) -> None:
    world.edit(activeDeadlineSeconds=60)
    runs(world)
    world.pod_ends(Result(reason=Reason.SUCCEEDED, outputs={"dataset": DATASET}))
    world.job_ends(succeeded=False)
    world.jobs[-1]["status"]["conditions"][0] |= {"reason": "DeadlineExceeded", "message": "too long"}
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Succeeded", "Succeeded")
    assert world.status["outputs"]["dataset"]["key"] == DATASET.key


def test_a_success_after_the_deadline_does_not_count(world: Any) -> None:
    world.edit(activeDeadlineSeconds=60)
    runs(world)
    job_fails_because_of(world, "DeadlineExceeded", "too long")
    world.settle()
    world.later(10)
    world.pod_ends(Result(reason=Reason.SUCCEEDED, outputs={"dataset": DATASET}))
    world.pods[-1]["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"] = "2026-11-23T12:00:40Z"
    world.settle()
    world.jobs[-1]["status"]["conditions"].append(
        {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "lastTransitionTime": "2026-11-23T12:00:50Z"}
    )
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "DeadlineExceeded")
    assert world.status["outputs"]["dataset"]["key"] == DATASET.key, "what it stored is told"


# --- superseded


def stuck(world: Any) -> None:
    world.settle()
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    world.add_pod(containerStatuses=[{"name": "mlrun", "image": "typo:1", "state": {"waiting": waiting}}])
    world.settle()
    assert world.status["reason"] == "ImagePull"


def test_a_wrong_image_is_mended_by_an_edit(world: Any) -> None:
    stuck(world)
    world.later(20)
    world.edit(parameters={"x": 2})
    world.settle()
    assert (world.created, world.status["phase"]) == (2, "Pending")
    past = world.status["executions"][0]
    assert (past["number"], past["phase"], past["reason"]) == (1, "Stopped", "Superseded")
    assert world.status["execution"]["number"] == 2


def test_a_wrong_image_is_mended_in_the_function(world: Any) -> None:
    stuck(world)
    world.later(20)
    world.function["spec"]["image"] = "right:1"
    world.settle()
    assert (world.created, world.status["execution"]["number"]) == (2, 2)
    assert world.status["executions"][0]["reason"] == "Superseded"


def test_a_change_supersedes_at_most_once_in_ten_seconds(world: Any) -> None:
    world.now -= timedelta(seconds=20)
    stuck(world)
    world.now += timedelta(seconds=22)
    world.edit(parameters={"x": 2})
    decided = world.settle()
    assert world.created == 1
    assert decided.requeue is not None
    assert decided.requeue <= timedelta(seconds=10)
    assert world.condition("ChangeWaits")["status"] == "True"
    world.later(20)
    world.settle()
    assert world.created == 2


def test_a_superseded_run_that_is_stopped_starts_nothing(world: Any) -> None:
    stuck(world)
    world.pods[-1]["status"]["phase"] = "Running"  # it takes its time to go
    world.later(20)
    world.edit(parameters={"x": 2})
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "Superseded")
    world.edit(stop=True)
    world.pods.clear()
    world.settle()
    assert (world.created, world.status["phase"]) == (1, "Stopped")


def test_a_superseded_run_that_is_suspended_holds_the_next(world: Any) -> None:
    stuck(world)
    world.later(20)
    world.edit(parameters={"x": 2}, suspend=True)
    world.settle()
    assert (world.created, world.status["phase"], world.status["execution"]["number"]) == (1, "Suspended", 2)
    world.edit(suspend=None)
    world.settle()
    assert world.created == 2


def test_a_run_that_runs_is_not_superseded(world: Any) -> None:
    runs(world)
    world.later(60)
    world.edit(parameters={"x": 2})
    world.settle()
    assert (world.created, world.status["reason"]) == (1, "Running")
    assert "execution 2" in world.condition("ChangeWaits")["message"]


def test_the_edit_back_of_a_superseded_run_still_starts(world: Any) -> None:
    """What is superseded always has a successor, whatever its spec."""
    stuck(world)
    world.pods[-1]["status"]["phase"] = "Running"
    world.later(20)
    world.edit(parameters={"x": 2})
    world.settle()
    world.edit(parameters={"x": 1})
    world.pods.clear()
    world.settle()
    assert (world.created, world.status["execution"]["number"]) == (2, 2)


# --- words follow the cause


def test_words_follow_the_secret_that_is_missing_now(world: Any) -> None:
    world.settle()
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "a" not found'}
    world.add_pod(containerStatuses=[{"name": "mlrun", "image": "i", "state": {"waiting": waiting}}])
    world.settle()
    assert 'secret "a"' in world.status["message"]
    waiting["message"] = 'secret "b" not found'
    world.settle()
    assert 'secret "b"' in world.status["message"]


@pytest.mark.parametrize(
    ("first", "second", "is_noise"),
    [
        ("Back-off 10s restarting", "Back-off 1m20s restarting", True),
        ("0/5 nodes are available: 3 Insufficient cpu.", "0/6 nodes are available: 4 Insufficient cpu.", True),
        ("0/5 nodes: 3 Insufficient cpu.", "0/5 nodes: 3 Insufficient nvidia.com/gpu.", False),
        ("secret keys-1 not found", "secret keys-2 not found", False),
        ("image a/b:1.0", "image a/b:1.1", False),
    ],
)
def test_only_numbers_of_one_cause_are_noise(world: Any, first: str, second: str, is_noise: bool) -> None:
    world.settle()
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": first}
    world.add_pod(conditions=[scheduled])
    world.settle()
    writes = world.writes
    scheduled["message"] = second
    world.settle()
    assert (world.writes == writes) is is_noise


# --- suspension by others, limits


def test_what_somebody_else_suspends_is_left_alone(world: Any) -> None:
    world.settle()
    world.jobs[-1]["spec"]["suspend"] = True
    for _ in range(20):
        assert world.look().suspend is None
        world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "JobSuspended")
    assert world.jobs[-1]["spec"]["suspend"] is True


def test_a_webhook_that_undoes_a_suspension_is_told(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(world)
    world.edit(suspend=True)
    act = world.act
    monkeypatch.setattr(world, "act", lambda action: None if isinstance(action, SetSuspended) else act(action))
    decided = world.settle()
    assert "sets spec.suspend of Job" in world.condition("SuspendIgnored")["message"]
    assert decided.requeue == timedelta(minutes=1)
    monkeypatch.undo()
    world.settle()
    assert world.jobs[-1]["spec"]["suspend"] is True
    assert world.condition("SuspendIgnored") is None


def test_a_client_that_undoes_a_suspension_is_not_fought(world: Any) -> None:
    """Each undid the other at once, for ever."""
    runs(world)
    world.edit(suspend=True)
    world.settle()
    job = world.jobs[-1]
    job["metadata"]["annotations"][constants.ANNOTATION_SUSPENDED_AT] = format_time(world.now)
    job["spec"]["suspend"] = False
    world.later(20)
    assert world.settle().requeue == timedelta(seconds=40)
    assert job["spec"]["suspend"] is False
    assert world.condition("SuspendIgnored")["status"] == "True"
    world.later(40)
    assert world.look().suspend is not None


def test_a_preempted_run_is_pending_and_queued(world: Any) -> None:
    world.run["metadata"]["labels"] = {constants.LABEL_QUEUE: "q"}
    world.settle()
    world.jobs[-1]["spec"]["suspend"] = False
    world.pod_runs()
    world.settle()
    assert world.status["phase"] == "Running"
    world.jobs[-1]["spec"]["suspend"] = True
    told_to_end(world)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "Queued")


def test_suspend_in_a_kueue_queue_is_told_to_be_ignored(world: Any) -> None:
    world.run["metadata"]["labels"] = {constants.LABEL_QUEUE: "q"}
    world.settle()
    world.edit(suspend=True)
    world.settle()
    assert world.condition("SuspendIgnored")["status"] == "True"


def test_a_success_that_a_suspension_forgets_ends_the_run(world: Any) -> None:
    runs(world)
    world.edit(suspend=True)
    world.settle()
    world.pod_ends(Result(reason=Reason.SUCCEEDED, outputs={"dataset": DATASET}))
    world.settle()
    assert (world.status["phase"], world.status["outputs"]["dataset"]["key"]) == ("Succeeded", DATASET.key)
    world.edit(suspend=None)
    world.settle()
    assert (world.created, world.status["phase"]) == (1, "Succeeded")


def test_limits_of_a_running_job_are_patched_once(world: Any) -> None:
    runs(world)
    world.edit(activeDeadlineSeconds=100, backoffLimit=3)
    world.settle()
    job = world.jobs[-1]
    assert (job["spec"]["activeDeadlineSeconds"], job["spec"]["backoffLimit"]) == (100, 3)
    job["spec"]["activeDeadlineSeconds"] = 50  # a webhook knows better
    assert world.look().limits is None
    assert world.created == 1


def test_retries_are_never_patched_below_the_failures(world: Any) -> None:
    world.edit(backoffLimit=5)
    runs(world)
    world.jobs[-1]["status"]["failed"] = 2
    world.edit(backoffLimit=0)
    world.settle()
    assert world.jobs[-1]["spec"]["backoffLimit"] == 2


def test_a_deadline_of_replicas_waits_for_the_next_execution(world: Any) -> None:
    world.edit(replicas=2, activeDeadlineSeconds=100)
    world.settle()
    world.edit(activeDeadlineSeconds=200)
    world.settle()
    assert world.jobs[-1]["spec"]["activeDeadlineSeconds"] == 100
    assert "activeDeadlineSeconds" in world.condition("ChangeWaits")["message"]


def test_a_refused_create_is_tried_ever_later(world: Any) -> None:
    waits = []
    for seconds in (0, 30, 60, 600, 3600):
        world.later(seconds)
        waits.append(world.settle(refusal=Refusal(403, "exceeded quota: q")).requeue.total_seconds())
    assert waits == [30, 30, 90, 600, 600]


# --- sidecars


def sidecar(world: Any, **state: Any) -> None:
    world.pods[-1]["status"]["containerStatuses"].append({"name": "proxy", "image": "p", "state": state})


def wrapper_ends(world: Any, exit_code: int = 0) -> None:
    """The wrapper's container has ended; another one keeps the pod."""
    reason = Reason.HANDLER_FAILED if exit_code else Reason.SUCCEEDED
    world.pod_ends(Result(reason=reason, outputs={"dataset": DATASET}), exit_code=exit_code)
    world.pods[-1]["status"]["phase"] = "Running"
    sidecar(world, running={"startedAt": "2026-11-23T12:00:05Z"})


def test_a_sidecar_that_runs_on_is_told_then_ended(world: Any) -> None:
    runs(world)
    wrapper_ends(world)
    world.later(10)
    decided = world.settle()
    assert "container proxy still runs" in world.status["message"]
    assert decided.requeue is not None
    assert decided.requeue <= timedelta(seconds=30)
    world.later(30)
    world.settle()
    assert world.deleted == [world.pods[-1]["metadata"]["name"]], "the pod, not its Job"
    assert world.status["execution"]["ending"]["phase"] == "Succeeded"
    assert "container proxy runs on" in world.status["message"]
    world.pods[-1]["status"] |= {"phase": "Succeeded"}
    world.job_ends(succeeded=True)
    world.settle()
    assert (world.status["phase"], world.status["outputs"]["dataset"]["key"]) == ("Succeeded", DATASET.key)


def test_a_success_beside_a_sidecar_that_fails_is_not_retried(world: Any) -> None:
    world.edit(backoffLimit=2)
    runs(world)
    wrapper_ends(world)
    world.pods[-1]["status"]["containerStatuses"][-1]["state"] = {"terminated": {"exitCode": 3}}
    world.pods[-1]["status"]["phase"] = "Failed"
    world.settle()
    assert (world.status["phase"], world.status["reason"], world.jobs) == ("Succeeded", "Succeeded", [])
    assert world.status["outputs"]["dataset"]["key"] == DATASET.key


def test_a_failure_beside_a_sidecar_is_left_to_kubernetes(world: Any) -> None:
    world.edit(backoffLimit=2)
    runs(world)
    wrapper_ends(world, exit_code=1)
    world.later(31)
    world.settle()
    assert world.deleted == [world.pods[-1]["metadata"]["name"]]
    assert "ending" not in world.status["execution"], "it is retried"


def test_a_replica_is_marked_as_reported_before_it_goes(world: Any) -> None:
    world.edit(replicas=2)
    world.settle()
    world.add_pod()["metadata"]["labels"][INDEX] = "0"
    world.pod_runs()
    wrapper_ends(world)
    world.settle()
    world.later(31)
    assert world.look().mark_reported is not None
    world.settle()
    assert world.deleted == [world.pods[-1]["metadata"]["name"]]


# --- ownership, restores, older and newer operators


def test_a_jobs_annotations_and_owner_may_be_taken_off(world: Any) -> None:
    runs(world)
    job = world.jobs[-1]["metadata"]
    job["annotations"], job["ownerReferences"], job["labels"] = {}, [], {}
    world.settle()
    assert (world.created, world.status["phase"]) == (1, "Running")
    world.pod_ends(Result(reason=Reason.SUCCEEDED))
    world.job_ends(succeeded=True)
    world.settle()
    assert world.status["phase"] == "Succeeded"


def test_a_copied_job_does_nothing(world: Any) -> None:
    runs(world)
    copied = copy.deepcopy(world.jobs[-1])
    copied["metadata"] |= {"name": "copied", "uid": "copied"}
    world.jobs.append(copied)
    world.jobs.reverse()
    world.succeed()
    assert world.status["phase"] == "Succeeded"
    assert (world.deleted, world.created) == ([], 1)


def test_a_job_of_the_same_name_with_another_uid_is_not_ours(world: Any) -> None:
    runs(world)
    world.jobs[-1]["metadata"]["uid"] = "made-again-by-somebody"
    world.pods.clear()
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "JobDeleted")


def test_a_run_restored_with_its_status_starts_nothing(world: Any) -> None:
    world.edit(parameters={"x": 2})
    world.settle()
    world.succeed()
    world.run["metadata"] |= {"uid": "restored", "generation": 1}
    world.run["spec"]["parameters"] = {"x": 3}
    world.jobs, world.pods = [], []
    world.settle()
    assert (world.created, world.status["execution"]["runUID"]) == (1, "restored")
    world.edit(parameters={"x": 4})
    world.settle()
    assert world.created == 2


def test_an_edit_after_an_upgrade_of_the_hash_runs(world: Any) -> None:
    from mlrun_operator.render import execution

    world.settle()
    world.succeed()
    world.run["status"]["execution"]["hash"] = execution._hash(world.run["spec"], "v1")
    writes = world.writes
    world.settle()
    assert (world.created, world.writes) == (1, writes), "a new version starts and writes nothing"
    world.edit(backoffLimit=1)
    world.settle()
    assert world.created == 1
    world.edit(parameters={"x": 2})
    world.settle()
    assert world.created == 2


def test_unknown_fields_of_a_status_are_written_back(world: Any) -> None:
    world.settle()
    world.run["status"] |= {"ofTomorrow": 1}
    world.run["status"]["execution"]["ofTomorrow"] = 2
    world.pod_runs()
    world.settle()
    assert (world.status["phase"], world.status["ofTomorrow"]) == ("Running", 1)
    assert world.status["execution"]["ofTomorrow"] == 2


def test_a_dying_run_stops_and_starts_nothing(world: Any) -> None:
    runs(world)
    world.run["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:30Z"
    world.edit(stop=True)
    world.settle()
    terminated(world)
    world.settle()
    assert (world.status["phase"], world.jobs) == ("Stopped", [])
    world.edit(stop=None, rerun="x")
    world.settle()
    assert world.created == 1


# --- replicas


def test_a_long_stop_of_replicas_counts_each_success(world: Any) -> None:
    world.edit(replicas=100)
    world.settle()
    for index in range(100):
        world.add_pod()["metadata"]["labels"][INDEX] = str(index)
        world.pods[-1]["status"] = {
            "phase": "Running",
            "containerStatuses": [{"name": "mlrun", "state": {"running": {"startedAt": "2026-11-23T12:00:05Z"}}}],
        }
    world.settle()
    job = world.jobs[-1]
    done = {"exitCode": 0, "finishedAt": "2026-11-23T12:00:20Z"}
    for pod in world.pods[:99]:
        pod["status"] = {"phase": "Succeeded", "containerStatuses": [{"name": "mlrun", "state": {"terminated": done}}]}
    job["status"]["completedIndexes"] = "0-98"
    world.edit(stop=True)
    world.settle()
    del world.pods[:99]  # they are gone with their Job, long before the last one ends
    world.settle()
    world.pods[-1]["status"]["phase"] = "Failed"
    world.settle()
    assert world.status["phase"] == "Stopped"
    assert world.status["replicaCounts"]["succeeded"] == 99


# --- found by histories


def test_a_wanted_execution_is_recorded_as_its_job_was_made(world: Any) -> None:
    """The operator dies between the Job, made for a newer edit, and the status; the edit does not run twice."""
    world.edit(suspend=True)
    world.settle()
    world.edit(suspend=None, parameters={"x": 2})
    world.add_job(world.look().create)
    world.settle()
    assert world.status["execution"]["generation"] == 3
    world.succeed()
    world.settle()
    assert world.created == 1


def test_a_report_of_a_pod_that_is_gone_since_still_counts(world: Any) -> None:
    """It ended while its Job was suspended; with the Job the API server has it no more, and the index still does."""
    runs(world)
    world.edit(suspend=True)
    world.settle()
    world.pod_ends(Result(reason=Reason.INPUT_UNAVAILABLE, message="503"), exit_code=69)
    world.settle()
    world.jobs.clear()
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "InputUnavailable")


def test_attempts_are_counted_also_when_their_pods_are_gone(world: Any) -> None:
    world.edit(backoffLimit=3)
    runs(world)
    world.pod_ends(Result(reason=Reason.INPUT_UNAVAILABLE, message="503"), exit_code=69)
    world.jobs[-1]["status"]["failed"] = 1
    world.settle()
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    world.add_pod(containerStatuses=[{"name": "mlrun", "image": "typo:1", "state": {"waiting": waiting}}])
    world.settle()
    assert world.status["message"].startswith("attempt 2: image")
    start = world.status["startTime"]
    del world.pods[0]
    world.settle()
    assert world.status["message"].startswith("attempt 2: image")
    assert (world.status["phase"], world.status["startTime"]) == ("Running", start)


def test_a_job_that_was_made_unrecorded_asks_for_its_pods(world: Any) -> None:
    """Before another one is made of its name: the watches may not have shown the pods of the first."""
    assert world.look(has_made_job=True).confirm
    assert world.look(has_made_job=True, fresh=True).create is not None
