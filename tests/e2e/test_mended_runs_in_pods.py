"""Runs that wait for a cause in real pods: an edit mends each of them; what changes nothing runs nothing again."""

import pytest
from support.kube import Kube, Object, eventually, function, run

NOWHERE = "localhost/mlrun-operator/no-such:image"


def secret(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"A": "1"}}


def test_an_edit_mends_what_no_pod_can_start_with(kube: Kube) -> None:
    inline = run("wrong-image", function={**function("fn")["spec"], "image": NOWHERE})
    del inline["spec"]["functionRef"]
    kube.apply(
        function("fn"),
        function("typo", image=NOWHERE),
        inline,
        run("functions-image", "typo"),
        run("wrong-node", nodeSelector={"no": "such-node"}),
        run("no-secret", secrets=["no-such"]),
    )
    assert NOWHERE in kube.reaches("wrong-image", reason="ImagePull")["message"]
    assert NOWHERE in kube.reaches("functions-image", reason="ImagePull")["message"]
    assert "node" in kube.reaches("wrong-node", reason="Unschedulable")["message"]
    assert "no-such" in kube.reaches("no-secret", reason="SecretMissing")["message"]
    kube.patch("wrong-image", function={"image": None})
    kube.apply(function("typo"))
    kube.patch("wrong-node", nodeSelector=None)
    kube.patch("no-secret", secrets=None)
    for name in ("wrong-image", "functions-image", "wrong-node", "no-secret"):
        status = kube.finished(name)
        assert (status["phase"], status["execution"]["number"]) == ("Succeeded", 2), f"{name}: {status['message']}"
        history = [(past["phase"], past["reason"]) for past in status["executions"]]
        assert history == [("Stopped", "Superseded")], name
        assert [job["metadata"]["name"] for job in kube.jobs(name)] == [status["jobName"]]


def test_of_two_missing_secrets_the_message_names_the_one(kube: Kube) -> None:
    kube.apply(function("fn"), run("waits", secrets=["first-one", "second-one"]))
    status = kube.reaches("waits", reason="SecretMissing")
    missing = "first-one" if "first-one" in status["message"] else "second-one"
    other = {"first-one": "second-one", "second-one": "first-one"}[missing]
    kube.apply(secret(missing))
    status = eventually(lambda: _says(kube, "waits", other), f"it names {other}", 60, lambda: kube.status("waits"))
    assert missing not in status["message"]
    assert status["reason"] == "SecretMissing"
    kube.apply(secret(other))
    status = kube.finished("waits")
    assert (status["phase"], status["execution"]["number"], status["attemptCount"]) == ("Succeeded", 1, 1)


def _says(kube: Kube, name: str, words: str) -> Object | None:
    status = kube.status(name)
    return status if words in status["message"] else None


@pytest.mark.parametrize("on_change", ["Ignore", "Rerun"])
def test_edits_that_mean_the_same_run_nothing_again(kube: Kube, on_change: str) -> None:
    same = run("same", resources={"requests": {"cpu": 1}})
    same["spec"]["functionRef"]["onChange"] = on_change
    kube.apply(function("fn"), same)
    job = kube.finished("same")["jobName"]
    kube.patch("same", env=[], tolerations=[], nodeSelector={}, resources={"requests": {"cpu": "1000m"}})
    kube.apply(function("fn", run={"ttlSecondsAfterFinished": 3600, "backoffLimit": 2, "env": []}))
    _until_observed(kube, "mlf", "fn")
    _until_observed(kube, "mlr", "same")
    kube.patch("same", resources={"requests": {"cpu": 1}})
    _until_observed(kube, "mlr", "same")
    kube.apply(run("later"))
    assert kube.finished("later")["phase"] == "Succeeded"
    status = kube.status("same")
    assert (status["phase"], status["execution"]["number"], status["jobName"]) == ("Succeeded", 1, job)
    assert [j["metadata"]["name"] for j in kube.jobs("same")] == [job]
    assert not [c for c in status["conditions"] if c["type"] == "FunctionChanged"]


def _until_observed(kube: Kube, kind: str, name: str) -> None:
    def look() -> bool:
        obj = kube.get(kind, name)
        return bool(obj["status"]["observedGeneration"] == obj["metadata"]["generation"])

    eventually(look, f"{kind} {name} is observed as it is now", 30, lambda: kube.get(kind, name))
