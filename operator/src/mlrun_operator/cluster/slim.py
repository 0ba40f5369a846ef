"""The packed form of an object in the index, with only the fields that decisions need."""

from collections.abc import Iterable
from typing import Final

from mlrun_operator.api.objects import Object, annotations_of, spec_of, status_of
from mlrun_operator.api.v1alpha1.spec import UNREADABLE, check_spec_size
from mlrun_operator.cluster.codec import json_bytes, pack
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS, Resource

# The fields of a status whose values come from users.
_USER_STATUS: Final = ("results", "outputs", "inputs")
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_METADATA: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
)
_POD_STATUS: Final = ("phase", "reason", "message", "conditions", "containerStatuses", "initContainerStatuses")
_JOB_SPEC: Final = (
    "suspend",
    "backoffLimit",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
    "activeDeadlineSeconds",
    "completions",
    "parallelism",
    "completionMode",
)


def slim(resource: Resource, obj: Object) -> Object:
    """Return the object without fields that no decision needs, such as managed fields and the envelope."""
    meta = {name: obj["metadata"][name] for name in _METADATA if name in obj["metadata"]}
    if resource is PODS:
        meta.pop("annotations", None)
        return {"metadata": meta, "spec": _slim_pod_spec(obj), "status": _pick(status_of(obj), _POD_STATUS)}
    if resource is JOBS:
        return {"metadata": meta, "spec": _slim_job_spec(obj), "status": status_of(obj)}
    if resource is CRON_JOBS:
        spec = {name: value for name, value in obj["spec"].items() if name != "jobTemplate"}
        return {"metadata": meta, "spec": spec, "status": status_of(obj)}
    meta["annotations"] = {k: v for k, v in annotations_of(obj).items() if k != _LAST_APPLIED}
    return {"metadata": meta, "spec": spec_of(obj), "status": status_of(obj)}


def _slim_pod_spec(pod: Object) -> Object:
    """Return the node, and the init containers that are sidecars, which run beside the others."""
    spec = spec_of(pod)
    init = spec.get("initContainers") or ()
    sidecars = [_pick(container, ("name", "restartPolicy")) for container in init if container.get("restartPolicy")]
    return {"nodeName": spec.get("nodeName"), **({"initContainers": sidecars} if sidecars else {})}


def _slim_job_spec(job: Object) -> Object:
    pod = job["spec"]["template"]["spec"]
    containers = [{"name": c["name"], "image": c.get("image", "")} for c in pod["containers"]]
    volumes = [_pick(volume, ("name", "image")) for volume in pod.get("volumes") or () if "image" in volume]
    template = {"containers": containers, **({"volumes": volumes} if volumes else {})}
    return {"suspend": False, **_pick(job["spec"], _JOB_SPEC), "template": {"spec": template}}


def _pick(fields: Object, names: Iterable[str]) -> Object:
    return {name: fields[name] for name in names if name in fields}


def pack_slim(resource: Resource, obj: Object) -> bytes:
    """Return the slim object in packed form; if it is nested too deeply, without its spec and user values."""
    slim_object = slim(resource, obj)
    try:
        return pack(
            {**slim_object, "spec": _bounded(slim_object["spec"])} if resource in (RUNS, FUNCTIONS) else slim_object
        )
    except ValueError:
        status = {name: value for name, value in slim_object["status"].items() if name not in _USER_STATUS}
        return pack({**slim_object, "spec": {UNREADABLE: "the spec is nested too deeply"}, "status": status})


def _bounded(spec: Object) -> Object:
    """Return the spec; if it is too large, why. Raises ValueError if it is nested too deeply."""
    size = json_bytes(spec)
    try:
        check_spec_size(size)
    except ValueError as error:
        return {UNREADABLE: str(error)}
    return spec
