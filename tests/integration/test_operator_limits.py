"""Stop, suspend, deadlines, TTLs and turns on a real cluster."""

import json
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from support.kube import Kube, Object, eventually, function, run
from support.operators import Operator, operator_of


def test_stop_ends_the_pod_and_a_rerun_starts_anew(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("long", parameters={"sleep": 300}))
    kube.reaches("long", phase="Running")
    kube.patch("long", stop=True)
    status = kube.finished("long")
    assert (status["phase"], status["reason"]) == ("Stopped", "Stopped")
    assert kube.all("jobs") == []
    eventually(lambda: not kube.all("pods"), "the pod is gone")
    kube.patch("long", stop=None)
    time.sleep(2)
    assert kube.status("long")["phase"] == "Stopped"
    kube.patch("long", rerun="1", parameters={"sleep": 0})
    assert kube.reaches("long", phase="Succeeded")["execution"]["number"] == 2


def test_suspend_and_resume(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("pausing", parameters={"sleep": 5}, suspend=True))
    kube.reaches("pausing", phase="Suspended")
    assert kube.all("jobs") == []
    kube.patch("pausing", suspend=False)
    kube.reaches("pausing", phase="Running")
    kube.patch("pausing", suspend=True)
    kube.reaches("pausing", phase="Suspended")
    eventually(lambda: not kube.all("pods"), "the pod is gone")
    kube.patch("pausing", suspend=None)
    assert kube.finished("pausing")["phase"] == "Succeeded"
    assert len(kube.jobs("pausing")) == 1


def test_the_deadlines(kube: Kube, operator: Operator) -> None:
    kube.apply(
        function("fn"),
        run("slow", parameters={"sleep": 300}, activeDeadlineSeconds=3),
        run("nowhere", nodeSelector={"no": "such-node"}, pendingDeadlineSeconds=8),
    )
    status = kube.reaches("nowhere", reason="Unschedulable")
    assert "didn't match" in status["message"]
    slow = kube.finished("slow")
    assert (slow["phase"], slow["reason"]) == ("Failed", "DeadlineExceeded")
    status = kube.finished("nowhere")
    assert (status["phase"], status["reason"]) == ("Failed", "PendingDeadlineExceeded")
    assert "Unschedulable" in status["message"]
    eventually(lambda: not kube.jobs("nowhere"), "the Job that can never start is gone")


def test_the_ttls(kube: Kube, operator: Operator) -> None:
    marked = run("kept", ttlSecondsAfterFinished=2, runTtlSecondsAfterFinished=0)
    marked["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "app:x"}
    kube.apply(function("fn"), marked, run("brief", runTtlSecondsAfterFinished=3))
    status = kube.finished("kept")
    assert status["phase"] == "Succeeded"
    eventually(lambda: not kube.jobs("kept"), "the Job's TTL is over")
    assert kube.status("kept")["phase"] == "Succeeded"
    kube.kubectl("wait", "mlr/kept", "--for=condition=TTLIgnored", "--timeout=5s")
    eventually(lambda: "brief" not in [r["metadata"]["name"] for r in kube.all("mlr")], "the run's own TTL is over")


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"secrets": ["no-such"]}, "SecretMissing", "no-such"),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "nope", "key": "k"}}}]},
            "ConfigMapMissing",
            "nope",
        ),
        ({"volumes": [{"name": "v", "mountPath": "/v", "configMap": {"name": "nope"}}]}, "ConfigMapMissing", "nope"),
        ({"volumes": [{"name": "v", "mountPath": "/v", "secret": {"secretName": "nope"}}]}, "SecretMissing", "nope"),
        (
            {"volumes": [{"name": "v", "mountPath": "/v", "persistentVolumeClaim": {"claimName": "nope"}}]},
            "VolumeMissing",
            "nope",
        ),
        ({"resources": {"requests": {"cpu": "1000"}}}, "Unschedulable", "Insufficient cpu"),
        ({"serviceAccountName": "nobody"}, "AdmissionDenied", "nobody"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_keeps_a_pod_from_starting_is_told(
    kube: Kube, operator: Operator, spec: dict, reason: str, words: str
) -> None:  # type: ignore[type-arg]
    kube.apply(function("fn"), run("hanging", **spec))
    status = kube.reaches("hanging", 30, phase="Pending", reason=reason)
    assert words in status["message"]


def test_a_quota_of_pods_is_told(kube: Kube, operator: Operator) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "1"}}}
    kube.apply({"apiVersion": "v1", "kind": "ResourceQuota", **quota}, function("fn"))
    kube.apply(run("first", parameters={"sleep": 300}))
    kube.reaches("first", phase="Running")
    kube.apply(run("second"), run("two", parameters={"sleep": 300}, replicas=2))
    assert "exceeded quota" in kube.reaches("second", phase="Pending", reason="QuotaExceeded")["message"]
    kube.delete("mlr", "first")
    assert "exceeded quota" in kube.reaches("two", 120, reason="QuotaExceeded")["message"]


def test_an_image_that_cannot_be_pulled_is_told(kube: Kube, tmp_path: Path) -> None:
    image = {"MLRUN_OPERATOR_WRAPPER_IMAGE": "localhost/no/such:image"}
    with operator_of(kube, tmp_path, **image) as operator:
        operator.start()
        kube.apply(function("fn"), run("imageless"))
        assert "localhost/no/such:image" in kube.reaches("imageless", reason="ImagePull")["message"]


def test_runs_of_a_limited_function_take_turns(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn", maxConcurrentRuns=1))
    for n in range(4):
        kube.apply(run(f"turn-{n}", parameters={"sleep": 1}))
        eventually(lambda n=n: kube.status(f"turn-{n}").get("reason"), "it is seen")  # type: ignore[misc]
    queued = [kube.status(f"turn-{n}")["reason"] for n in range(4)]
    assert queued.count("Queued") >= 2
    operator.kill()
    operator.start()
    statuses = [kube.finished(f"turn-{n}", 120) for n in range(4)]
    assert _times(statuses) == sorted(_times(statuses)), "first come, first served"
    _never_two_at_once(statuses)
    for n in range(4):
        kube.patch(f"turn-{n}", rerun="all at once")
    for n in range(4):
        eventually(lambda n=n: _of_execution(kube.status(f"turn-{n}"), 2), f"turn-{n} has run again", 120)  # type: ignore[misc]
    _never_two_at_once([kube.status(f"turn-{n}") for n in range(4)])


def _of_execution(status: Object, number: int) -> bool:
    return status["execution"]["number"] == number and status["phase"] == "Succeeded"


def _times(statuses: list[Object]) -> list[tuple[str, str]]:
    return [(s["startTime"], s["completionTime"]) for s in statuses]


def _never_two_at_once(statuses: list[Object]) -> None:
    for (_, ended), (started, _) in pairwise(sorted(_times(statuses))):
        assert datetime.fromisoformat(started) >= datetime.fromisoformat(ended), "never two at once"


def test_a_run_follows_its_function(kube: Kube, operator: Operator) -> None:
    follows = run("follows")
    follows["spec"]["functionRef"]["onChange"] = "Rerun"
    kube.apply(function("fn"), follows, run("stays"))
    for name in ("follows", "stays"):
        assert kube.finished(name)["phase"] == "Succeeded"
    kube.apply(function("fn", handler="another"))
    eventually(lambda: kube.status("follows")["execution"]["number"] == 2, "it runs again")
    assert kube.finished("follows")["phase"] == "Succeeded"
    kube.kubectl("wait", "mlr/stays", "--for=condition=FunctionChanged", "--timeout=30s")
    assert kube.status("stays")["execution"]["number"] == 1


def test_a_restored_run_does_not_run_again(kube: Kube, operator: Operator) -> None:
    old = run("old")
    old["metadata"]["labels"] = {"velero.io/restore-name": "monday"}
    kube.apply(function("fn"), old)
    assert kube.finished("old")["reason"] == "Restored"
    assert kube.all("jobs") == []
    kube.patch("old", rerun="now")
    kube.reaches("old", phase="Succeeded")


def test_a_run_can_be_deleted_while_it_is_stopped_suspended_or_waiting(kube: Kube, operator: Operator) -> None:
    kube.apply(
        function("fn"),
        run("a", "missing"),
        run("b", suspend=True),
        run("c", stop=True),
        run("d", parameters={"sleep": 100}),
    )
    kube.reaches("d", phase="Running")
    kube.kubectl("delete", "mlr", "--all", "--timeout=30s")
    eventually(lambda: not kube.all("jobs") and not kube.all("pods"), "nothing is left", 60)


def test_the_restricted_profile_takes_what_a_template_adds(kube: Kube, operator: Operator) -> None:
    template = {
        "metadata": {"labels": {"team": "a"}},
        "spec": {"hostNetwork": True, "containers": [{"name": "mlrun", "securityContext": {"privileged": True}}]},
    }
    kube.apply(function("fn"), run("templated", podTemplate=template))
    assert kube.finished("templated")["phase"] == "Succeeded"
    (pod,) = kube.all("pods")
    assert pod["metadata"]["labels"]["team"] == "a"
    assert "hostNetwork" not in pod["spec"]
    assert json.dumps(pod).count("privileged") == 0
