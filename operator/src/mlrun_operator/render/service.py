"""The headless Service that gives the replicas of a run their DNS names."""

from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.api.values.names import short_hash

_TYPE: Final = {"apiVersion": "v1", "kind": "Service"}


def service_name(run_uid: str) -> str:
    """Return the name of the run's Service. All its executions share it, since they never overlap."""
    return f"mlrun-{short_hash(run_uid, 16)}"


def service_for(job: Object) -> Object | None:
    """Return the Service that the Job's pods have as their subdomain; None if they have none.

    The run owns it, like the Job. Replicas get DNS records before they are ready, so that they can find each other.
    """
    template, meta = job["spec"]["template"], job["metadata"]
    uid = meta["labels"][constants.LABEL_RUN_UID]
    if template["spec"].get("subdomain") != service_name(uid):
        return None
    labels = {name: value for name, value in template["metadata"]["labels"].items() if name in constants.OWN_LABELS}
    owner = {name: value for name, value in meta["ownerReferences"][0].items() if name != "controller"}
    return {
        **_TYPE,
        "metadata": {
            "name": service_name(uid),
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [owner],
        },
        "spec": {
            "clusterIP": "None",
            "selector": {constants.LABEL_RUN_UID: uid},
            "publishNotReadyAddresses": True,
        },
    }


def replica_host(job_name: str, run_uid: str) -> str:
    """Return the name of a replica within the namespace, with `{index}` for its index."""
    return f"{job_name}-{{index}}.{service_name(run_uid)}"
