"""The charts' life on a real cluster with the real helm: runs that live through all of it run once.

The operator watches a list of namespaces here, as it does for all of them in the end-to-end tests.
"""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from support.charts import CRDS, OPERATOR, Object
from support.kube import Kube, eventually, fresh_namespace, function, run
from support.operators import scale_deployed_operator

import fileserver
from deploy import Target
from deploy.image import DeployedImage
from deploy.values import merged, values

# Waits until the store has a certain object, so that the test says when it ends.
GATED = """
import time, urllib.error, urllib.request

def handler(context, gate: str):
    while True:
        try:
            return urllib.request.urlopen(gate, timeout=5).read().decode()
        except urllib.error.URLError:
            time.sleep(0.5)
"""
STORED = """
def handler(context):
    context.log_artifact("kept", body="bytes that stay")
"""
READING = """
def handler(context, kept):
    return kept.get().decode()
"""
QUICK = "def handler(context):\n    return 1\n"


class Release:
    """A release of the chart in a namespace of its own, for the namespaces `a` and `b`; `c` is none of its business."""

    def __init__(self, system: Kube, a: Kube, b: Kube, c: Kube) -> None:
        self.system, self.a, self.b, self.c = system, a, b, c
        self.target = Target.here()
        self.name = system.namespace
        operator, wrapper = (DeployedImage.of(name, self.target) for name in ("operator", "wrapper"))
        self._values = merged(
            values(self.target.facts, operator, wrapper, fileserver.certificate()),
            {
                "fullnameOverride": self.name,
                "userRoles": {"create": False},
                "namespaces": [a.namespace, b.namespace],
            },
        )

    def install(self, **more: Any) -> None:
        """Install or upgrade, and wait until it is ready."""
        command = ["upgrade", "--install", self.name, str(OPERATOR), "--wait", "--timeout=180s", "--values=-"]
        self.helm(*command, stdin=json.dumps(merged(self._values, more)))

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        return self.target.helm(*arguments, f"--namespace={self.system.namespace}", stdin=stdin)


@pytest.fixture
def release() -> Iterator[Release]:
    """The CRDs by their chart, and namespaces; an operator that is deployed in the cluster rests meanwhile."""
    _crds(Target.here())
    with ExitStack() as stack:
        stack.enter_context(_deployed_away())
        system, *others = (stack.enter_context(fresh_namespace("chart")) for _ in range(4))
        release = Release(system, *others)
        stack.callback(release.helm, "uninstall", release.name, "--ignore-not-found")
        yield release


def _crds(target: Target) -> None:
    """The CRDs' chart takes over what kubectl applied before."""
    command = ["upgrade", "--install", "mlrun-operator-crds", str(CRDS), "--namespace=default"]
    target.helm(*command, "--take-ownership", "--force-conflicts")


@contextmanager
def _deployed_away() -> Iterator[None]:
    """None is there before the first `make deploy`. Other test sessions bring it back at their end."""
    over = threading.Event()
    before = scale_deployed_operator(0)

    def keep() -> None:
        while not over.wait(2):
            scale_deployed_operator(0)

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        scale_deployed_operator(before)


def _open(url: str) -> None:
    """Write the object that a gated run waits for."""
    urllib.request.urlopen(urllib.request.Request(url, data=b"through", method="PUT")).close()


def _identities(kube: Kube) -> set[str]:
    return {job["metadata"]["uid"] for job in kube.all("jobs")}


def _worked(kube: Kube, name: str) -> Object:
    kube.apply(run(name, "quick"))
    status = kube.finished(name)
    assert status["phase"] == "Succeeded", status
    return status


def test_runs_live_through_install_upgrade_rollback_and_uninstall(release: Release) -> None:
    a, c = release.a, release.c
    gate = f"{release.target.facts.s3_host_endpoint}/mlrun/{a.namespace}/gate"

    release.install()
    assert '"problems": []' in release.helm("test", release.name, "--logs")
    for kube in (a, release.b, c):
        kube.apply(function("quick", QUICK), function("gated", GATED))
    done = _worked(a, "done")
    _worked(release.b, "done")
    c.apply(run("elsewhere", "quick"))
    a.apply(run("long", "gated", parameters={"gate": gate}, values=["return"]))
    a.reaches("long", phase="Running")
    jobs = _identities(a)

    release.install(replicas=2, backoffLimit=3, runDefaults={"podLabels": {"team": "a"}}, store={"secret": "other"})
    assert _identities(a) == jobs, "other settings touch no Job"
    assert a.status("long")["phase"] == "Running"
    assert len(release.system.all("pods", "--selector=app.kubernetes.io/name=mlrun-operator")) >= 2
    _open(gate)
    ended = a.finished("long")
    assert (ended["phase"], ended["execution"]["number"], len(ended["attempts"])) == ("Succeeded", 1, 1)
    _worked(a, "upgraded")
    (job,) = a.jobs("upgraded")
    assert job["spec"]["template"]["metadata"]["labels"]["team"] == "a", "the new settings count for what starts now"

    release.helm("rollback", release.name, "1", "--wait", "--timeout=180s")
    _worked(a, "rolled-back")
    jobs = _identities(a)

    release.helm("uninstall", release.name, "--wait")
    a.apply(run("meanwhile", "quick"))
    assert not [each for each in a.all("roles,rolebindings") if each["metadata"]["name"] == release.name]
    assert _identities(a) == jobs, "Jobs stay"
    assert a.status("done") == done, "and so do runs with their history"
    release.install()
    assert a.finished("meanwhile")["phase"] == "Succeeded"
    assert _identities(a) - {a.jobs("meanwhile")[0]["metadata"]["uid"]} == jobs, "nothing ran again"
    assert a.status("done") == done
    assert c.status("elsewhere") == {"observedGeneration": -1}, "a namespace that is not listed is left alone"
    who = f"--as=system:serviceaccount:{release.system.namespace}:{release.name}"
    assert c.kubectl("auth", "can-i", "list", "mlrunruns", who, check=False).strip() == "no"


def test_a_trial_needs_no_store(release: Release) -> None:
    image = {"repository": "localhost/mlrun-operator/test-seaweedfs", "tag": "dev", "pullPolicy": "Never"}
    store = {"endpoint": "", "anonymous": False, "root": "s3://trial/{namespace}"}
    # The development cluster provisions no volumes.
    release.install(store=store, seaweedfs={"enabled": True, "image": image, "size": ""})
    release.a.apply(function("keeps", STORED), run("first", "keeps", outputs={"kept": "kept"}))
    assert release.a.finished("first")["phase"] == "Succeeded"
    (output,) = release.a.status("first")["outputs"].values()
    assert output["path"].startswith(f"s3://trial/{release.a.namespace}/")
    release.a.apply(function("reads", READING), run("second", "reads", inputs={"kept": output["key"]}))
    assert release.a.finished("second")["results"] == {"return": "bytes that stay"}


def test_the_crds_outlive_their_chart(release: Release) -> None:
    release.a.apply(function("kept", QUICK))
    release.target.helm("uninstall", "mlrun-operator-crds", "--namespace=default")
    eventually(lambda: release.a.get("mlf", "kept"), "the function is still there")
    assert release.system.get("crd", "mlrunruns.mlrun-operator.dev")["metadata"].get("deletionTimestamp") is None
    _crds(release.target)
