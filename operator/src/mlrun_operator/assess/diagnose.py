"""Why a pod has not started yet: the field's common causes, each with its reason and words."""

import re
from collections.abc import Sequence
from typing import Any, Final

from mlrun_operator.api.reasons import Reason

Object = dict[str, Any]

_PULLING: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_UNDER_WAY: Final = ("ContainerCreating", "PodInitializing")
# What names a missing object in Kubernetes' sentences, and the reason that it is.
_MISSING: Final = (
    (
        re.compile(r"secret \"?[^ ]+\"? not found|non-existent secret|couldn't find key .* in Secret", re.I),
        Reason.SECRET_MISSING,
    ),
    (
        re.compile(r"configmap \"?[^ ]+\"? not found|non-existent config|couldn't find key .* in ConfigMap", re.I),
        Reason.CONFIG_MAP_MISSING,
    ),
    (re.compile(r"persistentvolumeclaim", re.I), Reason.VOLUME_MISSING),
)
# What the kubelet says where it was too slow itself; it tries again at once.
_OWN_DELAY: Final = re.compile(r"failed to sync (secret|configmap) cache", re.I)
# Events that tell a cause which no status has.
_TELLING: Final = {
    "FailedMount": Reason.VOLUME_MISSING,
    "FailedAttachVolume": Reason.VOLUME_MISSING,
    "FailedCreatePodSandBox": Reason.POD_FAILING,
}


def diagnose(pod: Object | None, events: Sequence[Object] = ()) -> tuple[Reason, str] | None:
    """The cause that keeps the pod from starting, or its Job from making one; None where it is only on its way."""
    if pod is None:
        return _of_events(events)
    return _of_pod(pod) or _of_events([event for event in events if event.get("reason") != "FailedCreate"])


def _of_pod(pod: Object) -> tuple[Reason, str] | None:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            words = condition.get("message", "no node can take the pod")
            return _missing(words) or Reason.UNSCHEDULABLE, words
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in _PULLING:
            return Reason.IMAGE_PULL, f"image {container.get('image', '')}: {message or reason}"
        if reason and reason not in _UNDER_WAY and not _OWN_DELAY.search(message):
            return _missing(message) or Reason.POD_FAILING, f"{reason}: {message}" if message else reason
    return None


def _of_events(events: Sequence[Object]) -> tuple[Reason, str] | None:
    """The newest telling event's cause."""
    for event in sorted(events, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""), reverse=True):
        words = event.get("message", "")
        if event.get("reason") == "FailedCreate":
            return (Reason.QUOTA_EXCEEDED if "exceeded quota" in words else Reason.ADMISSION_DENIED), words
        if event.get("reason") in _TELLING and not _OWN_DELAY.search(words):
            return _missing(words) or _TELLING[event["reason"]], words
    return None


def _missing(words: str) -> Reason | None:
    return next((reason for pattern, reason in _MISSING if pattern.search(words)), None)
