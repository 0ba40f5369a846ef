"""Why a pod has not started yet: the field's common causes, each with its reason and message."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.reasons import Reason
from mlrun_operator.assess.containers import Container, Role, containers_of, how_it_ended
from mlrun_operator.assess.times import parse_time

Cause = tuple[Reason, str]

# How long an init container runs before it is named as what the pod waits for.
_LONG: Final = timedelta(seconds=10)

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


def diagnose(pod: Object | None, events: Sequence[Object] = (), now: datetime | None = None) -> Cause | None:
    """Return the cause that keeps the pod from starting, or its Job from making one; None where nothing does.

    With `now` an init container that has been running for long is named, too.
    """
    if pod is None:
        return _of_events(events)
    return _of_pod(pod, now) or _of_events([event for event in events if event.get("reason") != "FailedCreate"])


def _of_pod(pod: Object, now: datetime | None) -> Cause | None:
    for condition in status_of(pod).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            message = condition.get("message", "no node can take the pod")
            return _missing(message) or Reason.UNSCHEDULABLE, message
    containers = containers_of(pod)
    causes = (cause for container in containers if (cause := _restarting(container) or _waiting(container)))
    return next(causes, None) or (_hanging(containers, now) if now else None)


def _restarting(container: Container) -> Cause | None:
    """Return how a native sidecar ended that the kubelet starts again, before which nothing else starts."""
    last = container.last_state.get("terminated") or {}
    if container.role is Role.SIDECAR or container.has_started or last.get("exitCode") in (0, None):
        return None
    return Reason.POD_FAILING, how_it_ended(container, last, " and is started again")


def _waiting(container: Container) -> Cause | None:
    waiting = container.state.get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    whose = "" if container.role is Role.WRAPPER else f"{container.described}: "
    if reason in _PULLING:
        return Reason.IMAGE_PULL, f"{whose}image {container.image}: {message or reason}"
    if not reason or reason in _UNDER_WAY or _OWN_DELAY.search(message):
        return None
    return _missing(message) or Reason.POD_FAILING, whose + (f"{reason}: {message}" if message else reason)


def _hanging(containers: Sequence[Container], now: datetime) -> Cause | None:
    """Return which init container has been running for long; it may well be at work."""
    for container in containers:
        started_at = (container.state.get("running") or {}).get("startedAt", "")
        since = parse_time(started_at)
        if since is None or now - since < _LONG or not container.role.is_init:
            continue
        if container.role is not Role.NATIVE_SIDECAR:
            return Reason.CREATED, f"{container.described} has been running since {started_at}"
        if container.has_started is False:
            return Reason.CREATED, f"{container.described} has not passed its startup probe since {started_at}"
    return None


def _of_events(events: Sequence[Object]) -> Cause | None:
    """Return the cause that the newest telling event names."""
    for event in sorted(events, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""), reverse=True):
        message = event.get("message", "")
        if event.get("reason") == "FailedCreate":
            return (Reason.QUOTA_EXCEEDED if "exceeded quota" in message else Reason.ADMISSION_DENIED), message
        if event.get("reason") in _TELLING and not _OWN_DELAY.search(message):
            return _missing(message) or _TELLING[event["reason"]], message
    return None


def _missing(message: str) -> Reason | None:
    return next((reason for pattern, reason in _MISSING if pattern.search(message)), None)
