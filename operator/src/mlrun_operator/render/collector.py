"""The Job that collects what the points of a sweep have left: made from the points' own Job, as it was pinned.

It runs no code of the user's. So it needs neither the function's image nor a GPU, and the user may have changed run and
function since.
"""

from collections.abc import Mapping
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.envelope import decode, encode
from mlrun_operator.api.objects import Object, labels_of
from mlrun_operator.api.values.names import collector_name, label_value
from mlrun_operator.render.envelope import result_budget
from mlrun_operator.render.foreign_image import NOT_FOR_US, VOLUME
from mlrun_operator.render.job import failure_policy, kueue_marks, owner_of

# It only reads and writes the store, which may be away for a while.
RETRIES: Final = 6
_OF_POINTS: Final = ("MLRUN_SWEEP_INDEX", "MLRUN_SWEEP_FAILURES")
_PLAIN: Final = ("cpu", "memory", "ephemeral-storage")
# Kubernetes' own labels of a Job's pods.
_KUBERNETES: Final = ("batch.kubernetes.io/", "controller-uid", "job-name")
_KEPT: Final = (
    constants.ANNOTATION_EXECUTION,
    constants.ANNOTATION_HASH,
    constants.ANNOTATION_GENERATION,
    constants.ANNOTATION_RERUN,
    constants.ANNOTATION_LIMITS,
    constants.ANNOTATION_FUNCTION,
)


def build_collector(points: Object, run: Object, n: int, lost: Mapping[str, str]) -> Object:
    """The collector of the points of execution `n`, from their whole Job as the API server has it.

    `lost` tells of the iterations that left no report why. Raises ValueError where the Job's envelope cannot be read.
    """
    meta = run["metadata"]
    own = {constants.LABEL_RUN: label_value(meta["name"]), constants.LABEL_RUN_UID: meta["uid"]}
    template = points["spec"]["template"]
    pod = _pod(template["spec"])
    notes = points["metadata"]["annotations"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": collector_name(meta["name"], meta["uid"], n),
            "namespace": meta["namespace"],
            "labels": {**_labels(points), **own},
            "annotations": {
                **{note: notes[note] for note in _KEPT if note in notes},
                **kueue_marks(points["metadata"], "annotations"),
                constants.ANNOTATION_COLLECTS: points["metadata"]["name"],
            },
            "ownerReferences": [owner_of(meta)],
        },
        "spec": {
            "backoffLimit": RETRIES,
            **({"suspend": True} if constants.LABEL_QUEUE in _labels(points) else {}),
            "podFailurePolicy": failure_policy(pod, "FailJob"),
            "template": {
                "metadata": {
                    "labels": {**_labels(template), **own},
                    "annotations": _annotations(template["metadata"], points["metadata"]["name"], lost),
                },
                "spec": pod,
            },
        },
    }


def _annotations(template: Object, points: str, lost: Mapping[str, str]) -> dict[str, str]:
    annotations = dict(template["annotations"])
    envelope = decode(annotations[constants.ANNOTATION_ENVELOPE])
    if envelope.sweep is None:
        raise ValueError(f"the envelope of Job {points} holds no sweep")
    sweep = envelope.sweep.model_copy(update={"part": "collect", "job": points, "lost": dict(lost)})
    changed = envelope.model_copy(update={"sweep": sweep, "result_budget": result_budget(containers=1)})
    return {**annotations, constants.ANNOTATION_ENVELOPE: encode(changed)}


def _labels(obj: Object) -> dict[str, str]:
    return {name: value for name, value in labels_of(obj).items() if not name.startswith(_KUBERNETES)}


def _pod(points: Object) -> Object:
    """The points' pod with the wrapper's container alone, and that in an image of ours."""
    main = next(c for c in points["containers"] if c["name"] == constants.CONTAINER)
    init = next((c for c in points.get("initContainers", ()) if c["name"] == constants.INIT_CONTAINER), None)
    rest = {name: value for name, value in points.items() if name != "initContainers"}
    volumes = [volume for volume in points.get("volumes", ()) if volume["name"] != VOLUME]
    return {**rest, "volumes": volumes, "containers": [_container(main if init is None else _uncarried(main, init))]}


def _uncarried(main: Object, init: Object) -> Object:
    """The container in the image that the wrapper was carried from, started as that image says."""
    rest = {name: value for name, value in main.items() if name not in ("command", "args", "workingDir")}
    image: Object = {name: init[name] for name in ("image", "imagePullPolicy") if name in init}
    mounts = [mount for mount in main.get("volumeMounts", ()) if mount["name"] != VOLUME]
    env = [entry for entry in main.get("env", ()) if entry["name"] not in NOT_FOR_US]
    return {**rest, **image, "env": env, "volumeMounts": mounts}


def _container(main: Object) -> Object:
    changed = {**main, "env": [entry for entry in main.get("env", ()) if entry["name"] not in _OF_POINTS]}
    if "resources" in main:
        kinds = {kind: _plain(amounts) for kind, amounts in main["resources"].items() if isinstance(amounts, Mapping)}
        changed["resources"] = {kind: amounts for kind, amounts in kinds.items() if amounts}
    return changed


def _plain(amounts: Mapping[str, Any]) -> Object:
    return {name: amount for name, amount in amounts.items() if name in _PLAIN}
