"""The chart's values that a cluster's facts and the images make."""

from typing import Any

import pytest

from deploy import image
from deploy.image import DeployedImage
from deploy.target import Target
from deploy.values import merged, values
from devcluster.errors import MissingRequirementError
from devcluster.facts import Facts

OPERATOR = DeployedImage("localhost/mlrun-operator/operator:dev", "sha256:0")
WRAPPER = DeployedImage("localhost/mlrun-operator/wrapper:dev", "sha256:1")


def facts(**more: Any) -> Facts:
    known = {"kind": "embedded", "context": "c", "kubeconfig": "k", "kubectl": "kubectl", "helm": "helm"}
    return Facts(**{**known, **more})


def test_the_operator_gets_images_store_and_ca() -> None:
    made = values(facts(s3_pod_endpoint="http://10.244.0.1:8333", s3_bucket="mlrun"), OPERATOR, WRAPPER, "PEM")
    assert made == {
        "image": {"repository": "localhost/mlrun-operator/operator", "tag": "dev"},
        "wrapper": {"repository": "localhost/mlrun-operator/wrapper", "tag": "dev"},
        "store": {"root": "s3://mlrun/{namespace}", "endpoint": "http://10.244.0.1:8333", "anonymous": True},
        "wrapperMl": {"repository": ""},
        "caBundle": "PEM",
        "podAnnotations": {"mlrun-operator.dev/image-content": "sha256:0"},
    }


def test_a_cluster_without_a_store_is_refused_with_what_to_set() -> None:
    with pytest.raises(MissingRequirementError, match="no S3 store") as caught:
        values(facts(), OPERATOR, WRAPPER, "PEM")
    assert "MLRUN_DEMO_S3_ENDPOINT" in caught.value.hint


def test_more_values_are_laid_over_map_by_map() -> None:
    base = {"store": {"root": "s3://mlrun", "anonymous": True}, "backoffLimit": 0}
    assert merged(base, {"store": {"root": "s3://other"}, "namespaces": ["a"]}) == {
        "store": {"root": "s3://other", "anonymous": True},
        "backoffLimit": 0,
        "namespaces": ["a"],
    }


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        ("registry:5000/team/operator:1.0", "registry:5000/team/operator", "1.0"),
        ("registry:5000/team/operator", "registry:5000/team/operator", "latest"),
        ("ghcr.io/operator@sha256:abc", "ghcr.io/operator@sha256", "abc"),
    ],
)
def test_a_reference_is_cut_so_that_the_chart_joins_it_again(reference: str, repository: str, tag: str) -> None:
    parts = DeployedImage(reference, "")
    assert (parts.repository, parts.tag) == (repository, tag)


def test_an_image_of_somebody_elses_cluster_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLRUN_OPERATOR_IMAGE", raising=False)
    with pytest.raises(MissingRequirementError) as caught:
        DeployedImage.of("operator", Target(facts(kind="current")))
    assert "MLRUN_OPERATOR_IMAGE" in caught.value.hint


def test_a_named_image_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLRUN_OPERATOR_IMAGE", "registry/operator:1")
    assert DeployedImage.of("operator", Target(facts(kind="current"))).reference == "registry/operator:1"


def test_an_image_that_was_not_loaded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLRUN_WRAPPER_IMAGE", raising=False)
    monkeypatch.setattr(image, "_loaded", lambda reference: "")
    with pytest.raises(MissingRequirementError, match="wrapper:dev is not in the cluster"):
        DeployedImage.of("wrapper", Target(facts()))
