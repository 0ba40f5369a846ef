"""What our pods say: whether they run, how they ended, and what the wrapper reported."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.result import Result, decode
from mlrun_operator.api.objects import has_condition
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import MAX_MESSAGE, Attempt
from mlrun_operator.assess.times import parse_time

Object = dict[str, Any]
_OOM = "OOMKilled"
# How long after its grace period a pod that does not vanish is still waited for: its node may be lost.
_LOST: Final = timedelta(seconds=30)
# How long until pods that end are looked at again, though no event of theirs comes.
POD_POLL_INTERVAL: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod, read. `started`: its container ran; `result`: the wrapper's report; `index`: which replica it is."""

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

    def still_running(self) -> "PodView":
        """The pod as it was before its end."""
        before_end = {"exit_code": None, "reason": None, "message": None, "completion_time": None}
        return replace(self, attempt=self.attempt.model_copy(update=before_end), ended=False, result=None)


def awaited(pods: Iterable[PodView]) -> PodView | None:
    """The pod that is waited for: the oldest that has not started."""
    return next((pod for pod in pods if not pod.started), None)


def unstarted(pods: Iterable[Object]) -> list[Object]:
    """Those that have not started, in their order."""
    return [pod for pod in pods if not view(pod).started]


def may_report(pods: Iterable[Object], now: datetime) -> bool:
    """Whether a pod has not ended; one that should be gone since long, with its node, is not counted."""
    return any(not view(pod).ended and not is_presumed_lost(pod, now) for pod in pods)


def still_ending(pods: Iterable[Object], now: datetime) -> bool:
    """Whether a pod was told to end and may still report: before Kubernetes 1.31 a Job may fail before its pods end."""
    return may_report((pod for pod in pods if pod["metadata"].get("deletionTimestamp")), now)


def is_presumed_lost(pod: Object, now: datetime) -> bool:
    """Whether its deletion time, which ends its grace period, is over since long."""
    until = parse_time(pod["metadata"].get("deletionTimestamp"))
    return until is not None and now > until + _LOST


def view(pod: Object) -> PodView:
    """The pod as an attempt of its execution.

    A container ends before its pod does; only the pod's end counts, so that both are told at once.
    """
    status, meta = pod.get("status") or {}, pod["metadata"]
    state = _state(status)
    ended = status.get("phase") in ("Succeeded", "Failed")
    own = _state_of(status, "containerStatuses", constants.CONTAINER).get("terminated")
    terminated = state.get("terminated") if ended else None
    result = decode(terminated.get("message", ""), terminated.get("exitCode")) if terminated else None
    reason, message = _why(status, terminated, result) if ended else (None, None)
    return PodView(
        attempt=Attempt(
            pod=meta["name"],
            uid=meta.get("uid"),
            node=(pod.get("spec") or {}).get("nodeName"),
            exit_code=terminated.get("exitCode") if terminated else None,
            reason=reason,
            message=message[:MAX_MESSAGE] if message else None,
            start_time=_started(state) or (meta.get("creationTimestamp") if ended else None),
            completion_time=terminated.get("finishedAt") if terminated else None,
        ),
        created=meta.get("creationTimestamp", ""),
        started=ended or bool(state.get("running") or state.get("terminated")),
        ended=ended,
        succeeded=own.get("exitCode") == 0 if own else status.get("phase") == "Succeeded",
        result=decode(own.get("message", ""), own.get("exitCode")) if own else result,
        index=_index(meta),
        phase_succeeded=status.get("phase") == "Succeeded",
        disrupted=status.get("phase") == "Failed" and has_condition(pod, "DisruptionTarget"),
        wrapper_ended_at=parse_time(own.get("finishedAt")) if own else None,
        lingering=tuple(
            c["name"]
            for c in status.get("containerStatuses") or ()
            if own and not (c.get("state") or {}).get("terminated")
        ),
    )


read_pod = view


def _index(meta: Object) -> int | None:
    text = (meta.get("labels") or {}).get(constants.LABEL_INDEX, "")
    return int(text) if text.isdigit() else None


def _started(state: Object) -> str | None:
    found: str | None = (state.get("terminated") or state.get("running") or {}).get("startedAt")
    return found


def _state(status: Object) -> Object:
    """The wrapper's container's; where it never started because ours before it failed, that one's."""
    state = _state_of(status, "containerStatuses", constants.CONTAINER)
    if state.get("running") or state.get("terminated"):
        return state
    before = _state_of(status, "initContainerStatuses", constants.INIT_CONTAINER)
    return before if (before.get("terminated") or {}).get("exitCode") else state


def _state_of(status: Object, kind: str, name: str) -> Object:
    for container in status.get(kind) or ():
        if container.get("name") == name:
            return container.get("state") or {}
    return {}


def _why(status: Object, terminated: Object | None, result: Result | None) -> tuple[Reason, str]:
    """The reason of a pod that ended, and its words: the wrapper's, else what Kubernetes knows."""
    if result is not None and not (result.reason is Reason.TERMINATED and _disrupted(status)):
        return result.reason, result.message
    if terminated and terminated.get("reason") == _OOM:
        return Reason.OOM_KILLED, EXPLANATIONS[Reason.OOM_KILLED].happened
    if _disrupted(status):
        return Reason.EVICTED, status.get("message") or EXPLANATIONS[Reason.EVICTED].happened
    if terminated and terminated.get("exitCode") == 0:
        return Reason.SUCCEEDED, ""
    if terminated and terminated.get("exitCode") == EXPLANATIONS[Reason.TERMINATED].exit_code:
        return Reason.TERMINATED, "the pod was told to end, and left no report"
    return _unreported(status, terminated)


def _unreported(status: Object, terminated: Object | None) -> tuple[Reason, str]:
    """What is said of a pod that ended with a failure of its own and without a report."""
    if not terminated and status.get("reason"):
        return Reason.POD_FAILING, f"{status['reason']}: {status.get('message') or 'its node refused the pod'}"
    code = f"exit code {terminated['exitCode']}" if terminated else "no exit code"
    tail = (terminated or {}).get("message", "").strip().splitlines()
    words = f"the wrapper ended without a report ({code})"
    return Reason.WRAPPER_ERROR, f"{words}; the last line of its log: {tail[-1]}" if tail else words


def _disrupted(status: Object) -> bool:
    conditions = status.get("conditions") or ()
    return status.get("reason") == "Evicted" or any(
        c.get("type") == "DisruptionTarget" and c.get("status") == "True" for c in conditions
    )
