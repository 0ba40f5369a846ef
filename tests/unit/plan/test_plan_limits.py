"""Stop, suspend, deadlines, disruptions and TTLs (BEHAVIOUR A5, A7, B)."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.plan import Refusal, RunsAhead


def test_stop_ends_the_job_and_keeps_what_the_pod_still_reports(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    world.edit(stop=True)
    plan = world.settle()
    assert len(world.deleted) == 1
    assert (world.status["phase"], world.status["reason"]) == ("Running", "Stopping")
    assert plan.requeue is not None
    world.pod_ends(Result(reason=Reason.TERMINATED, results={"half": 1}), exit_code=143)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Stopped", "Stopped")
    assert world.status["results"] == {"half": 1}
    assert world.condition("Finished")["status"] == "True"
    assert world.condition("Ready")["status"] == "True"
    assert world.settle().status is None


def test_removing_stop_starts_nothing_and_a_rerun_does(world: Any) -> None:
    world.settle()
    world.edit(stop=True)
    world.settle()
    assert world.status["phase"] == "Stopped"
    world.edit(stop=None)
    world.settle()
    assert world.created == 1
    world.edit(rerun="1")
    world.settle()
    assert world.created == 2


def test_stop_before_the_start_is_a_stopped_execution_without_a_job(world: Any) -> None:
    world.edit(stop=True)
    world.settle()
    assert (world.status["phase"], world.created) == ("Stopped", 0)
    world.edit(stop=None)
    world.settle()
    assert world.created == 0


def test_an_edit_under_stop_is_stopped_too(world: Any) -> None:
    world.settle()
    world.edit(stop=True, parameters={"x": 2})
    world.settle()
    world.settle()
    assert world.status["execution"]["number"] == 2
    assert [e["phase"] for e in world.status["executions"]] == ["Stopped"]
    world.edit(stop=None)
    world.settle()
    assert world.created == 1


def test_stopping_what_has_ended_changes_nothing(world: Any) -> None:
    world.settle()
    world.succeed()
    world.edit(stop=True)
    world.settle()
    assert world.status["phase"] == "Succeeded"
    assert not world.deleted


def test_a_stopped_pod_on_a_lost_node_is_not_waited_for_for_ever(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    world.edit(stop=True)
    world.settle()
    world.pods[-1]["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:30Z"
    world.later(120)
    world.settle()
    assert world.status["phase"] == "Stopped"
    assert world.condition("ResultMissing")["status"] == "True"


def test_suspend_before_the_job_makes_none_and_resuming_makes_it(world: Any) -> None:
    world.edit(suspend=True)
    world.settle()
    assert (world.status["phase"], world.created) == ("Suspended", 0)
    assert world.condition("Ready")["status"] == "True"
    world.edit(suspend=None)
    world.settle()
    assert (world.status["phase"], world.created) == ("Pending", 1)


def test_suspend_later_suspends_the_job_and_resuming_lets_it_go_on(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    world.edit(suspend=True)
    world.settle()
    assert world.jobs[0]["spec"]["suspend"] is True
    assert world.status["phase"] == "Suspended"
    world.edit(suspend=False)
    world.settle()
    assert world.jobs[0]["spec"]["suspend"] is True, "its pod is still ending"
    world.pod_ends(None, 143)
    world.settle()
    assert world.jobs[0]["spec"]["suspend"] is False
    assert world.created == 1


def test_a_resumed_run_is_pending_until_its_new_pod_runs(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    world.edit(suspend=True)
    world.settle()
    suspended = {"type": "Suspended", "status": "True", "lastTransitionTime": "2026-11-23T12:00:06Z"}
    world.jobs[0]["status"]["conditions"] = [suspended]
    world.edit(suspend=False)
    world.pod_ends(None, 143)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "Created")
    assert "startTime" not in world.status
    suspended |= {"status": "False", "lastTransitionTime": "2026-11-23T12:00:07Z"}
    world.jobs[0]["status"]["startTime"] = "2026-11-23T12:00:07Z"
    before = world.writes
    world.settle()
    assert world.writes == before, "a new start time alone is no news"
    assert (world.status["phase"], world.status["attempts"][0]["exitCode"]) == ("Pending", 143)
    world.add_pod()["metadata"]["creationTimestamp"] = "2026-11-23T12:00:22Z"
    world.pod_runs()
    world.settle()
    assert (world.status["phase"], world.status["attemptCount"]) == ("Running", 2)
    assert world.status["startTime"] == "2026-11-23T12:00:07Z"


def test_with_a_kueue_queue_the_jobs_suspend_is_left_alone(world: Any) -> None:
    world.edit(podLabels={"kueue.x-k8s.io/queue-name": "q"})
    world.settle()
    assert world.jobs[0]["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "q"
    world.jobs[0]["spec"]["suspend"] = True
    assert world.settle().suspend is None
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "Queued")
    world.edit(suspend=True)
    world.settle()
    assert world.jobs[0]["spec"]["suspend"] is True


def test_the_pending_deadline_fails_the_run_and_reaps_the_job(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60)
    world.settle()
    waits = {"name": "mlrun", "image": "nope:1", "state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}}
    world.add_pod(containerStatuses=[waits])
    plan = world.settle()
    assert timedelta(0) < plan.requeue <= timedelta(seconds=61), "the Job starts a second from now"
    world.later(70)
    world.settle()
    assert world.status["reason"] == "PendingDeadlineExceeded"
    assert "ImagePull" in world.status["message"]
    assert not world.jobs
    assert world.settle().status is None


def test_the_pending_deadline_does_not_run_while_suspended_or_queued(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60)
    world.settle()
    world.edit(suspend=True)
    world.settle()
    world.later(1000)
    world.settle()
    assert world.status["phase"] == "Suspended"


def evicted(world: Any, *, node: str = "n") -> None:
    pod = world.add_pod()
    number = len(world.pods)
    pod["status"] = {
        "phase": "Failed",
        "conditions": [{"type": "DisruptionTarget", "status": "True"}],
        "containerStatuses": [
            {
                "name": "mlrun",
                "state": {"terminated": {"exitCode": 137, "startedAt": f"2026-11-23T12:00:{number:02}Z"}},
            }
        ],
    }
    world.settle()


def test_disruptions_are_borne_up_to_their_limit_even_when_the_pods_vanish(world: Any) -> None:
    world.edit(maxDisruptions=2)
    world.settle()
    for n in (1, 2):
        evicted(world)
        assert (world.status["phase"], world.status["disruptions"]) == ("Running", n)
    world.pods = world.pods[-1:]
    world.settle()
    assert world.status["disruptions"] == 2
    pod = world.add_pod()
    pod["metadata"] |= {"uid": "pod-3", "name": "third", "creationTimestamp": "2026-11-23T12:00:09Z"}
    pod["status"] = {
        "phase": "Failed",
        "conditions": [{"type": "DisruptionTarget", "status": "True"}],
        "containerStatuses": [
            {"name": "mlrun", "state": {"terminated": {"exitCode": 137, "startedAt": "2026-11-23T12:00:09Z"}}}
        ],
    }
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "Evicted")
    assert "3 times" in world.status["message"]


def test_attempts_are_counted_also_when_old_ones_are_forgotten(world: Any) -> None:
    world.edit(backoffLimit=20)
    world.settle()
    for n in range(1, 14):
        pod = world.add_pod()
        pod["metadata"] |= {"uid": f"p{n}", "name": f"p{n}", "creationTimestamp": f"2026-11-23T12:00:{n:02}Z"}
        terminated = {
            "exitCode": 1,
            "startedAt": f"2026-11-23T12:00:{n:02}Z",
            "finishedAt": f"2026-11-23T12:00:{n:02}Z",
        }
        pod["status"] = {
            "phase": "Failed",
            "containerStatuses": [{"name": "mlrun", "state": {"terminated": terminated}}],
        }
        world.jobs[-1]["status"]["failed"] = n
        world.settle()
    assert world.status["attemptCount"] == 13
    assert [a["pod"] for a in world.status["attempts"]] == [f"p{n}" for n in range(4, 14)]
    assert world.settle().status is None


def test_the_jobs_ttl_counts_from_its_end_and_only_after_it_was_recorded(world: Any) -> None:
    world.edit(ttlSecondsAfterFinished=60)
    world.settle()
    assert "ttlSecondsAfterFinished" not in world.jobs[0]["spec"]
    world.succeed()
    plan = world.settle()
    assert plan.requeue == timedelta(seconds=59)
    world.later(60)
    world.settle()
    assert not world.jobs
    assert world.status["phase"] == "Succeeded"
    assert world.settle().status is None


def test_a_ttl_that_is_set_later_counts_too(world: Any) -> None:
    world.settle()
    world.succeed()
    world.later(1000)
    world.edit(ttlSecondsAfterFinished=60)
    world.settle()
    assert len(world.deleted) == 1
    assert world.created == 1


def test_the_functions_ttl_is_pinned_with_the_job(world: Any) -> None:
    world.function["spec"]["run"] = {"ttlSecondsAfterFinished": 5}
    world.settle()
    world.succeed()
    world.later(10)
    world.settle()
    assert len(world.deleted) == 1


def test_the_runs_own_ttl_deletes_it(world: Any) -> None:
    world.edit(runTtlSecondsAfterFinished=60)
    world.settle()
    world.succeed()
    assert world.settle().requeue is not None
    world.later(100)
    world.settle()
    assert world.deleted == ["first-run"]


@pytest.mark.parametrize("mark", ["argocd.argoproj.io/tracking-id", "kustomize.toolkit.fluxcd.io/name"])
def test_the_runs_own_ttl_is_ignored_under_gitops_and_that_is_said(world: Any, mark: str) -> None:
    world.run["metadata"]["annotations"] = {mark: "app"}
    world.edit(runTtlSecondsAfterFinished=0)
    world.settle()
    world.succeed()
    world.later(100)
    world.settle()
    assert not world.deleted
    assert world.condition("TTLIgnored")["status"] == "True"
    assert world.settle().status is None


def test_a_restored_run_waits_for_a_rerun(world: Any) -> None:
    world.run["metadata"]["annotations"] = {"mlrun-operator.dev/restored": "true"}
    world.settle()
    assert (world.status["phase"], world.status["reason"], world.created) == ("Stopped", "Restored", 0)
    world.edit(rerun="after the fire")
    world.settle()
    assert world.created == 1


def test_a_restored_run_that_was_run_again_before_waits_for_another_value(world: Any) -> None:
    world.run["metadata"]["labels"] = {"velero.io/restore-name": "nightly"}
    world.edit(rerun="last tuesday")
    world.settle()
    assert (world.status["reason"], world.created) == ("Restored", 0)
    world.edit(rerun="after the fire")
    world.settle()
    assert (world.status["execution"]["number"], world.created) == (2, 1)


def test_causes_that_only_events_tell_are_asked_for_ever_more_seldom(world: Any) -> None:
    world.settle()
    world.add_pod()
    assert not world.look().ask_events, "most pods are only on their way"
    world.later(4)
    assert world.look().ask_events
    waits = []
    for _ in range(5):
        plan = world.settle()
        waits.append(plan.requeue.total_seconds())
        world.later(waits[-1])
    assert waits == sorted(waits)
    assert waits[-1] <= 60


def test_what_keeps_a_late_pod_from_starting_is_asked_for_as_soon_as_of_the_first(world: Any) -> None:
    world.edit(backoffLimit=1)
    world.settle()
    world.pod_ends(Result(reason=Reason.INPUT_UNAVAILABLE, message="503"), exit_code=69)
    world.jobs[-1]["status"]["failed"] = 1
    world.later(3600)
    world.settle()
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-23T13:00:22Z"}
    pod = world.add_pod(conditions=[scheduled])
    pod["metadata"]["creationTimestamp"] = "2026-11-23T13:00:10Z"
    world.now = datetime(2026, 11, 23, 13, 0, 23, tzinfo=UTC)
    first = world.settle()
    assert first.requeue <= timedelta(seconds=3), "not only after a minute, because the run is an hour old"
    world.later(3)
    assert world.look().ask_events


def test_a_drained_node_is_no_pending_deadline(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60)
    world.settle()
    world.pod_runs()
    world.settle()
    world.pods = []
    world.add_pod()
    world.later(3 * 3600)
    world.settle()
    assert world.status["phase"] == "Running"
    assert not world.deleted


def test_pods_that_never_started_are_counted_once(world: Any) -> None:
    world.edit(backoffLimit=20)
    world.settle()
    for n in range(1, 14):
        pod = world.add_pod(phase="Failed", reason="OutOfcpu")
        pod["metadata"] |= {"uid": f"p{n}", "name": f"p{n:02}", "creationTimestamp": f"2026-11-23T12:00:{n:02}Z"}
        world.jobs[-1]["status"]["failed"] = n
        world.settle()
    assert world.status["attemptCount"] == 13
    writes = world.writes
    world.settle()
    assert world.writes == writes


def test_the_last_attempts_report_is_waited_for_when_the_jobs_event_comes_first(world: Any) -> None:
    world.edit(backoffLimit=1)
    world.settle()
    world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="first"), exit_code=1)
    world.jobs[-1]["status"]["failed"] = 1
    world.settle()
    world.pod_runs()
    world.settle()
    world.job_ends(succeeded=False)
    world.jobs[-1]["status"]["failed"] = 2
    assert world.settle().requeue is not None
    assert world.status["phase"] == "Running"
    world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="second", results={"half": 1}), exit_code=1)
    world.settle()
    assert (world.status["message"], world.status["results"]) == ("second", {"half": 1})


def test_an_execution_never_shows_anothers_outputs(world: Any) -> None:
    world.settle()
    world.succeed(Result(reason=Reason.SUCCEEDED, results={"of": "one"}))
    world.edit(volumes=[{"name": "m", "mountPath": "/m", "image": {"reference": "x"}}])
    job = world.look().create
    for volume in job["spec"]["template"]["spec"]["volumes"]:
        volume.pop("image", None)
    world.add_job(job)
    world.settle()
    assert (world.status["execution"]["number"], world.status["reason"]) == (2, "VolumeUnsupported")
    assert world.status["jobName"] == job["metadata"]["name"]
    assert "results" not in world.status


def test_a_status_that_a_newer_operator_wrote_starts_nothing(world: Any) -> None:
    world.run["status"] = {"phase": "Scheduled", "execution": {"number": 3, "hash": "v9-x", "schema": 99}}
    plan = world.settle()
    assert plan.status is None
    assert world.created == 0


def test_a_stop_of_a_job_that_is_not_recorded_yet_records_it_first(world: Any) -> None:
    world.add_job(world.look().create)
    world.edit(stop=True)
    recorded = world.look().status
    assert recorded.execution.job_uid == "job-1", "its pods could not be waited for otherwise"
    world.settle()
    assert (world.jobs, world.status["phase"]) == ([], "Stopped")


def failed_once(world: Any) -> None:
    """The first attempt fails, and a retry's pod waits for a node."""
    world.settle()
    world.pod_ends(Result(reason=Reason.INPUT_UNAVAILABLE, message="503"), exit_code=69)
    world.jobs[-1]["status"]["failed"] = 1
    world.settle()
    stuck = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
    world.add_pod(conditions=[stuck])


def test_the_pending_deadline_runs_for_a_retry_too(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60, backoffLimit=3)
    failed_once(world)
    step = world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Running", "Unschedulable")
    assert step.requeue is not None
    world.later(61)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "PendingDeadlineExceeded")
    assert "within 60 s; Unschedulable: attempt 2: 0/3 nodes" in world.status["message"]
    world.settle()
    assert (world.status["attemptCount"], len(world.deleted)) == (1, 1)


def test_a_pod_in_the_place_of_an_evicted_one_has_no_pending_deadline(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60)
    world.settle()
    evicted(world)
    world.add_pod()
    world.later(3 * 3600)
    world.settle(events=[])
    assert world.status["phase"] == "Running"


@pytest.mark.parametrize("how", ["function", "quota"])
def test_the_pending_deadline_runs_also_before_there_is_a_job(world: Any, how: str) -> None:
    world.edit(pendingDeadlineSeconds=60)
    function, world.function = world.function, None if how == "function" else world.function
    refusal = {"refusal": Refusal(403, "exceeded quota: pods")} if how == "quota" else {}
    step = world.settle(**refusal)
    assert (world.status["phase"], step.requeue) == ("Pending", timedelta(seconds=30 if how == "quota" else 60))
    world.later(30)
    world.settle(**refusal)
    assert world.status["phase"] == "Pending"
    world.later(31)
    world.settle(**refusal)
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "PendingDeadlineExceeded")
    assert "not started within 60 s; " in world.status["message"]
    world.function = function
    assert world.settle().create is None, "a failed run stays failed"


def test_the_time_in_a_queue_or_suspended_is_no_pending_time(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60, suspend=True)
    world.function = None
    world.settle()
    world.later(3600)
    world.edit(suspend=None)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "FunctionMissing")
    world.later(61)
    world.settle()
    assert world.status["phase"] == "Failed"


def test_more_evictions_than_attempts_are_remembered_are_counted(world: Any) -> None:
    world.edit(replicas=30)
    world.settle()
    for number in range(30):
        pod = world.add_pod()
        pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] = str(number)
        pod["metadata"]["creationTimestamp"] = "2026-11-23T12:00:01Z"
        pod["status"] = {
            "phase": "Running",
            "containerStatuses": [{"name": "mlrun", "state": {"running": {"startedAt": "2026-11-23T12:00:05Z"}}}],
        }
    world.settle()
    for pod in world.pods:
        ended = {"exitCode": 137, "startedAt": "2026-11-23T12:00:05Z"}
        pod["status"] = {
            "phase": "Failed",
            "conditions": [{"type": "DisruptionTarget", "status": "True"}],
            "containerStatuses": [{"name": "mlrun", "state": {"terminated": ended}}],
        }
    world.settle()
    assert world.status["disruptions"] == 30


def test_a_run_that_is_run_again_has_its_whole_pending_deadline(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60)
    world.settle()
    world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="no"), exit_code=1)
    world.jobs[-1]["status"]["failed"] = 1
    world.job_ends(succeeded=False)
    world.settle()
    assert world.status["phase"] == "Failed"
    world.later(24 * 3600)
    world.edit(rerun="again")
    refusal = Refusal(403, "exceeded quota: pods")
    for _ in range(2):
        world.settle(refusal=refusal)
        assert (world.status["phase"], world.status["reason"]) == ("Pending", "QuotaExceeded")
    world.later(61)
    world.settle(refusal=refusal)
    assert world.status["reason"] == "PendingDeadlineExceeded"


def test_the_wait_for_a_turn_does_not_count_towards_the_pending_deadline(world: Any) -> None:
    world.function["spec"]["maxConcurrentRuns"] = 1
    world.edit(pendingDeadlineSeconds=60)
    world.settle(ahead=RunsAhead(function=1))
    assert world.status["reason"] == "Queued"
    world.later(7200)
    for _ in range(2):
        world.settle(refusal=Refusal(403, "exceeded quota: pods"))
        assert (world.status["phase"], world.status["reason"]) == ("Pending", "QuotaExceeded")


def test_a_pod_that_ends_after_its_job_has_failed_is_heard(world: Any) -> None:
    """Before Kubernetes 1.31 a Job is Failed when its pods are told to end, not when they have ended."""
    world.edit(activeDeadlineSeconds=5)
    world.settle()
    world.pod_runs()
    world.settle()
    world.job_ends(succeeded=False)
    world.jobs[-1]["status"]["conditions"][0]["reason"] = "DeadlineExceeded"
    world.pods[-1]["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:51Z"
    world.later(15)
    assert world.settle(fresh=True).requeue is not None
    assert world.status["phase"] == "Running"
    world.pod_ends(Result(reason=Reason.TERMINATED, results={"half": 1}), exit_code=143)
    world.later(20)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "DeadlineExceeded")
    assert world.status["results"] == {"half": 1}


def test_a_pod_that_went_with_its_node_is_not_waited_for(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    world.job_ends(succeeded=False)
    world.pods[-1]["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:51Z"
    world.later(75)
    world.settle(fresh=True)
    assert world.status["phase"] == "Failed"
    assert world.condition("ResultMissing")["status"] == "True"


def test_the_default_pending_deadline_of_runs_counts_before_there_is_a_job(world: Any) -> None:
    world.platform = world.platform.model_copy(
        update={"pending_deadline_seconds": 3600, "run_defaults": RunOptions(pendingDeadlineSeconds=60)}
    )
    refusal = Refusal(403, "exceeded quota: pods")
    world.settle(refusal=refusal)
    world.later(120)
    world.settle(refusal=refusal)
    assert world.status["reason"] == "PendingDeadlineExceeded"


def test_the_functions_pending_deadline_counts_before_there_is_a_job(world: Any) -> None:
    world.function["spec"]["run"] = {"pendingDeadlineSeconds": 3600}
    world.platform = world.platform.model_copy(update={"pending_deadline_seconds": 60})
    refusal = Refusal(403, "exceeded quota: pods")
    world.settle(refusal=refusal)
    world.later(120)
    world.settle(refusal=refusal)
    assert world.status["phase"] == "Pending"
    world.later(3600)
    world.settle(refusal=refusal)
    assert world.status["reason"] == "PendingDeadlineExceeded"


def test_each_eviction_of_many_pods_is_counted_once_in_whatever_order_they_started(world: Any) -> None:
    world.edit(replicas=30)
    world.settle()
    starts = Random(7).sample(range(60), 30)
    for number, start in enumerate(starts):
        pod = world.add_pod()
        pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] = str(number)
        pod["metadata"]["creationTimestamp"] = f"2026-11-23T12:00:{number:02}Z"
        began = {"startedAt": f"2026-11-23T12:01:{start:02}Z"}
        pod["status"] = {"phase": "Running", "containerStatuses": [{"name": "mlrun", "state": {"running": began}}]}
    world.settle()
    for pod, start in list(zip(world.pods, starts, strict=True))[:25]:
        ended = {"exitCode": 137, "startedAt": f"2026-11-23T12:01:{start:02}Z"}
        pod["status"] = {
            "phase": "Failed",
            "conditions": [{"type": "DisruptionTarget", "status": "True"}],
            "containerStatuses": [{"name": "mlrun", "state": {"terminated": ended}}],
        }
    for _ in range(3):
        world.settle()
        assert world.status["disruptions"] == 25
    writes = world.writes
    world.settle()
    assert world.writes == writes
