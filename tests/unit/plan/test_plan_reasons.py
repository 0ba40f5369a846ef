"""Every reason of the closed list is what some case ends in; a reason that no case produces does not exist."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support.schedule_simulator import BEGIN, ScheduleSimulator

from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import EXPLANATIONS, FINAL_EXIT_CODES, Reason
from mlrun_operator.plan import Refusal

Case = Callable[[Any], None]


def reported(reason: Reason) -> Case:
    """The wrapper ended with this reason's exit code and report."""

    def case(world: Any) -> None:
        world.settle()
        code = EXPLANATIONS[reason].exit_code or 0
        world.pod_ends(Result(reason=reason, message="words"), exit_code=code)
        world.job_ends(succeeded=code == 0)
        world.settle()

    return case


def waiting(reason: str, message: str = "") -> Case:
    """The pod's container waits for this."""

    def case(world: Any) -> None:
        world.settle()
        waits = {"name": "mlrun", "image": "nope:1", "state": {"waiting": {"reason": reason, "message": message}}}
        world.add_pod(containerStatuses=[waits])
        world.settle()

    return case


def unschedulable(world: Any) -> None:
    world.settle()
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    world.add_pod(conditions=[condition])
    world.settle()


def killed(**status: Any) -> Case:
    """The pod failed without a report."""

    def case(world: Any) -> None:
        world.settle()
        world.add_pod(**{"phase": "Failed", **status})
        world.job_ends(succeeded=False)
        world.settle()

    return case


def out_of_memory() -> Case:
    terminated = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-23T12:00:20Z"}
    return killed(containerStatuses=[{"name": "mlrun", "state": {"terminated": terminated}}])


def job_deleted(world: Any) -> None:
    world.settle()
    world.jobs = []
    world.settle()


def function_missing(world: Any) -> None:
    world.function = None
    world.settle()


def name_conflict(world: Any) -> None:
    job = world.look().create
    job["metadata"]["ownerReferences"] = []
    world.jobs.append(job)
    world.settle()


def too_large(world: Any) -> None:
    world.edit(parameters={"x": random.Random(1).randbytes(200_000).hex()})
    world.settle()


def suspended(world: Any) -> None:
    world.edit(suspend=True)
    world.settle()


def queued(world: Any) -> None:
    world.run["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "team-queue"}
    world.settle()
    world.jobs[-1]["spec"]["suspend"] = True
    world.settle()


def stopping(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    world.edit(stop=True)
    world.settle()


def stopped(world: Any) -> None:
    stopping(world)
    world.pod_ends(Result(reason=Reason.TERMINATED, results={"half": 1}), exit_code=143)
    world.settle()


def collecting(world: Any) -> None:
    world.edit(hyperparameters={"params": {"x": [1]}, "placement": "FanOut"})
    world.settle()
    world.job_ends(succeeded=True)
    world.settle()


def restored(world: Any) -> None:
    world.run["metadata"]["labels"] = {"velero.io/restore-name": "monday"}
    world.settle()


def told_by_event(reason: str, message: str) -> Case:
    """The pod hangs, and only an event says why."""

    def case(world: Any) -> None:
        world.settle()
        world.add_pod()
        world.events = [{"reason": reason, "message": message, "lastTimestamp": "2026-11-23T12:00:03Z"}]
        world.later(4)
        world.settle()

    return case


def deadline(world: Any) -> None:
    world.edit(activeDeadlineSeconds=5)
    world.settle()
    world.pod_ends(Result(reason=Reason.TERMINATED), exit_code=143)
    world.job_ends(succeeded=False, message="Job was active longer than specified deadline")
    world.jobs[-1]["status"]["conditions"][0]["reason"] = "DeadlineExceeded"
    world.settle()


def pending_deadline(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60)
    waiting("ImagePullBackOff", "no such image")(world)
    world.later(100)
    world.settle()


def image_volume_dropped(world: Any) -> None:
    world.edit(volumes=[{"name": "model", "mountPath": "/model", "image": {"reference": "example.org/model:1"}}])
    job = world.look().create
    for volume in job["spec"]["template"]["spec"]["volumes"]:
        volume.pop("image", None)
    world.add_job(job)
    world.settle()


def a_schedule(**spec: Any) -> Case:
    """The run is a schedule that fired once, and its run has succeeded."""

    def case(world: Any) -> None:
        clock = ScheduleSimulator(world.platform, world.function, schedule="0 * * * *", **spec)
        clock.settle()
        name = clock.fire(BEGIN)["metadata"]["name"]
        clock.settle()
        clock.end_run(name)
        clock.settle()
        world.run = clock.run

    return case


def replaced_by_the_next_firing(world: Any) -> None:
    clock = ScheduleSimulator(world.platform, world.function, schedule="0 * * * *", concurrencyPolicy="Replace")
    clock.settle()
    name = clock.fire(BEGIN)["metadata"]["name"]
    clock.settle()
    clock.fire(BEGIN + timedelta(hours=1))
    clock.settle()
    world.run = clock.children[name]
    world.later(3600)
    world.settle(fresh=True, schedule=clock.run)


def superseded(world: Any) -> None:
    """The image is mended while its pod waits for it, and the pod has not ended yet."""
    world.run["spec"]["activeDeadlineSeconds"] = 9
    waiting("ImagePullBackOff", "no such image")(world)
    world.pods[-1]["status"]["phase"] = "Running"  # it takes its time to go
    world.later(60)
    world.edit(parameters={"x": 2})
    world.settle(events=[])


def suspended_by_somebody(world: Any) -> None:
    world.settle()
    world.jobs[0]["spec"]["suspend"] = True
    world.settle()


CASES: dict[Reason, Case] = {
    Reason.SUPERSEDED: superseded,
    Reason.JOB_SUSPENDED: suspended_by_somebody,
    Reason.SUSPENDED: suspended,
    Reason.QUEUED: queued,
    Reason.COLLECTING: collecting,
    Reason.STOPPING: stopping,
    Reason.STOPPED: stopped,
    Reason.RESTORED: restored,
    Reason.SCHEDULED: a_schedule(),
    Reason.STOP_AFTER_REACHED: a_schedule(stopAfter={"successes": 1}),
    Reason.REPLACED: replaced_by_the_next_firing,
    Reason.CONFIG_MAP_MISSING: told_by_event("FailedMount", 'MountVolume.SetUp failed: configmap "settings" not found'),
    Reason.VOLUME_MISSING: told_by_event("FailedMount", "Unable to attach or mount volumes: timed out"),
    Reason.POD_FAILING: waiting("CreateContainerError", "the runtime says no"),
    Reason.VOLUME_UNSUPPORTED: image_volume_dropped,
    Reason.DEADLINE_EXCEEDED: deadline,
    Reason.PENDING_DEADLINE_EXCEEDED: pending_deadline,
    Reason.CREATED: lambda world: world.settle(),
    Reason.RUNNING: lambda world: (world.settle(), world.pod_runs(), world.settle()),
    **{reason: reported(reason) for reason, said in EXPLANATIONS.items() if said.exit_code is not None},
    Reason.ENVELOPE_TOO_LARGE: too_large,
    Reason.FUNCTION_MISSING: function_missing,
    Reason.NAME_CONFLICT: name_conflict,
    Reason.JOB_DELETED: job_deleted,
    Reason.IMAGE_PULL: waiting("ImagePullBackOff", "no such image"),
    Reason.SECRET_MISSING: waiting("CreateContainerConfigError", 'secret "keys" not found'),
    Reason.UNSCHEDULABLE: unschedulable,
    Reason.OOM_KILLED: out_of_memory(),
    Reason.EVICTED: killed(
        reason="Evicted",
        message="The node was low on resource: memory.",
        conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}],
    ),
    Reason.QUOTA_EXCEEDED: lambda world: world.settle(refusal=Refusal(403, "exceeded quota: q")),
    Reason.ADMISSION_DENIED: lambda world: world.settle(refusal=Refusal(403, "denied by policy")),
}


def test_no_reason_is_without_a_case() -> None:
    assert set(CASES) == set(Reason) == set(EXPLANATIONS)


@pytest.mark.parametrize("reason", CASES, ids=str)
def test_each_reason_is_reached(world: Any, reason: Reason) -> None:
    CASES[reason](world)
    assert world.status["reason"] == reason
    assert world.condition("Ready")["reason"] == reason


def test_what_no_retry_mends_ends_the_job_at_once(world: Any) -> None:
    assert FINAL_EXIT_CODES == (2, 64, 65, 66, 77, 78)
    rules = world.look().create["spec"]["podFailurePolicy"]["rules"]
    assert rules[1]["onExitCodes"]["values"] == [2, 64, 65, 66, 77, 78]


def test_every_explanation_is_a_sentence_of_what_happened_and_one_of_what_to_do() -> None:
    for reason, said in EXPLANATIONS.items():
        assert said.happened.endswith("."), reason
        assert said.todo.endswith("."), reason


def test_an_image_that_cannot_be_pulled_is_told_while_the_run_is_pending(world: Any) -> None:
    waiting("ErrImagePull", "not found")(world)
    assert world.status["phase"] == "Pending"
    assert world.status["message"] == "image nope:1: not found"
    world.pods[-1]["status"]["containerStatuses"][0]["state"]["waiting"] = {
        "reason": "ImagePullBackOff",
        "message": "x",
    }
    assert world.settle().status is None, "the kubelet's changing words are no news"


def test_a_kubelet_that_was_slow_is_no_fault_of_the_pods(world: Any) -> None:
    words = "failed to sync secret cache: timed out waiting for the condition"
    waiting("CreateContainerConfigError", words)(world)
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "Created")
    told_by_event("FailedMount", f'MountVolume.SetUp failed for volume "v": {words}')(world)
    assert world.status["reason"] == "Created"


def test_a_pod_that_ends_without_a_report_shows_the_end_of_its_log(world: Any) -> None:
    world.settle()
    world.pod_ends(None, exit_code=139, message="line 1\nSegmentation fault\n")
    world.job_ends(succeeded=False)
    world.settle()
    assert world.status["reason"] == "WrapperError"
    assert "exit code 139" in world.status["message"]
    assert "Segmentation fault" in world.status["message"]


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu"),
        ("UnexpectedAdmissionError", "Allocate failed due to no healthy devices present"),
    ],
)
def test_a_pod_refused_by_its_node_has_the_nodes_words(world: Any, reason: str, message: str) -> None:
    world.settle()
    world.add_pod(phase="Failed", reason=reason, message=message)
    world.job_ends(succeeded=False)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "PodFailing")
    assert world.status["message"].endswith(f"({reason}): {message}")


def test_a_pod_that_was_told_to_end_before_it_could_report_is_no_fault_of_the_wrapper(world: Any) -> None:
    world.settle()
    world.pod_ends(None, exit_code=143)
    world.job_ends(succeeded=False)
    world.settle()
    assert world.status["reason"] == "Terminated"


def test_a_report_that_was_cut_says_where_the_whole_is(world: Any) -> None:
    world.settle()
    world.pod_ends(Result(reason=Reason.SUCCEEDED, truncated=True, run_path="s3://mlrun/team/run/x"))
    world.job_ends(succeeded=True)
    world.settle()
    assert "s3://mlrun/team/run/x" in world.condition("ResultTruncated")["message"]


def test_waiting_for_quota_is_tried_again(world: Any) -> None:
    plan = world.settle(refusal=Refusal(403, "exceeded quota: q"))
    assert plan.requeue == timedelta(seconds=30)
    world.settle()
    assert world.created == 1
