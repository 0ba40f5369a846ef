"""What others need to know of a running cluster: `.cluster/cluster.json` beside the kubeconfig."""

import json
from dataclasses import asdict, dataclass

from devcluster import paths
from devcluster.errors import DevClusterError


@dataclass(frozen=True)
class Facts:
    """The contents of cluster.json. A field is null where the kind of cluster has no such thing."""

    kind: str
    context: str
    kubeconfig: str
    kubectl: str
    helm: str
    api_server: str | None = None
    bridge_ip: str | None = None
    s3_pod_endpoint: str | None = None
    s3_host_endpoint: str | None = None
    s3_bucket: str | None = None
    audit_log: str | None = None
    logs: str | None = None
    containerd_address: str | None = None
    containerd_namespace: str | None = None
    kubernetes_version: str | None = None


def prepare_folder() -> None:
    """Make `.cluster`, which Git ignores by a file of its own in it."""
    paths.CLUSTER_DIR.mkdir(exist_ok=True)
    (paths.CLUSTER_DIR / ".gitignore").write_text("*\n")


def write(facts: Facts) -> None:
    """Write cluster.json at once, never half of it."""
    prepare_folder()
    unfinished = paths.FACTS.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(facts), indent=2) + "\n")
    unfinished.replace(paths.FACTS)


def read() -> Facts:
    """Return the facts of the cluster. Raises DevClusterError if none was started from this checkout."""
    try:
        return Facts(**json.loads(paths.FACTS.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise DevClusterError("no cluster was started from this checkout", hint="run `make cluster`") from error


def forget() -> None:
    """Remove what was written for a cluster that is gone."""
    for file in (paths.FACTS, paths.KUBECONFIG):
        file.unlink(missing_ok=True)
