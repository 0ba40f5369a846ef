"""What others do to a run: evictions, a queue, refusals, a namespace that goes, a network that is cut."""

import asyncio
import json
from pathlib import Path

from support.faultproxy import fault_proxy
from support.kube import Kube, Object, eventually, function, run
from support.lab import laboratory
from support.operators import Operator


def evict(kube: Kube, run_name: str) -> str:
    """Evict the run's pod as `kubectl drain` does; its name."""
    pod = str(kube.status(run_name)["attempts"][-1]["pod"])
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": kube.namespace}}
    path = f"/api/v1/namespaces/{kube.namespace}/pods/{pod}/eviction"
    kube.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))
    return pod


def running_in_another(kube: Kube, run_name: str, than: str) -> bool:
    status = kube.status(run_name)
    pods = [attempt["pod"] for attempt in status["attempts"]]
    return bool(status["reason"] == "Running" and pods[-1] != than)


def test_an_evicted_pod_is_no_failure_until_there_are_too_many(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("moved", parameters={"sleep": 300}, maxDisruptions=1))
    kube.reaches("moved", phase="Running")
    first = evict(kube, "moved")
    eventually(lambda: running_in_another(kube, "moved", first), "it runs in another pod", 90)
    assert kube.status("moved")["disruptions"] == 1
    evict(kube, "moved")
    status = kube.finished("moved")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert "maxDisruptions is 1" in status["message"]


def test_a_queue_holds_the_job_and_lets_it_go(kube: Kube, operator: Operator) -> None:
    """Kueue's part is played: it suspends the Job of its label, and resumes it when its turn has come."""
    waiting = run("waiting", nodeSelector={"no": "such-node"}, pendingDeadlineSeconds=3600)
    waiting["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "team"}
    kube.apply(function("fn"), waiting)
    name = eventually(lambda: kube.status("waiting").get("jobName"), "its Job")
    assert kube.get("job", name)["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    kube.kubectl("patch", "job", name, "--type=merge", "-p", '{"spec": {"suspend": true}}')
    kube.reaches("waiting", reason="Queued")
    kube.patch("waiting", suspend=True)
    kube.patch("waiting", suspend=False)
    kube.apply(run("other"))
    kube.finished("other")
    assert kube.get("job", name)["spec"]["suspend"] is True, "it is the queue's"
    kube.kubectl("patch", "job", name, "--type=merge", "-p", '{"spec": {"suspend": false}}')
    kube.reaches("waiting", phase="Pending", reason="Unschedulable")


def denying(kube: Kube) -> list[Object]:
    """A policy of the cluster that takes no Job of this namespace."""
    of_jobs = {
        "apiGroups": ["batch"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["jobs"],
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": kube.namespace}}
    version, name = "admissionregistration.k8s.io/v1", {"name": kube.namespace}
    policy = {
        "matchConstraints": {"resourceRules": [of_jobs], "namespaceSelector": here},
        "validations": [{"expression": "has(object.metadata.finalizers)", "message": "no Jobs on Fridays"}],
    }
    binding = {"policyName": kube.namespace, "validationActions": ["Deny"]}
    return [
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": name, "spec": policy},
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": name, "spec": binding},
    ]


def test_a_job_that_the_api_server_does_not_take_is_told_in_its_words(kube: Kube, operator: Operator) -> None:
    kube.apply(*denying(kube))
    try:
        kube.apply(function("fn"))
        eventually(lambda: _denied(kube), "the policy counts", 30)
        kube.apply(run("denied"))
        status = kube.reaches("denied", phase="Pending", reason="AdmissionDenied")
        assert "no Jobs on Fridays" in status["message"]
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            kube.delete(kind, kube.namespace)
    kube.apply(run("wrong", resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}))
    status = kube.finished("wrong")
    assert (status["phase"], status["reason"]) == ("Failed", "InvalidRun")
    assert "must be less than or equal to cpu limit" in status["message"]
    assert kube.finished("denied")["phase"] == "Succeeded", "it was tried again"


def _denied(kube: Kube) -> bool:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "probe"}, "spec": {"template": {"spec": pod}}}
    command = ("create", "--dry-run=server", "-f", "-")
    return kube.kubectl(*command, stdin=json.dumps(job), check=False) == ""


def test_a_namespace_with_runs_can_be_deleted(kube: Kube, operator: Operator) -> None:
    kube.apply(
        function("fn"),
        run("runs", parameters={"sleep": 300}),
        run("hangs", secrets=["no-such"]),
        run("yearly", schedule="@yearly"),
    )
    kube.reaches("runs", phase="Running")
    kube.reaches("hangs", reason="SecretMissing")
    kube.kubectl("delete", "namespace", kube.namespace, "--timeout=80s")
    assert operator.probe("healthz")[0] in (200, 503), "the operator is there"
    assert "cannot be reconciled" not in operator.log.read_text()


async def _cut_off(folder: Path) -> tuple[int, list[list[str]]]:
    """A leader whose API server does not answer any more: how many requests it made until then, and all of them."""
    async with laboratory() as lab, fault_proxy(folder) as proxy, lab.world() as world:
        world.go_through(proxy.server, proxy.trust)
        child = await world.start(MLRUN_OPERATOR_LEASE_NAMESPACE=world.namespace)
        await world.apply(function("fn"), run("r", parameters={"sleep": 300}))
        await world.reaches("r", "Running")
        await proxy.refuse()
        await world.edit("r", stop=True)
        async with asyncio.timeout(60):
            await child.ended()
        await proxy.open()
        assert "the lease is lost" in world.log.read_text()
        before = len(world.requests())
        await world.start(MLRUN_OPERATOR_LEASE_NAMESPACE=world.namespace)
        await world.reaches("r", "Stopped")
        return before, world.requests()


def test_a_leader_that_is_cut_off_ends_and_its_successor_goes_on(tmp_path: Path) -> None:
    before, requests = asyncio.run(_cut_off(tmp_path))
    assert not [r for r in requests[:before] if r[0] == "DELETE"], "the stop was the successor's to do"
    assert [r[0] for r in requests[before:]].count("DELETE") == 1
