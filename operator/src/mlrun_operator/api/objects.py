"""Null-safe reading of Kubernetes objects, which are plain dicts."""

from typing import Any, Final

from mlrun_operator.api import constants

Object = dict[str, Any]
# Namespace and name.
ObjectKey = tuple[str, str]

_ENDED_PHASES: Final = ("Succeeded", "Failed")


def key_of(obj: Object) -> ObjectKey:
    """Return the object's namespace and name."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def labels_of(obj: Object) -> Object:
    """Return the object's labels."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> Object:
    """Return the object's annotations."""
    return obj["metadata"].get("annotations") or {}


def spec_of(obj: Object | None) -> Object:
    """Return the object's spec; an empty one if there is no object."""
    return (obj or {}).get("spec") or {}


def status_of(obj: Object | None) -> Object:
    """Return the object's status; an empty one if there is no object."""
    return (obj or {}).get("status") or {}


def is_deleting(obj: Object) -> bool:
    """Return whether the object is being deleted."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def condition_of(obj: Object, kind: str) -> Object:
    """Return the status condition of this type if it is True; else an empty one."""
    conditions = status_of(obj).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == kind and c.get("status") == "True"), {})


def has_condition(obj: Object, kind: str) -> bool:
    """Return whether the status condition of this type is True."""
    return bool(condition_of(obj, kind))


def controller_of(obj: Object, kind: str | None = None) -> Object:
    """Return the owner reference of the object's controller if it has this kind; else an empty one."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((o for o in owners if o.get("controller") and kind in (None, o.get("kind"))), {})


def is_controlled_by(obj: Object, uid: str) -> bool:
    """Return whether the object's controller has this uid."""
    return controller_of(obj).get("uid") == uid


def fired_job_uid(run: Object) -> str | None:
    """Return the uid of the Job that the CronJob controller made for this run; None for any other run.

    The annotation holds the run's name, too: one that a copied manifest carries along does nothing.
    """
    note: str | None = annotations_of(run).get(constants.ANNOTATION_JOB_UID)
    if note is None or controller_of(run).get("kind") != constants.RUN_KIND:
        return None
    name, slash, uid = note.rpartition("/")
    return uid if not slash or name == run["metadata"]["name"] else None


def has_job_ended(job: Object) -> bool:
    """Return whether the Job has the condition Complete or Failed."""
    return has_condition(job, "Complete") or has_condition(job, "Failed")


def has_pod_ended(pod: Object) -> bool:
    """Return whether the pod's phase is terminal, so that none of its containers runs again."""
    return status_of(pod).get("phase") in _ENDED_PHASES
