"""The chart's values for a development cluster."""

from typing import Any

from deploy.image import DeployedImage
from devcluster.errors import MissingRequirementError
from devcluster.external import STORE_VARIABLE
from devcluster.facts import Facts

CONTENT_ANNOTATION = "mlrun-operator.dev/image-content"


def values(facts: Facts, operator: DeployedImage, wrapper: DeployedImage, ca_bundle: str) -> dict[str, Any]:
    """The values. Raises MissingRequirementError where the cluster has no store.

    The annotation rolls out a changed operator image. A changed wrapper needs no rollout: each pod of a run takes
    what its name stands for when it starts.
    """
    if facts.s3_pod_endpoint is None:
        raise MissingRequirementError(
            "there is no S3 store for the runs",
            hint=f"set {STORE_VARIABLE} to an S3 endpoint with a bucket `mlrun` that takes unsigned requests and "
            "run `make cluster` again; for a store with credentials install the chart yourself, as README.md says",
        )
    return {
        "image": {"repository": operator.repository, "tag": operator.tag},
        "wrapper": {"repository": wrapper.repository, "tag": wrapper.tag},
        "wrapperMl": {"repository": ""},  # the wrapper's; wrapper-ml is built where ALL_IMAGES asks for it
        "store": {
            "root": f"s3://{facts.s3_bucket}/{{namespace}}",
            "endpoint": facts.s3_pod_endpoint,
            "anonymous": True,
        },
        "caBundle": ca_bundle,
        "podAnnotations": {CONTENT_ANNOTATION: operator.content},
    }


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid upon it, map by map, as helm does."""
    both = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            both[key] = merged(base[key], over[key])
    return both
