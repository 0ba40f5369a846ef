"""What clusters that are not embedded have in common: tools from PATH, and a store that somebody else runs."""

import os
import shutil

from devcluster import paths, progress
from devcluster.errors import MissingRequirementError
from devcluster.facts import Facts

STORE_VARIABLE = "MLRUN_DEMO_S3_ENDPOINT"


def command(name: str) -> str:
    """Return the path of a command. Raises MissingRequirementError if it is not on PATH."""
    if path := shutil.which(name):
        return path
    raise MissingRequirementError(f"there is no `{name}` on PATH", hint=f"install {name}, or use `CLUSTER=embedded`")


def external_facts(kind: str, context: str) -> Facts:
    """Return the facts of a cluster whose node is not this machine."""
    store = os.environ.get(STORE_VARIABLE)
    return Facts(
        kind=kind,
        context=context,
        kubeconfig=str(paths.KUBECONFIG),
        kubectl=command("kubectl"),
        helm=command("helm"),
        s3_pod_endpoint=store,
        s3_host_endpoint=store,
        s3_bucket=paths.S3_BUCKET if store else None,
    )


def say_store() -> None:
    """Say where the artifact store is, or that there is none."""
    if store := os.environ.get(STORE_VARIABLE):
        progress.say(f"S3 store: {store}, bucket {paths.S3_BUCKET}; pods and this machine must both reach it")
    else:
        progress.say(f"No S3 store: {STORE_VARIABLE} names none (an endpoint with a bucket {paths.S3_BUCKET})")
