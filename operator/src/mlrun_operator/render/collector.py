"""The Job that collects the results of a sweep's points, rendered from the Job of the points.

It runs no code of the user's, so it needs neither the function's image nor a GPU. The user may have changed the run and
the function in the meantime.
"""

from collections.abc import Mapping
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.envelope import decode, encode
from mlrun_operator.api.objects import Object, labels_of
from mlrun_operator.api.values.names import collector_name, label_value
from mlrun_operator.render.envelope import result_budget
from mlrun_operator.render.foreign_image import UNSAFE_ENV, VOLUME
from mlrun_operator.render.job import failure_policy, kueue_metadata, owner_of

# The collector only reads and writes the store, which may be unavailable for a while.
RETRIES: Final = 6
# Environment variables that only a point has.
_POINT_ENV: Final = ("MLRUN_SWEEP_INDEX", "MLRUN_SWEEP_FAILURES")
# Resources that any node has, unlike GPUs.
_COMMON_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
# Prefixes of the labels that Kubernetes sets on Jobs and their pods.
_KUBERNETES_PREFIXES: Final = ("batch.kubernetes.io/", "controller-uid", "job-name")
# Annotations of the points' Job that the collector has, too.
_COPIED_ANNOTATIONS: Final = (
    constants.ANNOTATION_EXECUTION,
    constants.ANNOTATION_HASH,
    constants.ANNOTATION_GENERATION,
    constants.ANNOTATION_RERUN,
    constants.ANNOTATION_LIMITS,
    constants.ANNOTATION_FUNCTION,
)


def build_collector(points_job: Object, run: Object, n: int, lost_points: Mapping[str, str]) -> Object:
    """Return the collector of execution `n`, rendered from the whole Job of its points.

    `lost_points` maps each iteration without a report to the cause. Raises ValueError if the envelope cannot be read.
    """
    meta, points_meta = run["metadata"], points_job["metadata"]
    run_labels = {constants.LABEL_RUN: label_value(meta["name"]), constants.LABEL_RUN_UID: meta["uid"]}
    template = points_job["spec"]["template"]
    pod = _collector_pod(template["spec"])
    annotations = points_meta["annotations"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": collector_name(meta["name"], meta["uid"], n),
            "namespace": meta["namespace"],
            "labels": {**_without_kubernetes(labels_of(points_job)), **run_labels},
            "annotations": {
                **{name: annotations[name] for name in _COPIED_ANNOTATIONS if name in annotations},
                **kueue_metadata(points_meta, "annotations"),
                constants.ANNOTATION_COLLECTS: points_meta["name"],
            },
            "ownerReferences": [owner_of(meta)],
        },
        "spec": {
            "backoffLimit": RETRIES,
            **({"suspend": True} if constants.LABEL_QUEUE in labels_of(points_job) else {}),
            "podFailurePolicy": failure_policy(pod, "FailJob"),
            "template": {
                "metadata": {
                    "labels": {**_without_kubernetes(labels_of(template)), **run_labels},
                    "annotations": _pod_annotations(template, points_meta["name"], lost_points),
                },
                "spec": pod,
            },
        },
    }


def _pod_annotations(template: Object, points_job: str, lost_points: Mapping[str, str]) -> dict[str, str]:
    annotations = template["metadata"]["annotations"]
    envelope = decode(annotations[constants.ANNOTATION_ENVELOPE])
    if envelope.sweep is None:
        raise ValueError(f"the envelope of Job {points_job} holds no sweep")
    sweep = envelope.sweep.model_copy(update={"part": "collect", "job": points_job, "lost": dict(lost_points)})
    collector_envelope = envelope.model_copy(update={"sweep": sweep, "result_budget": result_budget(containers=1)})
    return {**annotations, constants.ANNOTATION_ENVELOPE: encode(collector_envelope)}


def _without_kubernetes(labels: Object) -> dict[str, str]:
    return {name: value for name, value in labels.items() if not name.startswith(_KUBERNETES_PREFIXES)}


def _collector_pod(pod: Object) -> Object:
    """Return the points' pod with only the wrapper's container, which runs in an image of ours."""
    main = next(c for c in pod["containers"] if c["name"] == constants.CONTAINER)
    init = next((c for c in pod.get("initContainers", ()) if c["name"] == constants.INIT_CONTAINER), None)
    pod_fields = {name: value for name, value in pod.items() if name != "initContainers"}
    volumes = [volume for volume in pod.get("volumes", ()) if volume["name"] != VOLUME]
    container = _collector_container(main if init is None else _in_wrapper_image(main, init))
    return {**pod_fields, "volumes": volumes, "containers": [container]}


def _in_wrapper_image(main: Object, init: Object) -> Object:
    """Return the container with the init container's image, which is the wrapper's, and its own command."""
    container = {name: value for name, value in main.items() if name not in ("command", "args", "workingDir")}
    image: Object = {name: init[name] for name in ("image", "imagePullPolicy") if name in init}
    mounts = [mount for mount in main.get("volumeMounts", ()) if mount["name"] != VOLUME]
    env = [entry for entry in main.get("env", ()) if entry["name"] not in UNSAFE_ENV]
    return {**container, **image, "env": env, "volumeMounts": mounts}


def _collector_container(main: Object) -> Object:
    container = {**main, "env": [entry for entry in main.get("env", ()) if entry["name"] not in _POINT_ENV]}
    if "resources" in main:
        kinds = {kind: _common(amounts) for kind, amounts in main["resources"].items() if isinstance(amounts, Mapping)}
        container["resources"] = {kind: amounts for kind, amounts in kinds.items() if amounts}
    return container


def _common(amounts: Mapping[str, Any]) -> Object:
    return {name: amount for name, amount in amounts.items() if name in _COMMON_RESOURCES}
