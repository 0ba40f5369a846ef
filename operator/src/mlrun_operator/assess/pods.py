"""What our pods say: whether they run, how they ended, and what the wrapper reported."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.objects import Object, has_pod_ended, is_deleting, labels_of, spec_of, status_of
from mlrun_operator.api.v1alpha1.status import MAX_MESSAGE, Attempt
from mlrun_operator.assess.containers import Container, Role, containers_of, deciding_of, wrapper_of
from mlrun_operator.assess.decoded_reports import DecodedReports
from mlrun_operator.assess.pod_outcome import has_succeeded, is_disrupted, outcome_of
from mlrun_operator.assess.times import parse_time

# How long after its grace period a pod that does not vanish is still waited for: its node may be lost.
_LOST: Final = timedelta(seconds=30)
_DECODED: Final = DecodedReports()
# Anybody may write the label that Kubernetes sets to a pod's index.
_INDEX: Final = re.compile(r"[0-9]{1,9}")
# How long until pods that end are looked at again, though no event of theirs comes.
POD_POLL_INTERVAL: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod, read.

    Attributes:
        attempt: the pod as the status shows it; reason and message only once the pod has ended, both at once.
        created: when the pod was created.
        started: whether the wrapper's own container has run, or the pod has ended.
        has_run: whether the wrapper's own container has run.
        ended: whether the pod's phase is terminal.
        succeeded: whether the wrapper ended with exit code 0; without its state, whether the pod succeeded.
        result: the report, from the moment when the wrapper's container has ended.
        index: which replica or point the pod is.
        phase_succeeded: whether the pod's phase is Succeeded, which is what its Job counts.
        disrupted: whether the pod failed by a disruption, which its Job ignores.
        wrapper_ended_at: when the wrapper's container ended; None while it has not.
        lingering: other regular containers that have not ended although the wrapper's has; they keep the pod.
        sidecars_running: native sidecars that run although the wrapper has ended; the kubelet ends them.
    """

    attempt: Attempt
    created: str
    started: bool
    ended: bool
    succeeded: bool
    result: Result | None
    index: int | None = None
    phase_succeeded: bool = False
    disrupted: bool = False
    wrapper_ended_at: datetime | None = None
    lingering: tuple[str, ...] = ()
    sidecars_running: tuple[str, ...] = ()
    has_run: bool = False

    def still_running(self) -> "PodView":
        """Return the pod as it was before its end."""
        before_end = {"exit_code": None, "reason": None, "message": None, "completion_time": None}
        return replace(self, attempt=self.attempt.model_copy(update=before_end), ended=False, result=None)


def awaited(pods: Iterable[PodView]) -> PodView | None:
    """Return the pod that is waited for: the oldest that has not started."""
    return next((pod for pod in pods if not pod.started), None)


def unstarted(pods: Iterable[Object]) -> list[Object]:
    """Return the pods that have not started, in their order."""
    return [pod for pod in pods if not has_started(pod)]


def has_started(pod: Object) -> bool:
    """Return whether our container has run, or the pod has ended."""
    return has_pod_ended(pod) or _has_run(deciding_of(containers_of(pod)))


def may_report(pods: Iterable[Object], now: datetime) -> bool:
    """Return whether a pod has not ended; one whose grace period is long over, with its node, is not counted."""
    return any(not has_pod_ended(pod) and not is_presumed_lost(pod, now) for pod in pods)


def still_ending(pods: Iterable[Object], now: datetime) -> bool:
    """Return whether a pod that was told to end may report: before Kubernetes 1.31 a Job may fail before its pods."""
    return may_report((pod for pod in pods if is_deleting(pod)), now)


def is_presumed_lost(pod: Object, now: datetime) -> bool:
    """Return whether the pod should have been gone for long: its node may be lost (BEHAVIOUR A5)."""
    deadline = parse_time(pod["metadata"].get("deletionTimestamp"))
    return deadline is not None and now >= deadline + _LOST


def presumed_lost_in(pod: Object, now: datetime) -> timedelta | None:
    """Return how long until the pod is presumed lost; None where it was not told to end, or is lost already."""
    deadline = parse_time(pod["metadata"].get("deletionTimestamp"))
    left = deadline + _LOST - now if deadline else None
    return left if left is not None and left > timedelta(0) else None


def read_pod(pod: Object) -> PodView:
    """Return the pod as an attempt of its execution."""
    containers, ended, meta = containers_of(pod), has_pod_ended(pod), pod["metadata"]
    container, wrapper = deciding_of(containers), wrapper_of(containers)
    report = _report_of(container)
    return PodView(
        attempt=_attempt(pod, containers, container, report),
        created=meta.get("creationTimestamp") or "",
        started=ended or _has_run(container),
        ended=ended,
        succeeded=has_succeeded(pod, containers),
        result=report,
        index=_index(pod),
        phase_succeeded=status_of(pod).get("phase") == "Succeeded",
        disrupted=is_disrupted(pod),
        wrapper_ended_at=_ended_at(wrapper, meta),
        lingering=() if ended or not wrapper.terminated else _lingering(containers),
        sidecars_running=() if ended or not wrapper.terminated else _sidecars_running(containers),
        has_run=_has_run(container),
    )


class PodReader:
    """Reads each pod once: a decision asks for the same thousand pods again and again.

    A pod is known by its identity, so that none may be changed in place while its reader is in use.
    """

    def __init__(self) -> None:
        self._views: dict[int, tuple[Object, PodView]] = {}

    def __call__(self, pod: Object) -> PodView:
        """Return the pod as an attempt of its execution."""
        read = self._views.get(id(pod))
        if read is None:
            read = self._views[id(pod)] = (pod, read_pod(pod))  # the pod is kept, and with it its identity
        return read[1]


def _attempt(pod: Object, containers: tuple[Container, ...], container: Container, report: Result | None) -> Attempt:
    meta, ended = pod["metadata"], has_pod_ended(pod)
    terminated = (container.terminated or {}) if ended else {}
    reason, message = outcome_of(pod, containers, report) if ended else (None, None)
    began = container.terminated or container.state.get("running") or {}
    return Attempt(
        pod=meta["name"],
        uid=meta.get("uid"),
        node=spec_of(pod).get("nodeName"),
        exit_code=None if container.never_started else terminated.get("exitCode"),
        reason=reason,
        message=message[:MAX_MESSAGE] if message else None,
        start_time=_moment(began.get("startedAt")) or (meta.get("creationTimestamp") if ended else None),
        completion_time=_moment(terminated.get("finishedAt")),
    )


def _report_of(container: Container) -> Result | None:
    if container.terminated is None:
        return None
    return _DECODED.decode(container.terminated.get("message") or "", container.terminated.get("exitCode"))


def _has_run(container: Container) -> bool:
    return container.running or (container.terminated is not None and not container.never_started)


def _ended_at(wrapper: Container, meta: Object) -> datetime | None:
    """Return when the wrapper ended; of an end without a time, since when its pod exists."""
    if wrapper.terminated is None:
        return None
    return parse_time(_moment(wrapper.terminated.get("finishedAt"))) or parse_time(meta.get("creationTimestamp"))


def _moment(text: str | None) -> str | None:
    """Return the kubelet's time; None for the zero times that it writes where it knows none."""
    return None if not text or text.startswith(("1970-01-01", "0001-01-01")) else text


def _lingering(containers: tuple[Container, ...]) -> tuple[str, ...]:
    return tuple(c.name for c in containers if c.role is Role.SIDECAR and c.terminated is None)


def _sidecars_running(containers: tuple[Container, ...]) -> tuple[str, ...]:
    """Return the init containers that run though the wrapper has: only native sidecars do that."""
    return tuple(c.name for c in containers if c.role in (Role.INIT, Role.NATIVE_SIDECAR) and c.running)


def _index(pod: Object) -> int | None:
    text = labels_of(pod).get(constants.LABEL_INDEX, "")
    return int(text) if _INDEX.fullmatch(text) else None
