"""A run's life on a real cluster, whatever users do to it."""

import json
from typing import Any

import pytest
from support.kube import Kube, Object, Refused, audited_writes, eventually, function, run
from support.operators import Operator

from mlrun_operator.api.values.names import job_name


def test_a_run_becomes_a_job_a_pod_and_a_status_that_says_so(kube: Kube, operator: Operator) -> None:
    kube.apply(
        function("my-function", name="my_function"), run("first", "my-function", parameters={"results": {"a": 1}})
    )
    status = kube.finished("first")
    assert status["phase"] == "Succeeded"
    assert status["results"] == {"a": 1, "execution": 1}
    assert status["function"]["name"] == "my_function"
    (job,) = kube.jobs("first")
    assert job["metadata"]["name"] == status["jobName"]
    assert status["attempts"][0]["pod"].startswith(status["jobName"])
    kube.kubectl("wait", "mlr/first", "--for=condition=Succeeded", "--timeout=5s")
    columns = kube.kubectl("get", "mlr", "first").splitlines()
    assert columns[0].split() == [
        "NAME",
        "PHASE",
        "FUNCTION",
        "ATTEMPTS",
        "DURATION",
        "SCHEDULE",
        "LAST",
        "NEXT",
        "AGE",
    ]
    assert columns[1].split()[:4] == ["first", "Succeeded", "my_function", "1"]
    assert "first" in kube.kubectl(
        "get", "mlr", "--field-selector=status.phase=Succeeded,spec.functionRef.name=my-function"
    )


def test_a_happy_run_costs_four_writes_and_at_most_four_events(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("counted", parameters={"sleep": 2}))
    kube.finished("counted")
    eventually(lambda: len(kube.events("counted")) == 3, "three events")
    user = f"system:serviceaccount:{kube.namespace}:mlrun-operator"
    writes = audited_writes(kube.facts, user)
    objects = [w["objectRef"]["resource"] for w in writes if w["objectRef"]["resource"] != "events"]
    assert sorted(objects) == ["jobs", "mlrunfunctions", "mlrunruns", "mlrunruns", "mlrunruns"]
    assert len(writes) - len(objects) <= 4
    assert all(w["responseStatus"]["code"] < 300 for w in writes)
    described = kube.kubectl("describe", "mlr", "counted")
    for word in ("Created", "Running", "Succeeded", "created Job counted-", "runs on node"):
        assert word in described


def test_function_and_run_in_one_file_work_in_either_order(kube: Kube, operator: Operator) -> None:
    kube.apply(run("early", "late-function"))
    status = kube.reaches("early", reason="FunctionMissing")
    assert status["phase"] == "Pending"
    assert "late-function does not exist" in status["message"]
    kube.apply(function("late-function"))
    assert kube.finished("early")["phase"] == "Succeeded"
    kube.apply(run("other-way", "other"), function("other"))
    assert kube.finished("other-way")["phase"] == "Succeeded"


def test_a_failure_is_told_and_not_retried(kube: Kube, operator: Operator) -> None:
    wish = {"exit": 1, "reason": "HandlerFailed", "message": "ValueError: boom"}
    kube.apply(function("fn"), run("fails", parameters=wish))
    status = kube.finished("fails")
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "HandlerFailed", "ValueError: boom")
    assert status["attemptCount"] == 1
    assert status["attempts"][0]["exitCode"] == 1
    warning = eventually(lambda: [e for e in kube.events("fails") if e["type"] == "Warning"], "a warning event")
    assert warning[0]["reason"] == "HandlerFailed"


def test_what_can_get_better_is_retried_and_what_cannot_is_not(kube: Kube, operator: Operator) -> None:
    final = {"exit": 64, "reason": "InvalidRun", "message": "no handler"}
    passing = {"exit": 69, "reason": "InputUnavailable", "message": "503"}
    kube.apply(
        function("fn"),
        run("final", parameters=final, backoffLimit=3),
        run("passing", parameters=passing, backoffLimit=1),
    )
    assert kube.finished("final")["attemptCount"] == 1
    status = kube.finished("passing")
    assert status["attemptCount"] == 2
    assert [a["reason"] for a in status["attempts"]] == ["InputUnavailable"] * 2


def test_deleting_the_run_deletes_its_job_and_the_running_pod(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("doomed", parameters={"sleep": 120}))
    kube.reaches("doomed", phase="Running")
    kube.delete("mlr", "doomed")
    eventually(lambda: not kube.all("jobs"), "the Job is gone")
    eventually(lambda: not kube.all("pods"), "the pod is gone", 60)


def test_deleting_a_finished_runs_job_never_starts_it_again(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("done"))
    before = kube.finished("done")
    kube.delete("job", before["jobName"])
    eventually(lambda: not kube.all("jobs"), "the Job is gone")
    kube.kubectl("annotate", "mlr", "done", "touched=yes")
    operator.kill()
    operator.start()
    operator.ready()
    assert kube.status("done") == before
    assert kube.all("jobs") == []


def test_deleting_a_running_runs_job_fails_it(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("robbed", parameters={"sleep": 120}))
    status = kube.reaches("robbed", phase="Running")
    kube.delete("job", status["jobName"])
    status = kube.finished("robbed")
    assert (status["phase"], status["reason"]) == ("Failed", "JobDeleted")
    assert "spec.rerun" in status["message"]
    assert kube.all("jobs") == []
    kube.patch("robbed", rerun="1", parameters={"sleep": 0})
    kube.reaches("robbed", phase="Succeeded")


def test_a_run_deleted_and_applied_again_at_once_gets_its_own_job_and_status(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("twin", parameters={"sleep": 120}))
    old = kube.reaches("twin", phase="Running")
    kube.delete("mlr", "twin")
    kube.apply(run("twin", parameters={"results": {"is": "new"}}))
    status = kube.finished("twin")
    assert status["results"]["is"] == "new"
    assert status["jobName"] != old["jobName"]
    assert status["execution"]["number"] == 1


def test_an_edit_runs_again_and_an_edited_function_does_not(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("edited", parameters={"results": {"round": 1}}))
    kube.finished("edited")
    kube.apply(function("fn", code="def handler(context):\n    return 2\n"))
    kube.kubectl("wait", "mlr/edited", "--for=condition=FunctionChanged", "--timeout=30s")
    assert len(kube.jobs("edited")) == 1
    kube.patch("edited", parameters={"results": {"round": 2}})
    eventually(lambda: kube.status("edited").get("results") == {"round": 2, "execution": 2}, "the second execution")
    status = kube.status("edited")
    assert [(e["number"], e["phase"]) for e in status["executions"]] == [(1, "Succeeded")]
    assert len(kube.jobs("edited")) == 2


def test_a_foreign_job_of_the_name_is_left_alone(kube: Kube, stopped_operator: Operator) -> None:
    kube.apply(function("fn"), run("claimed"))
    name = job_name("claimed", kube.get("mlr", "claimed")["metadata"]["uid"], 1)
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
    foreign = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"suspend": True, "template": {"spec": pod}},
    }
    kube.apply(foreign)
    stopped_operator.start()
    status = kube.reaches("claimed", reason="NameConflict")
    assert name in status["message"]
    assert "ownerReferences" not in kube.get("job", name)["metadata"]


def test_a_quota_is_waited_for_and_its_words_are_told(kube: Kube, operator: Operator) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    kube.apply(quota)
    eventually(lambda: kube.get("resourcequota", "none").get("status"), "the quota counts")
    kube.apply(function("fn"), run("poor"))
    status = kube.reaches("poor", reason="QuotaExceeded")
    assert "exceeded quota: none" in status["message"]


def test_a_malformed_run_that_slipped_through_harms_only_itself(kube: Kube, operator: Operator) -> None:
    poison = run("poison", inputs={"a": {"kind": ["no", {"text": 1}]}}, parameters={"x": {"deep": [[[[[[{}]]]]]]}})
    kube.apply(function("fn"), poison, run("healthy"))
    assert kube.finished("healthy")["phase"] == "Succeeded"
    status = kube.finished("poison")
    assert (status["phase"], status["reason"]) == ("Failed", "InvalidRun")
    assert "inputs.a" in status["message"]


def test_the_operator_stops_in_good_order_and_says_the_truth_about_itself(kube: Kube, operator: Operator) -> None:
    operator.ready()
    code, body = operator.probe("healthz")
    assert code == 200
    assert body["problems"] == []
    assert set(body["idleSeconds"]) == {
        f"/apis/mlrun-operator.dev/v1alpha1/namespaces/{kube.namespace}/mlrunruns",
        f"/apis/mlrun-operator.dev/v1alpha1/namespaces/{kube.namespace}/mlrunfunctions",
        f"/apis/batch/v1/namespaces/{kube.namespace}/jobs",
        f"/apis/batch/v1/namespaces/{kube.namespace}/cronjobs",
        f"/api/v1/namespaces/{kube.namespace}/pods",
    }
    assert operator.stop() == 0


def source(**fields: Any) -> Object:
    made = function("bad")
    made["spec"]["source"] = fields
    return made


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (source(code="x", base64="eD0x"), "set exactly one of source, code and base64"),
        (source(), "set exactly one of source, code and base64"),
        (source(code="x", lang="go"), "only python is supported"),
        (source(code="#" + "漢" * 43_700), "limited to 128 KiB of UTF-8"),
        (source(source="ftp://host/file.py"), "spec.source.source"),
        (run("bad", replicaHostnames=True), "replicaHostnames needs replicas"),
        (run("bad", replicas=2, replicaHostnames=True, schedule="@daily"), "not with a schedule"),
        (function("bad", surprise=1), "surprise"),
        (function("bad", name="a b"), "spec.name"),
        (function("Bad_Name"), "metadata.name"),
        (run("bad", action="build"), "only job is supported"),
        (run("bad", backoffLimit=-1), "greater than or equal to 0"),
        ({**run("bad"), "spec": {}}, "set exactly one of functionRef and function"),
        (run("bad", parameters="text"), "spec.parameters"),
    ],
)
def test_bad_input_is_refused_at_apply_with_words(kube: Kube, manifest: Object, words: str) -> None:
    with pytest.raises(Refused) as refused:
        kube.apply(manifest)
    assert words in str(refused.value)


@pytest.mark.parametrize("character", ["#", "漢", "😀"])
def test_inline_code_up_to_128_kib_of_utf8_is_taken_and_runs(kube: Kube, operator: Operator, character: str) -> None:
    size = 128 * 1024 - 100
    code = "def handler(context):\n    return 1\n#" + character * (size // len(character.encode()))
    kube.apply(function("fn", code=code), run("large"))
    assert kube.finished("large")["phase"] == "Succeeded"


def test_status_survives_a_status_of_another_kind(kube: Kube, stopped_operator: Operator) -> None:
    """A status that no operator of ours wrote does not stop the run."""
    kube.apply(function("fn"), run("odd"))
    patch = json.dumps({"status": {"phase": "Dancing", "jobName": "x"}})
    kube.kubectl("patch", "mlr", "odd", "--subresource=status", "--type=merge", "-p", patch, check=False)
    stopped_operator.start()
    assert kube.finished("odd")["phase"] == "Succeeded"


def test_a_function_says_whether_its_runs_can_start(kube: Kube, operator: Operator) -> None:
    kube.apply(function("good"), function("bad", code="def handler(:\n"))
    kube.kubectl("wait", "mlf/good", "--for=condition=Ready", "--timeout=20s")
    kube.kubectl("wait", "mlf/bad", "--for=condition=Ready=False", "--timeout=20s")
    status = kube.get("mlf", "bad")["status"]
    assert status["conditions"][0]["reason"] == "InvalidFunction"
    assert "line 1" in status["conditions"][0]["message"]
    assert status["digest"].startswith("v2-sha256:")
    kube.apply(function("bad"))
    kube.kubectl("wait", "mlf/bad", "--for=condition=Ready", "--timeout=20s")
    assert "True" in kube.kubectl("get", "mlf", "bad")
