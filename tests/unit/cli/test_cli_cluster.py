"""Verbs against a cluster that says no: a clear sentence, and the exit code for it; `doctor` finds each fault."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from support.standin_api import StandIn, kubeconfig

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.cli import checks
from mlrun_operator.cli.errors import Exit
from mlrun_operator.cli.submit import _change

Object = dict[str, Any]
RUN: Object = {
    "apiVersion": "mlrun-operator.dev/v1alpha1",
    "kind": "MlrunRun",
    "metadata": {"name": "train-1"},
    "spec": {"functionRef": {"name": "train"}},
}
DONE: Object = {"phase": "Succeeded", "reason": "Succeeded", "observedGeneration": 1, "duration": "3s"}


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("fragment", "code", "message", "ends", "words"),
    [
        ("/mlrunruns", 401, "Unauthorized", Exit.REFUSED, "may have expired"),
        ("/mlrunruns", 403, 'mlrunruns is forbidden: User "u" cannot list', Exit.REFUSED, "cannot list"),
        ("/apis/mlrun-operator.dev", 404, "", Exit.UNREACHABLE, "does not serve mlrun-operator's resources"),
        ("/mlrunruns", 500, "etcd is gone", Exit.UNREACHABLE, "etcd is gone"),
    ],
)
def test_a_refusal_is_one_sentence(  # noqa: PLR0917 - a row of the table
    cli, api: StandIn, fragment: str, code: int, message: str, ends: Exit, words: str
) -> None:
    api.refuse(fragment, code, message=message)
    said = cli("list")
    assert (said.code, said.out) == (ends, "")
    assert words in said.err
    assert len(said.err.splitlines()) <= 2


def test_a_cluster_that_does_not_answer_is_one_sentence(cli, tmp_path: Path) -> None:
    config = kubeconfig(tmp_path, f"http://127.0.0.1:{closed_port()}")
    said = cli("list", "--kubeconfig", config)
    assert said.code == Exit.UNREACHABLE
    assert "the cluster does not answer (context played" in said.err


def test_an_empty_namespace_is_named(cli, api: StandIn) -> None:
    assert cli("list", "-n", "nowhere").err == "no runs in namespace nowhere\n"
    assert cli("get", "@latest", "-n", "nowhere").code == Exit.NOT_FOUND
    assert cli("top").out.startswith("default")


@pytest.mark.parametrize("verb", ["describe", "why"])
def test_the_events_of_the_job_are_asked_for_too(cli, api: StandIn, verb: str) -> None:
    execution, attempts = {"number": 1, "jobUID": "job-uid"}, [{"pod": "p", "uid": "pod-uid"}]
    made = api.put("mlrunruns", {**RUN, "status": {**DONE, "execution": execution, "attempts": attempts}})
    assert cli(verb, "train-1").code == Exit.OK
    asked = [unquote(request.partition("involvedObject.uid")[2]) for request in api.requests if "/events" in request]
    assert asked == [f"={uid}" for uid in (made["metadata"]["uid"], "job-uid", "pod-uid")]


def test_a_wrong_name_is_told_with_the_nearest_one(cli, api: StandIn) -> None:
    api.put("mlrunruns", RUN)
    said = cli("describe", "trian-1")
    assert said.code == Exit.NOT_FOUND
    assert "Did you mean train-1?" in said.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["list", "pods"], Exit.USAGE),
        (["get", "runs"], Exit.USAGE),
        (["get", "pod/x"], Exit.USAGE),
        (["stop"], Exit.USAGE),
        (["logs", "train-1", "-f", "--tail", "3"], Exit.USAGE),
        (["stop", "-l", "team=none"], Exit.OK),
        (["preview", "train-1"], Exit.NOT_FOUND),
        (["download", "train-1"], Exit.NOT_FOUND),
        (["wait", "train-1", "--timeout", "0.001"], Exit.OK),
        (["watch", "train-1"], Exit.OK),
        (["why", "train-1"], Exit.OK),
        (["describe", "train-1"], Exit.OK),
        (["outputs", "train-1"], Exit.OK),
    ],
)
def test_exit_codes_of_verbs(cli, api: StandIn, words: list[str], code: Exit) -> None:
    api.put("mlrunruns", {**RUN, "metadata": {"name": "train-1", "labels": {"team": "none"}}, "status": DONE})
    assert cli(*words).code == code


def test_waiting_ends_after_the_timeout(cli, api: StandIn) -> None:
    api.put("mlrunruns", {**RUN, "status": {"phase": "Running"}})
    for verb in ("wait", "watch"):
        said = cli(verb, "train-1", "--timeout", "0.2")
        assert said.code == Exit.TIMEOUT
        assert "train-1 did not end within 0.2 seconds" in said.err


def test_logs_are_lines_or_objects(cli, api: StandIn) -> None:
    pods = [{"pod": "a", "uid": "1"}, {"pod": "b", "uid": "2"}]
    api.put("mlrunruns", {**RUN, "status": {**DONE, "attempts": pods, "attemptCount": 2}})
    api.answers.append(lambda _, path: (200, "T1 one\nT2 two\n") if path.endswith("/log") else None)
    assert cli("logs", "train-1").out == "one\ntwo\none\ntwo\n"
    assert cli("logs", "train-1", "--tail", "1").out == "two\n"
    said = cli("logs", "train-1", "--attempt", "2", "--json").out.splitlines()
    assert json.loads(said[0]) == {"attempt": 2, "pod": "b", "line": "one"}


def test_why_shows_the_pods_of_a_run_that_a_schedule_fired(cli, api: StandIn) -> None:
    owner = {"kind": "MlrunRun", "name": "nightly", "uid": "s-1", "controller": True}
    fired = {**RUN, "metadata": {"name": "nightly-1f0c2a-29399550", "ownerReferences": [owner]}}
    api.put("mlrunruns", {**fired, "status": {**DONE, "phase": "Running", "reason": "Running"}})
    waiting = {"name": "mlrun", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    for pod, job in (("its-pod", "nightly-1f0c2a-29399550"), ("another", "nightly-1f0c2a-29399549")):
        labels = {"mlrun-operator.dev/run-uid": "s-1", "batch.kubernetes.io/job-name": job}
        api.put("pods", {"metadata": {"name": pod, "labels": labels}, "status": {"containerStatuses": [waiting]}})
    said = cli("why", "nightly-1f0c2a-29399550")
    assert "its-pod" in said.out
    assert "another" not in said.out


def test_the_log_of_one_replica_or_point(cli, api: StandIn) -> None:
    pods = [{"pod": f"job-{index}-abcde", "uid": str(index)} for index in range(3)]
    api.put("mlrunruns", {**RUN, "status": {**DONE, "jobName": "job", "replicas": 3, "attempts": pods}})
    api.answers.append(lambda _, path: (200, f"T1 {path.split('/')[-2]}\n") if path.endswith("/log") else None)
    assert cli("logs", "train-1", "--replica", "1").out == "job-1-abcde\n"
    assert cli("logs", "train-1", "--point", "1").out == "job-0-abcde\n"
    assert json.loads(cli("logs", "train-1", "--replica", "2", "--json").out)["replica"] == 2
    said = cli("logs", "train-1", "--point", "31")
    assert said.code == Exit.NOT_FOUND
    assert "kubectl -n default logs -c mlrun -l batch.kubernetes.io/job-name=job," in said.err
    assert "job-completion-index=30 " in said.err
    assert cli("logs", "train-1", "--point", "1", "--replica", "1").code == Exit.USAGE


def test_a_stop_reaches_the_cluster_and_json_tells_it(cli, api: StandIn) -> None:
    api.put("mlrunruns", RUN)
    assert json.loads(cli("stop", "train-1", "--json").out) == {"runs": ["train-1"]}
    assert next(iter(api.objects.values()))["spec"]["stop"] is True


def findings(cli: Any, *words: str) -> dict[str, Object]:
    return {each["check"]: each for each in json.loads(cli("doctor", "--json", *words).out)}


def publish(api: StandIn, endpoint: str | None = None) -> None:
    platform = Platform().wire()
    platform["store"] = {"root": "s3://mlrun/{namespace}", **({"endpoint": endpoint} if endpoint else {})}
    config = {
        "metadata": {"name": "mlrun-operator-settings"},
        "data": {"settings.json": json.dumps({"platform": platform})},
    }
    api.put("configmaps", config, "mlrun-system")


def test_doctor_is_content_with_a_cluster_that_works(cli, api: StandIn) -> None:
    publish(api)
    api.status = {**DONE, "image": {"resolved": "wrapper:1"}, "results": {"return": "1.12.1"}}
    said = cli("doctor")
    assert said.code == Exit.OK, said
    assert [line.split(":")[0] for line in said.out.splitlines()] == [
        "✔ cluster",
        "✔ CRDs",
        "✔ rights",
        "✔ operator",
        "✔ store from here",
        "✔ image",
        "✔ a run",
    ]
    assert not [path for path in api.objects if "doctor" in path]


def test_doctor_finds_a_cluster_that_does_not_answer(cli, tmp_path: Path) -> None:
    config = kubeconfig(tmp_path, f"http://127.0.0.1:{closed_port()}")
    said = cli("doctor", "--kubeconfig", config)
    assert said.code == Exit.FAILED
    assert said.out.startswith("✘ cluster: the cluster does not answer")


def test_doctor_finds_missing_crds(cli, api: StandIn) -> None:
    api.refuse("/apis/mlrun-operator.dev", 404)
    assert findings(cli)["CRDs"]["state"] == "failed"


def test_doctor_finds_crds_of_another_version(cli, api: StandIn) -> None:
    api.answers.append(lambda _, path: (200, {"components": {"schemas": {}}}) if "openapi" in path else None)
    found = findings(cli, "--quick")["CRDs"]
    assert found["state"] == "failed"
    assert "they lack MlrunRun.spec.nodeSelector, " in found["found"]


def test_doctor_finds_missing_rights(cli, api: StandIn) -> None:
    api.refuse("selfsubjectaccessreviews", 201, status={"allowed": False})
    found = findings(cli, "--quick")["rights"]
    assert found["state"] == "failed"
    assert "you may not create mlrunruns, " in found["found"]
    assert "mlrun-operator-user" in found["todo"]


def test_doctor_notes_an_operator_that_does_not_tell_its_settings(cli, api: StandIn) -> None:
    assert findings(cli, "--quick")["operator"]["state"] == "note"


def test_doctor_notes_a_store_that_cannot_be_reached_from_here(cli, api: StandIn) -> None:
    publish(api, f"http://127.0.0.1:{closed_port()}")
    assert findings(cli, "--quick")["store from here"]["state"] == "note"


@pytest.mark.parametrize(
    ("status", "check", "words"),
    [
        ({"phase": "Pending", "reason": "ImagePull", "message": "image x: not found"}, "image", "image x: not found"),
        (
            {"phase": "Failed", "reason": "StoreUnavailable", "message": "no route", "observedGeneration": 1},
            "store from the cluster",
            "StoreUnavailable: no route",
        ),
        (
            {"phase": "Failed", "reason": "StoreCredentialsMissing", "message": "none", "observedGeneration": 1},
            "store from the cluster",
            "StoreCredentialsMissing",
        ),
        ({"phase": "Pending", "reason": "QuotaExceeded", "message": "exceeded quota"}, "a run", "QuotaExceeded"),
    ],
)
def test_doctor_tells_what_is_wrong_with_its_run(cli, api: StandIn, status: Object, check: str, words: str) -> None:
    api.status = status
    found = findings(cli)[check]
    assert found["state"] == "failed"
    assert words in found["found"]


def test_doctor_finds_that_no_operator_is_there(cli, api: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "SEEN_SECONDS", [0.2])
    found = findings(cli)["a run"]
    assert found["state"] == "failed"
    assert "no operator has seen it within 0.2 s" in found["found"]


def test_what_the_operator_writes_meanwhile_is_no_change_of_what_is_applied() -> None:
    before = {"metadata": {"name": "r", "resourceVersion": "1", "labels": {"a": "b"}}, "spec": {"x": 1}}
    told = {**before, "metadata": {**before["metadata"], "resourceVersion": "2"}, "status": {"phase": "Pending"}}
    assert _change(before, told) == "unchanged"
    assert _change(before, {**told, "spec": {"x": 2}}) == "configured"
    assert _change(before, {**told, "metadata": {**told["metadata"], "labels": {}}}) == "configured"
    assert _change(None, told) == "created"
