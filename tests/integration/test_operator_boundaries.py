"""Values at and over the limits of the real API server, which decides what the operator has to bear."""

import json
from datetime import UTC, datetime

import pytest
from support.kube import Kube, Object, Refused, eventually, function, run
from support.operators import Operator

from mlrun_operator.api import constants
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import connect_context
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import RUNS


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize("mib", [1.6, 2.2, 3.5])
async def test_a_status_that_is_too_large_is_known_as_such(kube: Kube, mib: float) -> None:
    """etcd, the connection to it and the API server refuse different sizes, with codes of their own."""
    kube.apply(run("large"))
    connection, _, _ = await connect_context(kubeconfig=kube.facts["kubeconfig"])
    try:
        client = ApiClient(connection)
        obj = await client.read(RUNS, kube.namespace, "large")
        status = {"phase": "Running", "results": {"n": "x" * int(mib * 2**20)}}
        with pytest.raises(ApiError) as refusal:
            await client.replace_status(RUNS, obj, status)
        assert refusal.value.too_large, refusal.value
        assert refusal.value.refused
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (constants.ANNOTATION_REPLICAS, "10000000"),
        (constants.ANNOTATION_REPLICAS, "²"),
        (constants.ANNOTATION_POINTS, "10000000"),
        (constants.ANNOTATION_LIMITS, "[" * 20_000),
        (constants.ANNOTATION_LIMITS, json.dumps({"ttlSecondsAfterFinished": 10**30})),
        (constants.ANNOTATION_IMAGE_REQUESTED, "i" * 100_000),
        (constants.ANNOTATION_EXECUTION, "9" * 5000),
        (constants.ANNOTATION_HASH, "v2-" + "0" * 16),
        (constants.ANNOTATION_GENERATION, "-1"),
        (constants.ANNOTATION_OVERRIDDEN, "\u202e\x1b[2J" * 1000),
    ],
    ids=lambda value: value.removeprefix(f"{constants.GROUP}/")[:24] if isinstance(value, str) else "",
)
def test_an_annotation_on_a_job_changes_no_run(kube: Kube, operator: Operator, annotation: str, value: str) -> None:
    """Whoever may patch Jobs of the namespace: a count of ten million made one look take a minute."""
    kube.apply(function("fn"), run("marked", parameters={"sleep": 3, "results": {"a": 1}}))
    kube.reaches("marked", phase="Running")
    (job,) = kube.jobs("marked")
    patch = {"metadata": {"annotations": {annotation: value}}}
    kube.kubectl("patch", "job", job["metadata"]["name"], "--type=merge", "-p", json.dumps(patch))
    begun = datetime.now(UTC)
    kube.apply(run("neighbour"))
    assert kube.finished("neighbour")["phase"] == "Succeeded"
    status = kube.finished("marked")
    assert (status["phase"], status["results"]["a"]) == ("Succeeded", 1)
    assert status["executions" if "executions" in status else "execution"]
    assert len(kube.jobs("marked")) == 1
    assert operator.probe("healthz")[0] == 200
    assert (datetime.now(UTC) - begun).total_seconds() < 120


@pytest.mark.parametrize("option", ["podAnnotations", "podTemplate"])
def test_no_run_chooses_a_weaker_security_profile(kube: Kube, operator: Operator, option: str) -> None:
    """Pod Security would refuse the pod only where a namespace enforces it: the operator makes none anywhere."""
    profile = {f"container.apparmor.security.beta.kubernetes.io/{constants.CONTAINER}": "unconfined"}
    asked: Object = profile if option == "podAnnotations" else {"metadata": {"annotations": profile}}
    kube.apply(function("fn"), run("weak", **{option: asked}))
    status = kube.finished("weak")
    assert (status["reason"], "security profiles" in status["message"]) == ("InvalidRun", True)
    assert not kube.jobs("weak")


def test_the_api_server_refuses_such_a_pod_where_it_is_enforced(kube: Kube) -> None:
    """So that the test above is one of the operator, and not of a profile that nobody minds."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "weak",
            "annotations": {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"},
        },
        "spec": {"containers": [{"name": "c", "image": "localhost/none"}]},
    }
    with pytest.raises(Refused, match="forbidden"):
        kube.apply(pod)


def test_the_largest_spec_runs_and_a_larger_one_is_told(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"))
    kube.apply(run("largest", parameters={"p": "x" * 500_000, "results": {"a": 1}}), server_side=True)
    kube.apply(run("larger", parameters={"p": "x" * 530_000}), server_side=True)
    assert kube.finished("largest")["results"]["a"] == 1
    status = kube.finished("larger")
    assert (status["phase"], status["reason"]) == ("Failed", "InvalidRun")
    assert "the limit is 512 KiB" in status["message"]
    kube.patch("larger", parameters={"p": "x"})
    eventually(lambda: kube.status("larger")["phase"] == "Succeeded", "it is mended by an edit")
