"""Kubernetes objects as plain dicts: copies, times, owners."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

Object = dict[str, Any]
Key = tuple[str, str]
BEGIN: Final = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def copy_of(obj: Any) -> Any:
    """Return the value as it comes back from the wire."""
    return orjson.loads(orjson.dumps(obj))


def stamp(moment: datetime) -> str:
    """Return the moment as the API server writes it, in whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> datetime:
    """Return the moment of a timestamp."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def seconds_after(text: str, seconds: float) -> datetime:
    """Return the moment so many seconds after a timestamp."""
    return moment_of(text) + timedelta(seconds=seconds)


def key_of(obj: Object) -> Key:
    """Return namespace and name."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def uid_of(obj: Object) -> str:
    """Return metadata.uid."""
    return str(obj["metadata"]["uid"])


def controller_of(obj: Object) -> Object:
    """Return the owner reference of the controller; an empty one where there is none."""
    return next((o for o in obj["metadata"].get("ownerReferences") or () if o.get("controller")), {})


def has_condition(obj: Object, kind: str) -> bool:
    """Return whether the condition of this type is True."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def is_terminal(pod: Object) -> bool:
    """Return whether the pod's phase is Succeeded or Failed."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_deleting(obj: Object) -> bool:
    """Return whether the object was told to go."""
    return "deletionTimestamp" in obj["metadata"]


def is_job_finished(job: Object) -> bool:
    """Return whether the Job is Complete or Failed."""
    return has_condition(job, "Complete") or has_condition(job, "Failed")


def condition(kind: str, status: str, moment: datetime, reason: str = "", message: str = "") -> Object:
    """Return a condition."""
    return {"type": kind, "status": status, "lastTransitionTime": stamp(moment), "reason": reason, "message": message}
