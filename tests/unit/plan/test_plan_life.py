"""A run's life as the plan leads it (BEHAVIOUR A)."""

from datetime import timedelta
from typing import Any

import pytest

from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import OutputInfo
from mlrun_operator.api.values.names import job_name
from mlrun_operator.plan import Refusal

DATASET = OutputInfo(key="store://team/dataitem/table/dataset:1", kind="table", path="s3://x", size=5, sha256="ab")


def test_a_happy_run_is_one_job_and_three_status_writes(world: Any) -> None:
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "Created")
    world.pod_runs()
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Running", "Running")
    world.pod_ends(Result(reason=Reason.SUCCEEDED, outputs={"dataset": DATASET}, results={"rows": 3}))
    world.settle()
    world.job_ends(succeeded=True)
    world.settle()

    assert world.created == 1
    assert world.writes == 3
    assert world.status["phase"] == "Succeeded"
    assert world.status["outputs"]["dataset"] == {
        "key": "store://team/dataitem/table/dataset:1",
        "kind": "table",
        "path": "s3://x",
        "size": 5,
        "sha256": "ab",
    }
    assert world.status["results"] == {"rows": 3}
    assert world.status["message"] == "outputs: 1, results: 1"
    assert world.status["attemptCount"] == 1
    assert world.status["attempts"][0]["exitCode"] == 0
    assert world.status["duration"] == "19s"
    assert world.status["function"]["name"] == "my_function"
    assert world.status["image"] == {"resolved": "example.org/wrapper:1"}


def test_nothing_is_written_when_nothing_changed(world: Any) -> None:
    world.settle()
    world.succeed()
    writes = world.writes
    for _ in range(3):
        plan = world.settle()
        assert plan.status is None
        assert plan.requeue is None
    assert world.writes == writes


def test_a_failing_run_is_three_status_writes_too(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="no"), exit_code=1)
    world.settle()
    world.jobs[-1]["status"] |= {"failed": 1, "conditions": [{"type": "FailureTarget", "status": "True"}]}
    world.settle()
    world.job_ends(succeeded=False)
    world.settle()
    assert world.writes == 3


def test_conditions_speak_to_kubectl_wait_and_to_kstatus(world: Any) -> None:
    world.settle()
    assert world.condition("Finished")["status"] == "False"
    assert world.condition("Reconciling")["status"] == "True"
    assert world.condition("Ready")["status"] == "False"
    world.succeed()
    assert [world.condition(kind)["status"] for kind in ("Finished", "Succeeded", "Ready")] == ["True"] * 3
    assert world.condition("Reconciling") is None
    assert world.condition("Failed") is None
    assert world.condition("Finished")["observedGeneration"] == 1


def test_a_failed_handler_is_told_with_its_exception(world: Any) -> None:
    world.settle()
    world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="ValueError: boom"), exit_code=1)
    world.job_ends(succeeded=False)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "HandlerFailed")
    assert world.status["message"] == "ValueError: boom"
    assert world.status["attempts"][0]["exitCode"] == 1
    assert world.condition("Stalled")["status"] == "True"
    assert world.condition("Failed")["message"] == "ValueError: boom"


def test_the_users_traceback_stands_below_the_message(world: Any) -> None:
    world.settle()
    traceback = 'Traceback (most recent call last):\n  File "f.py", line 2\nValueError: boom'
    world.pod_ends(Result(reason=Reason.HANDLER_FAILED, message="ValueError: boom", traceback=traceback), exit_code=1)
    world.job_ends(succeeded=False)
    world.settle()
    assert world.status["message"] == f"ValueError: boom\n\n{traceback}"
    assert world.condition("Failed")["message"] == "ValueError: boom"


def test_a_terminal_status_waits_for_the_pods_report(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    world.job_ends(succeeded=True)
    plan = world.look()
    assert plan.status is None
    assert timedelta(0) < plan.requeue <= timedelta(seconds=10)
    world.pod_ends(Result(reason=Reason.SUCCEEDED, outputs={"dataset": DATASET}))
    world.settle()
    assert world.status["outputs"]["dataset"]["key"] == DATASET.key


def test_a_report_that_is_lost_is_said(world: Any) -> None:
    world.settle()
    world.job_ends(succeeded=True)
    world.now += timedelta(seconds=20)
    assert world.look().confirm, "one direct look before the report is given up"
    world.settle()
    assert world.status["phase"] == "Succeeded"
    assert world.condition("ResultMissing")["status"] == "True"


def test_a_finished_run_never_starts_again_when_its_job_is_deleted(world: Any) -> None:
    world.settle()
    world.succeed()
    world.jobs, world.pods = [], []
    assert world.settle().status is None
    assert world.created == 1


def test_a_job_deleted_before_its_end_was_recorded_fails_the_run(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    world.jobs, world.pods = [], []
    assert world.look().confirm, "the watch may only be late"
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "JobDeleted")
    assert world.status["jobName"] == job_name("first-run", world.run["metadata"]["uid"], 1)
    world.settle()
    assert world.created == 1


def test_an_edit_starts_the_next_execution_and_keeps_the_old_one_in_the_history(world: Any) -> None:
    world.settle()
    world.succeed()
    world.edit(parameters={"x": 2})
    world.settle()
    assert world.created == 2
    assert world.status["execution"]["number"] == 2
    assert world.status["phase"] == "Pending"
    assert [(e["number"], e["phase"]) for e in world.status["executions"]] == [(1, "Succeeded")]
    assert "outputs" not in world.status


def test_an_edit_while_running_waits_for_the_end(world: Any) -> None:
    world.settle()
    world.edit(parameters={"x": 2})
    world.settle()
    assert world.created == 1
    world.succeed()
    world.settle()
    assert world.created == 2
    assert world.status["execution"]["number"] == 2


def test_the_end_before_an_edits_execution_is_not_taken_for_the_edits(world: Any) -> None:
    world.settle()
    world.pod_runs()
    world.edit(parameters={"x": 2})
    world.settle()
    assert (world.status["phase"], world.status["observedGeneration"]) == ("Running", 1), "it must not go back later"
    world.pod_ends(Result(reason=Reason.SUCCEEDED))
    world.job_ends(succeeded=True)
    end = world.look().status
    assert (end.phase, end.observed_generation) == ("Succeeded", 1)
    assert {condition.observed_generation for condition in end.conditions} == {1}
    world.settle()
    world.settle()
    assert (world.status["phase"], world.status["observedGeneration"]) == ("Pending", 2)


def test_an_edit_that_was_taken_back_starts_nothing(world: Any) -> None:
    world.settle()
    world.edit(parameters={"x": 2})
    world.settle()
    world.edit(parameters={"x": 1})
    world.succeed()
    world.settle()
    assert world.created == 1
    assert world.status["observedGeneration"] == 3


@pytest.mark.parametrize("change", [{"backoffLimit": 3}, {"rerun": ""}])
def test_a_change_of_what_does_not_run_starts_nothing(world: Any, change: dict[str, Any]) -> None:
    world.settle()
    world.succeed()
    world.edit(**change)
    world.settle()
    assert world.created == 1


def test_rerun_runs_again_once_and_removing_it_never(world: Any) -> None:
    world.settle()
    world.succeed()
    world.edit(rerun="please")
    world.settle()
    assert world.created == 2
    world.succeed()
    world.edit(rerun=None)
    world.settle()
    assert world.created == 2
    world.edit(rerun="please")
    world.settle()
    assert world.created == 2, "the same word again is no new wish"
    world.edit(rerun="again")
    world.settle()
    assert world.created == 3


def test_another_hash_version_starts_nothing(world: Any) -> None:
    world.settle()
    world.succeed()
    world.run["status"]["execution"]["hash"] = "v0-0123456789abcdef"
    world.jobs[0]["metadata"]["annotations"]["mlrun-operator.dev/execution-hash"] = "v0-0123456789abcdef"
    world.edit(description=None)
    world.settle()
    assert world.created == 1


def test_a_function_edited_later_runs_nothing_again_but_is_said(world: Any) -> None:
    world.settle()
    world.succeed()
    world.function["spec"]["source"]["code"] = "def handler(context):\n    return 2\n"
    world.function["metadata"]["generation"] += 1
    world.settle()
    assert world.created == 1
    assert world.condition("FunctionChanged")["status"] == "True"
    assert world.settle().status is None
    world.edit(rerun="1")
    world.settle()
    assert world.condition("FunctionChanged") is None


def test_a_run_that_follows_its_function_runs_again_when_that_changes_and_once(world: Any) -> None:
    world.edit(functionRef={"name": "my-function", "onChange": "Rerun"})
    world.settle()
    world.succeed()
    assert world.settle().create is None
    world.function["spec"]["source"] = {"code": "def handler(context):\n    return 2\n"}
    world.settle()
    assert (world.status["execution"]["number"], world.created) == (2, 2)
    world.succeed()
    world.settle()
    assert (world.status["execution"]["number"], world.created) == (2, 2)
    world.function["spec"]["description"] = "prose"
    world.settle()
    assert world.created == 2


def test_following_a_function_is_no_change_of_what_runs(world: Any) -> None:
    world.settle()
    world.succeed()
    world.edit(functionRef={"name": "my-function", "onChange": "Rerun"})
    world.settle()
    assert world.created == 1


def test_a_run_that_follows_a_broken_function_runs_once_that_is_mended(world: Any) -> None:
    world.edit(functionRef={"name": "my-function", "onChange": "Rerun"})
    world.settle()
    world.succeed()
    good = world.function["spec"]
    world.function["spec"] = {**good, "handler": 7}
    world.settle()
    assert (world.status["phase"], world.status["execution"]["number"]) == ("Failed", 2)
    world.function["spec"] = {**good, "handler": "other"}
    world.settle()
    assert (world.status["execution"]["number"], world.created) == (3, 2)


def test_a_run_that_follows_its_function_does_so_also_after_a_stop(world: Any) -> None:
    world.edit(functionRef={"name": "my-function", "onChange": "Rerun"})
    world.settle()
    world.succeed()
    world.edit(stop=True)
    world.function["spec"]["handler"] = "second"
    world.settle()
    assert (world.status["phase"], world.status["execution"]["number"]) == ("Stopped", 2)
    world.edit(stop=None)
    world.settle()
    assert world.created == 1, "removing stop starts nothing"
    world.function["spec"]["handler"] = "third"
    world.settle()
    assert (world.status["execution"]["number"], world.created) == (3, 2)


def test_what_a_schedule_made_does_not_follow_its_function(world: Any) -> None:
    world.run["metadata"]["labels"] = {"mlrun-operator.dev/schedule-uid": "u"}
    world.edit(functionRef={"name": "my-function", "onChange": "Rerun"})
    world.settle()
    world.succeed()
    world.function["spec"]["handler"] = "other"
    world.settle()
    assert world.created == 1


def test_two_outputs_of_one_name_are_refused(world: Any) -> None:
    world.edit(outputs={"a": "x", "b": {"name": "x"}})
    world.settle()
    assert world.status["reason"] == "InvalidRun"
    assert "outputs: a and b are both called x" in world.status["message"]


def test_a_limit_of_concurrent_runs_is_a_functions_not_a_runs(world: Any) -> None:
    world.edit(functionRef=None, function={**world.function["spec"], "maxConcurrentRuns": 1})
    world.settle()
    assert world.status["reason"] == "InvalidRun"
    assert "maxConcurrentRuns" in world.status["message"]


def test_a_function_edited_while_running_does_not_touch_the_execution(world: Any) -> None:
    world.settle()
    digest = world.jobs[0]["metadata"]["annotations"]["mlrun-operator.dev/function"]
    world.function["spec"]["handler"] = "other"
    world.succeed()
    assert world.status["function"]["digest"] in digest


def test_a_missing_function_is_waited_for(world: Any, function: Any) -> None:
    world.function = None
    plan = world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "FunctionMissing")
    assert "my-function does not exist in namespace team" in world.status["message"]
    assert plan.requeue is None
    assert world.settle().status is None
    world.function = function
    world.settle()
    assert world.created == 1
    assert world.status["execution"]["number"] == 1


def test_an_edit_while_waiting_is_what_runs(world: Any, function: Any) -> None:
    world.function = None
    world.settle()
    world.edit(parameters={"x": 5})
    world.settle()
    world.function = function
    world.settle()
    execution = world.status["execution"]
    assert (execution["number"], execution["generation"], execution["jobUID"]) == (1, 2, "job-1")
    world.succeed()
    assert world.settle().status is None
    assert world.created == 1


def test_a_job_that_was_made_before_a_crash_is_taken_up_with_its_own_hash(world: Any) -> None:
    """The operator died between the Job and the status, and the user edited meanwhile: the edit becomes execution 2."""
    world.add_job(world.look().create)
    world.edit(parameters={"x": 2})
    world.settle()
    assert world.created == 1
    assert world.status["execution"]["generation"] == 1
    world.succeed()
    world.settle()
    assert world.created == 2
    assert world.status["execution"]["number"] == 2


def test_a_foreign_job_of_the_name_is_never_adopted(world: Any) -> None:
    job = world.look().create
    job["metadata"] |= {"uid": "foreign", "ownerReferences": []}
    world.jobs.append(job)
    plan = world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Pending", "NameConflict")
    assert plan.requeue is not None
    world.jobs.clear()
    world.settle()
    assert world.status["reason"] == "Created"


@pytest.mark.parametrize(
    ("code", "message", "phase", "reason"),
    [
        (422, 'Job "x" is invalid: spec: bad', "Failed", "InvalidRun"),
        (400, "strict decoding error", "Failed", "InvalidRun"),
        (403, "exceeded quota: jobs, requested: 1", "Pending", "QuotaExceeded"),
        (403, "denied the request: no such image", "Pending", "AdmissionDenied"),
    ],
)
def test_a_refused_job_is_told_in_the_servers_words(
    world: Any, code: int, message: str, phase: str, reason: str
) -> None:
    plan = world.settle(refusal=Refusal(code, message))
    assert (world.status["phase"], world.status["reason"]) == (phase, reason)
    assert world.status["message"] == message
    assert (plan.requeue is None) == (phase == "Failed")


def test_a_run_that_is_being_deleted_starts_nothing(world: Any) -> None:
    world.run["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    plan = world.settle()
    assert plan.status is None
    assert world.created == 0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"parameters": "no map"}, "parameters"),
        ({"inputs": {"a": {"kind": "table"}}}, "exactly one of key"),
        ({"inputs": {"a": "store://broken"}}, "its form is store://"),
        ({"outputs": {"a": {"nome": "b"}}}, "outputs.a"),
        ({"functionRef": None}, "exactly one of functionRef and function"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_malformed_run_fails_with_the_field_and_makes_no_job(world: Any, spec: dict[str, Any], words: str) -> None:
    world.edit(**spec)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "InvalidRun")
    assert words in world.status["message"]
    assert world.created == 0
    assert world.settle().status is None


def test_a_malformed_run_runs_once_it_is_mended(world: Any) -> None:
    world.edit(parameters="no map")
    world.settle()
    world.edit(parameters={"x": 1})
    world.settle()
    assert world.created == 1
    assert world.status["execution"]["number"] == 2


def test_a_malformed_function_is_named(world: Any) -> None:
    world.function["spec"]["source"] = {}
    world.settle()
    assert world.status["reason"] == "InvalidRun"
    assert "MlrunFunction my-function: source: set exactly one" in world.status["message"]


def test_an_envelope_that_does_not_fit_says_what_to_move(world: Any) -> None:
    import random

    noise = random.Random(1).randbytes(200 * 1024).hex()
    world.edit(parameters={"noise": noise})
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "EnvelopeTooLarge")
    assert "to an input" in world.status["message"]


def test_a_status_of_a_newer_operator_is_not_shortened(world: Any) -> None:
    world.settle()
    world.succeed()
    world.run["status"]["invention"] = {"of": "tomorrow"}
    assert world.settle().status is None


def test_retries_are_attempts_of_one_execution_and_the_phase_never_goes_back(world: Any) -> None:
    world.edit(backoffLimit=2)
    world.settle()
    world.pod_ends(Result(reason=Reason.INPUT_UNAVAILABLE, message="503 from https://x"), exit_code=69)
    world.settle()
    assert "exitCode" not in world.status["attempts"][0], "the Job may be about to end with it"
    world.jobs[-1]["status"]["failed"] = 1
    world.settle()
    assert world.status["phase"] == "Running"
    assert world.status["attempts"][0]["exitCode"] == 69
    world.add_pod()
    world.settle()
    assert world.status["phase"] == "Running"
    world.pods = []
    world.settle()
    assert world.status["phase"] == "Running"
    world.pod_ends(Result(reason=Reason.SUCCEEDED))
    world.pods[-1]["metadata"] |= {"uid": "pod-2", "name": "the-retry"}
    world.job_ends(succeeded=True)
    world.settle()
    assert world.status["phase"] == "Succeeded"
    assert world.status["attemptCount"] == 2
    assert [a["reason"] for a in world.status["attempts"]] == ["InputUnavailable", "Succeeded"]
