"""The headless Service by which the replicas of a run find each other by name."""

from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.api.values.names import short_hash

_TYPE: Final = {"apiVersion": "v1", "kind": "Service"}


def service_name(run_uid: str) -> str:
    """One for all executions of a run, which never run at once."""
    return f"mlrun-{short_hash(run_uid, 16)}"


def service_for(job: Object) -> Object | None:
    """The Service that a Job's pods name as their domain; None where they name none.

    It belongs to the run, like the Job. Replicas are in the DNS before they are ready, since they look for each other.
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
    """The name of a replica within the namespace, with `{index}` in the place of its number."""
    return f"{job_name}-{{index}}.{service_name(run_uid)}"
