"""Replicas: one Indexed Job, each index with its own retries, outputs and end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.contract.result import Result, encode
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import MAX_REPLICA_STATUSES, OutputInfo
from mlrun_operator.assess.jobs import indexes

INDEX = "batch.kubernetes.io/job-completion-index"


def started(world: Any, replicas: int = 3, **spec: Any) -> None:
    world.edit(replicas=replicas, **spec)
    world.settle()


def pod(world: Any, index: int) -> Any:
    made = world.add_pod()
    made["metadata"]["labels"][INDEX] = str(index)
    return made


def runs(made: Any) -> Any:
    state = {"running": {"startedAt": "2026-11-23T12:00:05Z"}}
    made["status"] = {"phase": "Running", "containerStatuses": [{"name": "mlrun", "state": state}]}
    return made


def ends(made: Any, exit_code: int = 0, **result: Any) -> None:
    reason = Reason.SUCCEEDED if exit_code == 0 else Reason.HANDLER_FAILED
    said = {
        "exitCode": exit_code,
        "startedAt": "2026-11-23T12:00:05Z",
        "finishedAt": "2026-11-23T12:00:20Z",
        "message": encode(Result(reason=reason, **result), 4096),
    }
    made["status"] = {
        "phase": "Failed" if exit_code else "Succeeded",
        "containerStatuses": [{"name": "mlrun", "state": {"terminated": said}}],
    }


def output(name: str) -> dict[str, OutputInfo]:
    return {"part": OutputInfo(key=f"store://team/dataitem/table/{name}:1", kind="table", path=f"s3://x/{name}")}


def job_status(world: Any, **more: Any) -> None:
    world.jobs[-1]["status"] |= more


def test_the_job_is_indexed_and_each_pod_knows_which_it_is(world: Any) -> None:
    world.edit(replicas=3, backoffLimit=2, activeDeadlineSeconds=60)
    job = world.look().create
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    assert (spec["backoffLimitPerIndex"], spec["activeDeadlineSeconds"]) == (2, 60)
    assert "backoffLimit" not in spec
    assert [rule["action"] for rule in spec["podFailurePolicy"]["rules"]] == ["Ignore", "FailIndex", "FailIndex"]
    env = {entry["name"]: entry for entry in spec["template"]["spec"]["containers"][0]["env"]}
    assert env["MLRUN_REPLICA_COUNT"]["value"] == "3"
    assert env["MLRUN_REPLICA_INDEX"]["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{INDEX}']"


def test_a_run_without_replicas_has_neither(world: Any) -> None:
    job = world.look().create
    assert "completionMode" not in job["spec"]
    assert "MLRUN_REPLICA_INDEX" not in str(job)


def test_replicas_that_talk_have_names_by_a_service_of_the_run(world: Any) -> None:
    world.edit(replicas=2, replicaHostnames=True)
    step = world.look()
    service, pod_spec = step.service, step.create["spec"]["template"]["spec"]
    assert pod_spec["subdomain"] == service["metadata"]["name"]
    assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)
    labels = step.create["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert service["metadata"]["ownerReferences"][0]["uid"] == world.run["metadata"]["uid"]
    env = {entry["name"]: entry.get("value") for entry in pod_spec["containers"][0]["env"]}
    assert env["MLRUN_REPLICA_HOST"] == f"{step.create['metadata']['name']}-{{index}}.{service['metadata']['name']}"


def test_a_service_is_made_for_nobody_else(world: Any) -> None:
    world.edit(replicas=2, podTemplate={"spec": {"subdomain": "own"}})
    assert world.look().service is None
    world.edit(replicas=None, replicaHostnames=True)
    world.settle()
    assert "replicaHostnames needs replicas" in world.status["message"]


def test_another_number_of_replicas_is_a_new_execution(world: Any) -> None:
    started(world, 1)
    ends(pod(world, 0))
    job_status(world, completedIndexes="0")
    world.job_ends(succeeded=True)
    world.settle()
    world.edit(replicas=2)
    assert world.look().create["spec"]["completions"] == 2


def test_all_succeed_and_the_first_one_s_outputs_are_the_run_s(world: Any) -> None:
    started(world)
    pods = [runs(pod(world, index)) for index in range(3)]
    world.settle()
    assert world.status["phase"] == "Running"
    assert world.status["replicaCounts"] == {"running": 3, "succeeded": 0, "failed": 0}
    for index, made in enumerate(pods):
        name = "part" if index == 0 else f"part-{index}"
        ends(made, outputs=output(name), results={"rows": index})
    job_status(world, completedIndexes="0-2")
    world.job_ends(succeeded=True)
    world.settle()
    status = world.status
    assert (status["phase"], status["message"]) == ("Succeeded", "all 3 replicas succeeded")
    assert status["results"] == {"rows": 0}
    assert status["outputs"]["part"]["key"] == "store://team/dataitem/table/part:1"
    assert [r["index"] for r in status["replicaStatuses"]] == [0, 1, 2]
    assert [r["results"] for r in status["replicaStatuses"]] == [{"rows": 0}, {"rows": 1}, {"rows": 2}]
    assert status["replicaStatuses"][2]["outputs"] == {"part": "store://team/dataitem/table/part-2:1"}
    assert (status["replicas"], status["attemptCount"]) == (3, 3)
    assert status["replicaCounts"] == {"running": 0, "succeeded": 3, "failed": 0}


def test_one_that_fails_fails_the_run_and_leaves_the_others_results(world: Any) -> None:
    started(world)
    pods = [runs(pod(world, index)) for index in range(3)]
    ends(pods[1], 1, message="ValueError: boom", traceback="Traceback of mine")
    job_status(world, failed=1, failedIndexes="1")
    world.settle()
    assert world.status["phase"] == "Running"
    assert world.status["replicaStatuses"][1]["phase"] == "Failed"
    ends(pods[0], results={"rows": 1})
    ends(pods[2], results={"rows": 3})
    job_status(world, completedIndexes="0,2")
    world.job_ends(succeeded=False)
    world.settle()
    status = world.status
    assert (status["phase"], status["reason"]) == ("Failed", "HandlerFailed")
    assert status["message"].startswith("1 of 3 replicas failed; replica 1: ValueError: boom")
    assert "Traceback of mine" in status["message"]
    assert status["results"] == {"rows": 1}
    assert [r["phase"] for r in status["replicaStatuses"]] == ["Succeeded", "Failed", "Succeeded"]
    assert status["replicaStatuses"][2]["results"] == {"rows": 3}


def test_a_retried_replica_counts_its_attempts_and_may_still_succeed(world: Any) -> None:
    started(world, 2, backoffLimit=1)
    ends(pod(world, 0))
    ends(pod(world, 1), 1, message="ValueError: once")
    job_status(world, failed=1, completedIndexes="0")
    world.settle()
    assert (world.status["phase"], world.status["replicaStatuses"][1]["phase"]) == ("Running", "Running")
    ends(pod(world, 1), results={"n": 2})
    job_status(world, completedIndexes="0,1")
    world.job_ends(succeeded=True)
    world.settle()
    last = world.status["replicaStatuses"][1]
    assert (world.status["phase"], last["phase"], last["attemptCount"]) == ("Succeeded", "Succeeded", 2)
    assert last["results"] == {"n": 2}


def test_replicas_are_counted_in_whatever_order_they_are_seen_to_start(world: Any) -> None:
    started(world)
    pods = [pod(world, index) for index in range(3)]
    for index in (2, 0, 1):
        runs(pods[index])
        world.settle()
    assert world.status["attemptCount"] == 3
    assert {attempt["pod"] for attempt in world.status["attempts"]} == {made["metadata"]["name"] for made in pods}


def test_the_end_waits_for_every_replicas_report(world: Any) -> None:
    started(world, 2)
    first, second = runs(pod(world, 0)), runs(pod(world, 1))
    ends(first)
    job_status(world, completedIndexes="0,1")
    world.job_ends(succeeded=True)
    world.settle()
    assert world.status["phase"] == "Running"
    ends(second, results={"late": 1})
    world.settle()
    assert world.status["phase"] == "Succeeded"
    assert world.status["replicaStatuses"][1]["results"] == {"late": 1}


def test_a_report_that_is_lost_is_said_to_be(world: Any) -> None:
    started(world, 2)
    ends(pod(world, 0))
    job_status(world, completedIndexes="0,1")
    world.job_ends(succeeded=True)
    world.later(20)
    world.settle()
    assert world.status["phase"] == "Succeeded"
    assert world.condition("ResultMissing") is not None


def test_a_replica_that_cannot_start_is_told_while_the_others_run(world: Any) -> None:
    started(world, 2)
    runs(pod(world, 0))
    stuck = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    pod(world, 1)["status"] = {"phase": "Pending", "conditions": [stuck]}
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Running", "Unschedulable")
    assert world.status["message"] == "replica 1: no node"


def hanging(made: Any) -> Any:
    made["status"] = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]}
    return made


def event(reason: str, message: str) -> Any:
    return {"reason": reason, "message": message, "lastTimestamp": "2026-11-23T12:00:30Z"}


def test_a_replica_that_hangs_is_asked_about_though_a_newer_one_runs(world: Any) -> None:
    started(world, 2)
    hanging(pod(world, 0))
    runs(pod(world, 1))
    world.later(10)
    assert world.look().ask_events
    world.settle(events=[event("FailedAttachVolume", "Multi-Attach error for volume pvc-1")])
    assert (world.status["phase"], world.status["reason"]) == ("Running", "VolumeMissing")
    assert world.status["message"].startswith("replica 0: Multi-Attach")


def test_a_replica_whose_pod_is_refused_is_told(world: Any) -> None:
    started(world, 2)
    runs(pod(world, 0))
    world.later(10)
    assert world.look().ask_events
    world.settle(events=[event("FailedCreate", "pods is forbidden: exceeded quota: pods")])
    assert (world.status["phase"], world.status["reason"]) == ("Running", "QuotaExceeded")


def test_a_replica_that_never_starts_fails_the_run_once_the_others_have_ended(world: Any) -> None:
    started(world, 2, pendingDeadlineSeconds=60)
    other = runs(pod(world, 0))
    hanging(pod(world, 1))
    world.later(600)
    world.settle(events=[])
    assert world.status["phase"] == "Running", "the other one is at work"
    ends(other, results={"n": 1})
    job_status(world, completedIndexes="0")
    other["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"] = "2026-11-23T12:10:00Z"
    world.settle(events=[])
    assert world.status["phase"] == "Running", "only now it has the node for itself"
    world.later(61)
    world.settle(events=[])
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "PendingDeadlineExceeded")
    assert [each["phase"] for each in world.status["replicaStatuses"]] == ["Succeeded", "Failed"]
    assert world.status["results"] == {"n": 1}
    world.settle()
    assert len(world.deleted) == 1


def test_a_deadline_fails_all_that_have_not_ended(world: Any) -> None:
    started(world, 2, activeDeadlineSeconds=5)
    ends(pod(world, 0), results={"n": 1})
    ends(pod(world, 1), 143, message="told to end")
    job_status(world, completedIndexes="0", failed=1)
    world.job_ends(succeeded=False)
    world.jobs[-1]["status"]["conditions"][0]["reason"] = "DeadlineExceeded"
    world.settle()
    assert world.status["reason"] == "DeadlineExceeded"
    assert [r["phase"] for r in world.status["replicaStatuses"]] == ["Succeeded", "Failed"]


def test_stop_keeps_what_each_replica_has(world: Any) -> None:
    started(world, 3)
    pods = [runs(pod(world, index)) for index in range(3)]
    world.settle()
    world.edit(stop=True)
    ends(pods[0], results={"n": 0})
    world.settle()
    for made in pods[1:]:
        ends(made, 143, results={"half": 1})
    world.settle()
    status = world.status
    assert (status["phase"], status["results"]) == ("Stopped", {"n": 0})
    assert [r["phase"] for r in status["replicaStatuses"]] == ["Succeeded", "Stopped", "Stopped"]
    assert status["replicaStatuses"][1]["results"] == {"half": 1}


def test_of_many_replicas_the_failed_ones_are_listed_and_all_are_counted(world: Any) -> None:
    count = MAX_REPLICA_STATUSES + 30
    started(world, count)
    for index in range(count):
        ends(pod(world, index), 1 if index > count - 3 else 0)
    job_status(world, completedIndexes=f"0-{count - 3}", failedIndexes=f"{count - 2},{count - 1}", failed=2)
    world.job_ends(succeeded=False)
    world.settle()
    listed = [r["index"] for r in world.status["replicaStatuses"]]
    assert len(listed) == MAX_REPLICA_STATUSES
    assert listed[-2:] == [count - 2, count - 1]
    assert world.status["replicaCounts"] == {"running": 0, "succeeded": count - 2, "failed": 2}


def test_many_replicas_cost_few_writes(world: Any) -> None:
    started(world, 100)
    pods = [pod(world, index) for index in range(100)]
    for made in pods:
        runs(made)
        world.settle()
    for index, made in enumerate(pods):
        ends(made)
        job_status(world, completedIndexes=f"0-{index}")
        world.settle()
    world.job_ends(succeeded=True)
    world.settle()
    assert world.status["phase"] == "Succeeded"
    assert world.writes <= 25


@pytest.mark.parametrize("replicas", [0, -1, 1001])
def test_a_number_of_replicas_that_cannot_be_is_refused(world: Any, replicas: int) -> None:
    started(world, replicas)
    assert world.status["reason"] == "InvalidRun"


@given(numbers=st.sets(st.integers(0, 40)))
def test_kubernetes_short_form_of_indexes_is_read(numbers: set[int]) -> None:
    parts, rest = [], sorted(numbers)
    while rest:
        last = 1
        while last < len(rest) and rest[last] == rest[0] + last:
            last += 1
        parts.append(str(rest[0]) if last == 1 else f"{rest[0]}-{rest[last - 1]}")
        rest = rest[last:]
    assert indexes(",".join(parts)) == numbers
