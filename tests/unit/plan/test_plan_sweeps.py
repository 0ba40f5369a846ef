"""Sweeps: in one pod a run like any other; fanned out one Indexed Job of points, then the collector."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api import constants
from mlrun_operator.api.contract.envelope import Envelope, decode
from mlrun_operator.api.contract.result import Result, encode
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import OutputInfo, SweepBest, SweepStatus
from mlrun_operator.api.v1alpha1.sweep import Hyperparameters, points, sweep_info
from mlrun_operator.api.values.names import collector_name, job_name
from mlrun_operator.assess.pods import read_pod
from mlrun_operator.assess.replicas import replicas
from mlrun_operator.assess.sweep_status import sweep_of
from mlrun_operator.plan import Refusal

INDEX = "batch.kubernetes.io/job-completion-index"
GRID = {"params": {"p": [1, 2, 3, 4], "q": ["a", "b"]}, "selector": "max.score"}
FAN_OUT = {**GRID, "placement": "FanOut"}
DONE = SweepStatus(points=8, succeeded=7, failed=1, best=SweepBest(iteration=3, parameters={"p": 3, "q": "a"}))
MODEL = OutputInfo(key="store://team/model/model/net:1", kind="model", path="s3://x/net-3")


def started(world: Any, sweep: Any = FAN_OUT, **spec: Any) -> Any:
    world.edit(hyperparameters=sweep, **spec)
    world.settle()
    return world.jobs[-1]


def pod(world: Any, job: Any, index: int | None = None) -> Any:
    made = world.add_pod(job)
    if index is not None:
        made["metadata"]["labels"][INDEX] = str(index)
    return made


def runs(made: Any) -> Any:
    state = {"running": {"startedAt": "2026-11-23T12:00:05Z"}}
    made["status"] = {"phase": "Running", "containerStatuses": [{"name": "mlrun", "state": state}]}
    return made


def ends(made: Any, exit_code: int = 0, result: Result | None = None, **more: Any) -> Any:
    said = {
        "exitCode": exit_code,
        "startedAt": "2026-11-23T12:00:05Z",
        "finishedAt": "2026-11-23T12:00:20Z",
        "message": encode(result or Result(reason=Reason.SUCCEEDED), 4096) if result or not exit_code else "",
        **more,
    }
    made["status"] = {
        "phase": "Failed" if exit_code else "Succeeded",
        "containerStatuses": [{"name": "mlrun", "state": {"terminated": said}}],
    }
    return made


def job_ends(job: Any, *, succeeded: bool, reason: str = "", message: str = "", **status: Any) -> None:
    kind = "Complete" if succeeded else "Failed"
    end = {"type": kind, "status": "True", "reason": reason, "message": message}
    job["status"] |= {"conditions": [{**end, "lastTransitionTime": "2026-11-23T12:00:21Z"}], **status}


def points_end(world: Any, job: Any, failed: int = 1) -> Any:
    """All eight points end, the last ones badly; the collector that comes of it."""
    for index in range(8):
        bad = index >= 8 - failed
        made = pod(world, job, index)
        ends(made, 1, Result(reason=Reason.HANDLER_FAILED, message="no")) if bad else ends(made)
    done = {"completedIndexes": f"0-{7 - failed}", "failedIndexes": f"{8 - failed}-7" if failed else ""}
    job_ends(job, succeeded=not failed, reason="FailedIndexes", **done)
    world.settle()
    return next((made for made in world.jobs if constants.ANNOTATION_COLLECTS in made["metadata"]["annotations"]), None)


def envelope_of(job: Any) -> Envelope:
    return decode(job["spec"]["template"]["metadata"]["annotations"][constants.ANNOTATION_ENVELOPE])


def environment(job: Any) -> dict[str, Any]:
    return {entry["name"]: entry for entry in job["spec"]["template"]["spec"]["containers"][0]["env"]}


def test_points_that_are_still_ending_are_not_collected_yet(world: Any) -> None:
    job = started(world, FAN_OUT, activeDeadlineSeconds=5)
    last = [pod(world, job, index) for index in range(8)][-1]
    for made in world.pods[:-1]:
        ends(made)
    last["status"] = {"phase": "Running"}
    last["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:51Z"
    job_ends(job, succeeded=False, reason="DeadlineExceeded", completedIndexes="0-6")
    assert world.settle().requeue is not None
    assert (len(world.jobs), world.status["phase"]) == (1, "Running")
    ends(last)
    world.settle()
    assert len(world.jobs) == 2


def test_in_one_process_it_is_one_pod_that_is_told_all(world: Any) -> None:
    job = started(world, GRID)
    assert "completionMode" not in job["spec"]
    sweep = envelope_of(job).sweep
    assert sweep is not None
    assert (sweep.params, sweep.selector, sweep.part, sweep.max_errors) == (GRID["params"], "max.score", None, 3)
    world.pod_runs()
    world.pod_ends(Result(reason=Reason.SUCCEEDED, sweep=DONE, results={"score": 5, "best_iteration": 3}))
    world.job_ends(succeeded=True)
    world.settle()
    assert world.status["phase"] == "Succeeded"
    assert world.status["message"] == "7 of 8 points succeeded, 1 failed; the best is point 3"
    assert world.status["sweep"]["best"] == {"iteration": 3, "parameters": {"p": 3, "q": "a"}}
    assert world.status["sweep"]["progress"] == "8/8"
    assert world.created == 1


def test_fanned_out_it_is_one_indexed_job_with_a_pod_a_point(world: Any) -> None:
    job = started(world, {**FAN_OUT, "parallelism": 4, "maxErrors": 2}, backoffLimit=1)
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 8, 4)
    assert (spec["backoffLimitPerIndex"], spec["maxFailedIndexes"]) == (1, 2)
    assert [rule["action"] for rule in spec["podFailurePolicy"]["rules"]] == ["Ignore", "FailIndex", "FailIndex"]
    paths = {
        name: entry["valueFrom"]["fieldRef"]["fieldPath"] for name, entry in environment(job).items() if "SWEEP" in name
    }
    assert paths == {
        "MLRUN_SWEEP_INDEX": f"metadata.labels['{INDEX}']",
        "MLRUN_SWEEP_FAILURES": "metadata.annotations['batch.kubernetes.io/job-index-failure-count']",
    }
    assert "MLRUN_REPLICA_INDEX" not in environment(job)
    sweep = envelope_of(job).sweep
    assert sweep is not None
    assert (sweep.part, sweep.retries, sweep.max_errors) == ("point", 1, 2)


@pytest.mark.parametrize(
    ("sweep", "at_once", "failures"), [({"x": [1, 2]}, 2, 2), ({"x": list(range(50))}, 10, 3), ({"x": [1]}, 1, 1)]
)
def test_the_defaults_are_bounded_by_the_number_of_points(world: Any, sweep: Any, at_once: int, failures: int) -> None:
    spec = started(world, {"params": sweep, "placement": "FanOut"})["spec"]
    assert (spec["parallelism"], spec["maxFailedIndexes"]) == (at_once, failures)


def test_progress_is_told_in_the_status_in_few_writes(world: Any) -> None:
    job = started(world, {"params": {"x": list(range(100))}, "placement": "FanOut"})
    for index in range(100):
        made = runs(pod(world, job, index))
        world.settle()
        if index == 40:
            assert world.status["sweep"]["progress"] == "40/100"
            assert world.status["sweep"]["failed"] == 1
        if index == 7:
            ends(made, 1, Result(reason=Reason.HANDLER_FAILED, message="no"))
            job["status"]["failedIndexes"] = "7"
        else:
            ends(made)
            job["status"]["completedIndexes"] = f"0-{index}" if index < 7 else f"0-6,8-{index}"
        world.settle()
    assert world.writes <= 30
    assert "replicaStatuses" not in world.status


def test_when_the_points_have_ended_they_are_collected_and_that_is_the_runs_end(world: Any) -> None:
    job = started(world)
    collector = points_end(world, job)
    assert collector["metadata"]["name"] == collector_name("first-run", world.run["metadata"]["uid"], 1)
    assert (world.status["phase"], world.status["reason"]) == ("Running", "Collecting")
    assert world.status["sweep"] == {
        "points": 8,
        "succeeded": 7,
        "failed": 1,
        "running": 0,
        "skipped": 0,
        "progress": "8/8",
    }
    result = Result(reason=Reason.SUCCEEDED, sweep=DONE, outputs={"net": MODEL}, results={"score": 9})
    ends(pod(world, collector), result=result)
    job_ends(collector, succeeded=True)
    world.settle()
    status = world.status
    assert (status["phase"], status["reason"]) == ("Succeeded", "Succeeded")
    assert status["message"] == "7 of 8 points succeeded, 1 failed; the best is point 3"
    assert (status["results"], status["outputs"]["net"]["key"]) == ({"score": 9}, MODEL.key)
    assert status["sweep"]["best"]["iteration"] == 3
    assert status["jobName"] == job["metadata"]["name"]
    assert (status["attemptCount"], world.created) == (9, 2)


def test_the_collector_has_what_the_points_had_when_they_started(world: Any) -> None:
    job = started(world, outputs={"net": "network"}, env=[{"name": "MINE", "value": "1"}])
    was = envelope_of(job)
    world.edit(hyperparameters={**FAN_OUT, "params": {"other": [1]}}, parameters={"x": 2}, outputs=None)
    world.function["spec"]["image"] = "another:1"
    collector = points_end(world, job)
    told = envelope_of(collector)
    assert told.sweep is not None
    assert was.sweep is not None
    assert told.sweep == was.sweep.model_copy(update={"part": "collect", "job": job["metadata"]["name"]})
    assert told.model_copy(update={"sweep": None}) == was.model_copy(update={"sweep": None})
    assert "MINE" in environment(collector)
    assert not {name for name in environment(collector) if "SWEEP" in name}
    spec = collector["spec"]
    assert "completionMode" not in spec
    assert "activeDeadlineSeconds" not in spec
    assert {rule["action"] for rule in spec["podFailurePolicy"]["rules"]} == {"Ignore", "FailJob"}
    labels = spec["template"]["metadata"]["labels"]
    assert labels[constants.LABEL_RUN_UID] == world.run["metadata"]["uid"]
    assert not [label for label in labels if "batch.kubernetes.io" in label or label == "controller-uid"]
    assert [world.jobs[-1]["metadata"]["annotations"][note] for note in (constants.ANNOTATION_EXECUTION,)] == ["1"]


def test_the_collector_runs_in_our_image_and_takes_no_gpu(world: Any) -> None:
    world.function["spec"]["image"] = "somebody/else:2"
    resources = {"requests": {"cpu": "1", "gpu": 1}, "limits": {"gpu": 1}}
    sidecar = {
        "containers": [{"name": "sidecar", "image": "side:1"}],
        "initContainers": [{"name": "first", "image": "i"}],
    }
    job = started(
        world, resources=resources, podTemplate={"spec": sidecar}, env=[{"name": "LD_PRELOAD", "value": "theirs.so"}]
    )
    spec = points_end(world, job)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["image"] == "example.org/wrapper:1"
    assert "command" not in container
    assert container["resources"] == {"requests": {"cpu": "1"}}
    assert "initContainers" not in spec
    assert "mlrun-wrapper" not in json.dumps(spec["volumes"]) + json.dumps(container["volumeMounts"])
    assert "LD_PRELOAD" not in [entry["name"] for entry in container["env"]]
    assert spec["restartPolicy"] == "Never"
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_the_collector_is_told_why_points_failed_that_could_not_say_it(world: Any) -> None:
    job = started(world, {"params": {"x": [1, 2, 3]}, "placement": "FanOut"})
    ends(pod(world, job, 0))
    ends(pod(world, job, 1), 137, reason="OOMKilled")
    ends(pod(world, job, 2), 1, Result(reason=Reason.HANDLER_FAILED, message="said so itself"))
    job_ends(job, succeeded=False, completedIndexes="0", failedIndexes="1,2")
    world.settle()
    sweep = envelope_of(world.jobs[-1]).sweep
    assert sweep is not None
    assert list(sweep.lost) == ["2"]
    assert sweep.lost["2"].startswith("OOMKilled: ")


def test_a_collector_that_judges_the_sweep_failed_fails_the_run(world: Any) -> None:
    collector = points_end(world, started(world), failed=4)
    words = "4 of 8 points failed, and maxErrors is 3; the first, point 5: ValueError: no"
    sweep = SweepStatus(points=8, succeeded=4, failed=4, best=SweepBest(iteration=2))
    ends(
        pod(world, collector), 2, Result(reason=Reason.HANDLER_FAILED, message=words, sweep=sweep, results={"score": 4})
    )
    job_ends(collector, succeeded=False)
    world.settle()
    assert (world.status["phase"], world.status["reason"], world.status["message"]) == (
        "Failed",
        "HandlerFailed",
        words,
    )
    assert world.status["results"] == {"score": 4}
    assert world.status["sweep"]["failed"] == 4


def test_skipped_points_are_counted_as_such(world: Any) -> None:
    job = started(world)
    for index in range(8):
        ends(pod(world, job, index), result=Result(reason=Reason.SKIPPED) if index > 3 else None)
    job_ends(job, succeeded=True, completedIndexes="0-7")
    world.settle()
    assert (world.status["sweep"]["succeeded"], world.status["sweep"]["skipped"]) == (4, 4)


def test_a_deadline_ends_the_points_and_what_they_have_is_collected(world: Any) -> None:
    job = started(world, activeDeadlineSeconds=60)
    ends(pod(world, job, 0))
    job_ends(job, succeeded=False, reason="DeadlineExceeded", message="Job was active too long", completedIndexes="0")
    world.settle()
    assert world.status["sweep"]["failed"] == 0
    collector = world.jobs[-1]
    sweep = SweepStatus(points=8, succeeded=1, skipped=7, best=SweepBest(iteration=1))
    ends(pod(world, collector), result=Result(reason=Reason.SUCCEEDED, sweep=sweep, results={"score": 1}))
    job_ends(collector, succeeded=True)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "DeadlineExceeded")
    summary = "1 of 8 points succeeded, 7 were skipped; the best is point 1"
    assert world.status["message"].startswith("the run took longer than activeDeadlineSeconds (60 s")
    assert world.status["message"].endswith(summary)
    assert world.status["results"] == {"score": 1}


def test_stop_lets_points_end_and_collects_what_is_there(world: Any) -> None:
    job = started(world)
    ends(pod(world, job, 0))
    running = runs(pod(world, job, 1))
    job["status"]["completedIndexes"] = "0"
    world.settle()
    world.edit(stop=True)
    world.settle()
    assert job["spec"]["suspend"] is True
    assert (world.status["phase"], world.status["reason"]) == ("Running", "Stopping")
    assert world.created == 1
    world.pods.remove(running)
    world.settle()
    assert world.created == 2
    assert world.status["reason"] == "Stopping"
    sweep = SweepStatus(points=8, succeeded=1, skipped=7, best=SweepBest(iteration=1))
    ends(pod(world, world.jobs[-1]), result=Result(reason=Reason.SUCCEEDED, sweep=sweep, results={"score": 1}))
    job_ends(world.jobs[-1], succeeded=True)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Stopped", "Stopped")
    assert world.status["message"].startswith("stopped by spec.stop; 1 of 8 points succeeded")
    assert world.status["results"] == {"score": 1}
    world.settle()
    assert world.deleted == [job["metadata"]["name"]]


def test_stop_before_a_point_has_started_has_nothing_to_collect(world: Any) -> None:
    job = started(world)
    pod(world, job, 0)
    world.edit(stop=True)
    world.pods.clear()
    world.settle()
    assert world.status["phase"] == "Stopped"
    assert world.created == 1


def test_stop_does_not_wait_for_ever_for_a_collector_that_cannot_start(world: Any) -> None:
    job = started(world)
    world.settle()
    runs(pod(world, job, 0))
    world.settle()
    world.edit(stop=True)
    world.pods.clear()
    world.settle()
    stuck = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    pod(world, world.jobs[-1])["status"] = {"phase": "Pending", "conditions": [stuck]}
    step = world.settle()
    assert world.status["reason"] == "Unschedulable"
    assert step.requeue is not None
    world.later(61)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Stopped", "Stopped")
    assert "no node" in world.status["message"]
    world.settle()
    assert len(world.deleted) == 2


def evicted(pod: Any) -> Any:
    """The pod is evicted from its node."""
    ends(pod, 143)
    pod["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]
    return pod


def test_points_that_are_evicted_too_often_end_and_what_they_have_is_collected(world: Any) -> None:
    job = started(world, maxDisruptions=0)
    ends(pod(world, job, 0))
    running = runs(pod(world, job, 1))
    job["status"]["completedIndexes"] = "0"
    world.settle()
    evicted(pod(world, job, 2))
    world.settle()
    assert job["spec"]["suspend"] is True
    assert (world.status["phase"], world.status["reason"]) == ("Running", "Stopping")
    assert world.status["message"].startswith("evicted or preempted 1 times, and maxDisruptions is 0")
    world.pods.remove(running)
    world.settle()
    assert (world.status["reason"], world.created) == ("Stopping", 2)
    sweep = SweepStatus(points=8, succeeded=1, skipped=7, best=SweepBest(iteration=1))
    ends(pod(world, world.jobs[-1]), result=Result(reason=Reason.SUCCEEDED, sweep=sweep, results={"score": 1}))
    job_ends(world.jobs[-1], succeeded=True)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "Evicted")
    words = "evicted or preempted 1 times, and maxDisruptions is 0 for each of 8 pods; 1 of 8 points succeeded"
    assert world.status["message"].startswith(words)
    assert world.status["results"] == {"score": 1}
    world.settle()
    assert world.deleted == [job["metadata"]["name"]]


def test_of_many_points_so_many_evictions_are_borne_for_each(world: Any) -> None:
    job = started(world, maxDisruptions=1)
    for index in range(8):
        evicted(pod(world, job, index))
    world.settle()
    assert (world.status["phase"], world.status["disruptions"]) == ("Running", 8)
    evicted(pod(world, job, 0))
    world.settle()
    assert job["spec"]["suspend"] is True


def test_evicted_points_do_not_wait_for_ever_for_a_collector_that_cannot_start(world: Any) -> None:
    job = started(world, maxDisruptions=0)
    evicted(pod(world, job, 0))
    world.settle()
    world.later(300)
    world.settle(events=[])
    assert world.status["phase"] == "Running", "a new node takes its time"
    world.later(601)
    world.settle(events=[])
    assert world.status["completionTime"]
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "Evicted")
    assert "were not collected" in world.status["message"]


def test_a_stop_that_is_taken_back_still_ends_the_sweep(world: Any) -> None:
    job = started(world)
    runs(pod(world, job, 0))
    world.settle()
    world.edit(stop=True)
    world.pods.clear()
    world.settle()
    collector = world.jobs[-1]
    world.edit(stop=None)
    world.settle()
    assert (job["spec"]["suspend"], world.status["reason"]) == (True, "Stopping")
    ends(pod(world, collector), result=Result(reason=Reason.SUCCEEDED, sweep=DONE))
    job_ends(collector, succeeded=True)
    world.settle()
    assert (world.status["phase"], world.status["sweep"]["best"]["iteration"]) == ("Stopped", 3)
    world.settle()
    assert (world.created, world.status["execution"]["number"]) == (2, 1)


def test_kueues_jobs_are_stopped_by_deleting_them(world: Any) -> None:
    world.run["metadata"]["labels"] = {constants.LABEL_QUEUE: "q"}
    job = started(world)
    runs(pod(world, job, 0))
    world.settle()
    world.edit(stop=True)
    world.pods.clear()
    world.settle()
    assert world.deleted == [job["metadata"]["name"]]
    assert world.status["phase"] == "Stopped"


def stopped_in_a_queue(world: Any) -> Any:
    """Return the points' Job, of which one runs, of a sweep in a Kueue queue that is to stop."""
    world.run["metadata"]["labels"] = {constants.LABEL_QUEUE: "q"}
    world.workload = {"metadata": {"uid": "w-1", "name": "w"}, "spec": {}}
    job = started(world)
    job["spec"]["suspend"] = False
    runs(pod(world, job, 0))
    world.settle()
    world.edit(stop=True)
    return job


def test_a_stopped_sweep_is_collected_once_kueue_has_suspended_it(world: Any) -> None:
    job = stopped_in_a_queue(world)
    world.pods.clear()
    assert world.settle().requeue is not None
    assert (world.workload["spec"]["active"], world.created) == (False, 1), "Kueue is waited for"
    job["spec"]["suspend"] = True
    world.settle()
    assert (world.deleted, world.created) == ([], 2)


def test_points_that_kueue_does_not_suspend_are_deleted(world: Any) -> None:
    """Kueue does not run: a stop must act all the same."""
    job = stopped_in_a_queue(world)
    world.settle()
    assert world.deleted == []
    world.later(61)
    world.settle()
    assert world.deleted == [job["metadata"]["name"]]


def test_a_suspended_run_holds_its_points_and_its_collector(world: Any) -> None:
    job = started(world)
    runs(pod(world, job, 0))
    world.settle()
    world.edit(suspend=True)
    world.settle()
    assert (world.status["phase"], job["spec"]["suspend"]) == ("Suspended", True)
    world.edit(suspend=None)
    world.pods.clear()
    world.settle()
    assert job["spec"]["suspend"] is False
    collector = points_end(world, job)
    world.edit(suspend=True)
    world.settle()
    assert (world.status["phase"], collector["spec"]["suspend"]) == ("Suspended", True)


def test_a_foreign_job_of_the_collectors_name_is_left_alone(world: Any) -> None:
    job = started(world)
    name = collector_name("first-run", world.run["metadata"]["uid"], 1)
    world.jobs.insert(0, {"metadata": {"name": name, "uid": "foreign", "annotations": {}}, "spec": {}, "status": {}})
    assert points_end(world, job) is None
    assert (world.status["phase"], world.status["reason"]) == ("Running", "NameConflict")
    assert name in world.status["message"]


@pytest.mark.parametrize(
    ("code", "words", "phase", "reason"),
    [(403, "exceeded quota: none", "Running", "QuotaExceeded"), (422, "spec is wrong", "Failed", "InvalidRun")],
)
def test_a_collector_that_is_refused_is_told(world: Any, code: int, words: str, phase: str, reason: str) -> None:
    job = started(world)
    job_ends(job, succeeded=True, completedIndexes="0-7")
    whole = json.loads(json.dumps(job))
    step = world.look(whole_job=whole, refusal=Refusal(code, words))
    assert (step.status.phase, step.status.reason) == (phase, reason)


def test_a_collector_that_vanished_is_made_again_and_vanished_points_are_not(world: Any) -> None:
    job = started(world)
    collector = points_end(world, job)
    world.jobs.remove(collector)
    world.settle()
    assert world.created == 3
    world.jobs.clear()
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "JobDeleted")


def test_both_jobs_go_when_their_time_is_over(world: Any) -> None:
    collector = points_end(world, started(world, ttlSecondsAfterFinished=60))
    ends(pod(world, collector), result=Result(reason=Reason.SUCCEEDED, sweep=DONE))
    job_ends(collector, succeeded=True)
    world.settle()
    world.later(100)
    world.settle()
    assert world.jobs == []
    assert world.status["phase"] == "Succeeded"


def test_a_collector_whose_report_is_lost_is_waited_for_and_then_told(world: Any) -> None:
    collector = points_end(world, started(world))
    job_ends(collector, succeeded=True)
    assert world.look().requeue is not None
    world.later(60)
    world.settle()
    assert world.status["phase"] == "Succeeded"
    assert world.condition("ResultMissing") is not None
    assert world.status["sweep"]["succeeded"] == 7


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"params": {"x": list(range(40)), "y": list(range(40))}}, "40 x 40 = 1600 points; at most 1000"),
        ({"params": {"x": [1, 2], "y": [1]}, "strategy": "list"}, "x has 2, y has 1"),
        ({"params": {"x": []}}, "'x' has no values"),
        ({"params": {}}, "names no parameter"),
        ({}, "exactly one of params and paramFile"),
        ({"paramFile": "s3://b/x.csv", "placement": "FanOut"}, "FanOut needs params"),
        ({"params": {"x": [1]}, "parallelism": 2}, "parallelism needs placement FanOut"),
        ({"params": {"x": [1]}, "seed": 2}, "strategy random"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_anything_runs(world: Any, sweep: Any, words: str) -> None:
    world.edit(hyperparameters=sweep)
    world.settle()
    assert (world.status["phase"], world.status["reason"], world.created) == ("Failed", "InvalidRun", 0)
    assert words in world.status["message"]


def test_a_sweep_has_no_replicas(world: Any) -> None:
    world.edit(hyperparameters=FAN_OUT, replicas=2)
    world.settle()
    assert "replicas: not with hyperparameters" in world.status["message"]


def test_other_points_are_another_execution(world: Any) -> None:
    collector = points_end(world, started(world))
    ends(pod(world, collector), result=Result(reason=Reason.SUCCEEDED, sweep=DONE))
    job_ends(collector, succeeded=True)
    world.settle()
    world.edit(hyperparameters={**FAN_OUT, "params": {"p": [9]}})
    world.settle()
    assert world.jobs[-1]["metadata"]["name"] == job_name("first-run", world.run["metadata"]["uid"], 2)
    assert world.jobs[-1]["spec"]["completions"] == 1
    assert "best" not in world.status.get("sweep", {})


@given(
    done=st.sets(st.integers(0, 7)),
    failed=st.sets(st.integers(0, 7)),
    running=st.sets(st.integers(0, 7)),
    skipped=st.sets(st.integers(0, 7)),
)
def test_every_point_is_counted_once(done: set[int], failed: set[int], running: set[int], skipped: set[int]) -> None:
    failed -= done
    running -= done | failed
    pods = [ends(a_pod(index), result=Result(reason=Reason.SKIPPED) if index in skipped else None) for index in done]
    pods += [ends(a_pod(index), 1, Result(reason=Reason.HANDLER_FAILED)) for index in failed]
    pods += [runs(a_pod(index)) for index in running]
    seen = {"completedIndexes": ",".join(map(str, done)), "failedIndexes": ",".join(map(str, failed))}
    job = {
        "metadata": {},
        "spec": {"completionMode": "Indexed", "completions": 8, "maxFailedIndexes": 8},
        "status": seen,
    }
    sweep = sweep_of(replicas(job, [read_pod(made) for made in pods]))
    assert (sweep.succeeded, sweep.skipped) == (len(done - skipped), len(done & skipped))
    assert (sweep.failed, sweep.running) == (len(failed), len(running))
    assert sweep.progress == f"{len(done | failed)}/8"


def a_pod(index: int) -> Any:
    return {"metadata": {"name": f"p-{index}", "labels": {INDEX: str(index)}}}


def test_each_execution_has_random_points_of_its_own() -> None:
    hyper = Hyperparameters.model_validate({"params": {"x": list(range(99))}, "strategy": "random"})
    seeds = {sweep_info(hyper, uid, n).seed for uid in ("a", "b") for n in (1, 2)}
    assert len(seeds) == 4
    first = sweep_info(hyper, "a", 1)
    assert len(points(hyper.params or {}, "random", first.max_iterations, first.seed)) == 10
