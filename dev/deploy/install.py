"""Installing: the namespace, the CRDs, the chart, and the wait for the operator to be ready."""

import json
from typing import Any

import fileserver
from deploy import rollout
from deploy.image import DeployedImage
from deploy.target import Target
from deploy.values import merged, values
from devcluster import paths, progress

RELEASE = "mlrun-operator"
NAMESPACE = "mlrun-system"
CRDS = paths.REPOSITORY / "crds"
CHART = paths.REPOSITORY / "charts" / "mlrun-operator"


def deploy(target: Target, *, more_values: dict[str, Any] | None = None) -> None:
    """Install or upgrade CRDs and operator, and return when the operator is ready.

    `more_values` are laid over the values for this cluster. Raises DevClusterError, with what describes the failure,
    if the operator does not become ready.
    """
    operator, wrapper = (DeployedImage.of(name, target) for name in ("operator", "wrapper"))
    wanted = merged(values(target.facts, operator, wrapper, fileserver.certificate()), more_values or {})
    with progress.step(f"CRDs and namespace {NAMESPACE} applied"):
        _apply_cluster_objects(target)
    with progress.step(f"chart {CHART.relative_to(paths.REPOSITORY)} installed with {operator.reference}"):
        _install_chart(target, wanted)
    during = "" if rollout.ready(rollout.observe(target, NAMESPACE, RELEASE)) else "waiting for the operator"
    with progress.step("operator ready", during=during):
        rollout.wait(target, NAMESPACE, RELEASE)
    store = wanted["store"]
    if store["anonymous"]:
        progress.say(f"  store {store['root']} at {store['endpoint']}, used WITHOUT credentials: for trials only")


def _apply_cluster_objects(target: Target) -> None:
    files = sorted(CRDS.glob("*.yaml"))
    documents = [json.dumps(_namespace()), *(file.read_text() for file in files)]
    command = ["apply", "--server-side", "--force-conflicts", "--filename=-"]
    target.kubectl(*command, stdin="\n---\n".join(documents), hint="this needs cluster-admin rights")
    # The files are called as the CRDs are.
    target.wait_for_crds(*(file.stem for file in files))


def _namespace() -> dict[str, Any]:
    """The operator's namespace: what does not keep to the restricted Pod Security standard is refused there."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _install_chart(target: Target, wanted: dict[str, Any]) -> None:
    command = ["upgrade", "--install", RELEASE, str(CHART), f"--namespace={NAMESPACE}", "--values=-"]
    hint = f"`helm uninstall {RELEASE} -n {NAMESPACE}` removes the operator; runs and CRDs stay"
    target.helm(*command, stdin=json.dumps(wanted), hint=hint)
