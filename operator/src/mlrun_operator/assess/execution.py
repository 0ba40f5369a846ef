"""One execution as a whole: its Job and its pods, from the first to the last word."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import Phase, SweepStatus
from mlrun_operator.api.v1alpha1.sweep import sweep_words
from mlrun_operator.assess.diagnose import diagnose
from mlrun_operator.assess.jobs import JobEnd, end_of, is_failing, points_of
from mlrun_operator.assess.pods import A_LOOK, PodView, still_ending, view
from mlrun_operator.assess.replicas import Replica, lack_pods, replicas
from mlrun_operator.assess.sweep_status import sweep_of

Object = dict[str, Any]

# After its Job's end a pod's last event may come later, never before; this long it is waited for.
POD_GRACE: Final = timedelta(seconds=10)
DEADLINE: Final = "DeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is to be said of an execution now.

    `wait` is how long until it must be looked at again though nothing happens; `last` is the pod that tells the result,
    of several `replicas` the first one that failed, or the first one. `result_missing` is set where the Job ended and
    no pod's report was found. With `sweep`, which tells how far that is, the `replicas` are its points.
    """

    phase: Phase
    reason: Reason
    message: str
    pods: tuple[PodView, ...]
    last: PodView | None = None
    end: JobEnd | None = None
    wait: timedelta | None = None
    result_missing: bool = False
    replicas: tuple[Replica, ...] = ()
    sweep: SweepStatus | None = None

    @property
    def result(self) -> Result | None:
        """The wrapper's report of the pod that decided."""
        return self.last.result if self.last else None

    @property
    def made(self) -> Result | None:
        """The report of what the run made: of several replicas the first one's, of a sweep its collector's."""
        first = self.replicas[0].last if self.replicas and self.sweep is None else self.last
        return first.result if first else None


def assess(  # noqa: PLR0913 - what bears on an execution
    job: Object,
    pods: Sequence[Object],
    now: datetime,
    *,
    confirmed: bool,
    queued: bool = False,
    events: Sequence[Object] = (),
) -> Assessment:
    """The execution's state.

    `confirmed` says that the pods were listed directly just now, `queued` that the Job's `suspend` is a queue's.
    """
    ordered = sorted(pods, key=lambda p: (p["metadata"].get("creationTimestamp", ""), p["metadata"]["name"]))
    views = tuple(view(pod) for pod in ordered)
    end = end_of(job)
    if found := replicas(job, views):
        told = _Seen(job, ordered, views, found)
        if points_of(job) is not None:
            return _points(told, end, queued, events)
        return _replicas_run(told, queued, events) if end is None else _replicas_ended(told, end, now, confirmed)
    if end is None:
        return _unfinished(job, ordered, views, queued=queued, events=events)
    decided = [pod for pod in views if pod.ended and pod.succeeded == end.succeeded]
    if decided and (end.succeeded or _all_told(job, views)):
        return _finished(views, decided[-1], end)
    if (rest := _rest(ordered, end, now, confirmed)) is not None:
        return Assessment(Phase.RUNNING, Reason.RUNNING, "", views, end=end, wait=rest)
    return _finished(views, decided[-1], end) if decided else _without_report(views, end)


def _rest(pods: Sequence[Object], end: JobEnd, now: datetime, confirmed: bool) -> timedelta | None:  # noqa: FBT001
    """How long the pods of an ended Job are still waited for; at its end they are asked for directly."""
    if still_ending(pods, now):
        return A_LOOK
    waited = now - end.at if end.at else POD_GRACE
    if waited >= POD_GRACE and confirmed:
        return None
    return min(max(POD_GRACE - waited, timedelta(0)), POD_GRACE)


def _all_told(job: Object, views: tuple[PodView, ...]) -> bool:
    """Whether the pods of a failed Job have all been seen to end: its last one's report is the one that counts."""
    failed = [pod for pod in views if pod.ended and not pod.succeeded]
    return all(pod.ended for pod in views) and len(failed) >= (job.get("status") or {}).get("failed", 0)


def _unfinished(
    job: Object, pods: Sequence[Object], views: tuple[PodView, ...], *, queued: bool, events: Sequence[Object]
) -> Assessment:
    if views and not _before_resumption(job, pods[-1]) and _ends_with(job, views):
        views = (*views[:-1], views[-1].still_running())
    if job["spec"].get("suspend"):
        phase, reason = (Phase.PENDING, Reason.QUEUED) if queued else (Phase.SUSPENDED, Reason.SUSPENDED)
        return Assessment(phase, reason, EXPLANATIONS[reason].happened, views)
    now = [(pod, seen) for pod, seen in zip(pods, views, strict=True) if not _before_resumption(job, pod)]
    cause = None if now and now[-1][1].started else diagnose(now[-1][0] if now else None, events)
    if any(seen.started for _, seen in now):
        message = f"attempt {len(views)}: {cause[1]}" if cause else ""
        return Assessment(Phase.RUNNING, cause[0] if cause else Reason.RUNNING, message, views)
    if cause:
        return Assessment(Phase.PENDING, cause[0], cause[1], views)
    return Assessment(Phase.PENDING, Reason.CREATED, "", views)


def _before_resumption(job: Object, pod: Object) -> bool:
    """Whether the pod is what a suspension has ended or is ending: where the execution is, it tells no more."""
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    if not ended and not pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (job.get("status") or {}).get("conditions") or ()
    suspended: Object = next((c for c in conditions if c.get("type") == "Suspended"), {})
    created, since = pod["metadata"].get("creationTimestamp", ""), suspended.get("lastTransitionTime", "")
    return bool(suspended) and (suspended.get("status") == "True" or created <= since)


def _ends_with(job: Object, views: tuple[PodView, ...]) -> bool:
    """Whether the Job will end in a moment with its last pod's end: telling both at once is one write less.

    A failed pod that the Job has counted without failing itself is going to be retried, and so is an evicted one, which
    the Job does not count.
    """
    if not views[-1].ended or views[-1].succeeded:
        return views[-1].ended
    failures = [pod for pod in views if pod.ended and not pod.succeeded and pod.attempt.reason != Reason.EVICTED]
    counted = (job.get("status") or {}).get("failed", 0) >= len(failures)
    return not counted or is_failing(job)


def _finished(views: tuple[PodView, ...], last: PodView, end: JobEnd) -> Assessment:
    phase = Phase.SUCCEEDED if end.succeeded else Phase.FAILED
    reason = Reason(last.attempt.reason) if last.attempt.reason else Reason.WRAPPER_ERROR
    message = last.attempt.message or (_counts(last.result) if last.result else "")
    if end.reason == DEADLINE:
        reason, message = Reason.DEADLINE_EXCEEDED, end.message or EXPLANATIONS[Reason.DEADLINE_EXCEEDED].happened
    silent = end.succeeded and last.result is None
    return Assessment(phase, reason, message, views, last, end, result_missing=silent)


def _counts(result: Result) -> str:
    return (
        sweep_words(result.sweep) if result.sweep else f"outputs: {len(result.outputs)}, results: {len(result.results)}"
    )


def _without_report(views: tuple[PodView, ...], end: JobEnd) -> Assessment:
    phase = Phase.SUCCEEDED if end.succeeded else Phase.FAILED
    reason = Reason.SUCCEEDED if end.succeeded else Reason.WRAPPER_ERROR
    if end.reason == DEADLINE:
        reason = Reason.DEADLINE_EXCEEDED
    words = end.message or EXPLANATIONS[reason].happened
    message = f"no pod of the Job could be found; Kubernetes says: {words}"
    return Assessment(phase, reason, message, views, None, end, result_missing=True)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of an execution with replicas, or of the points of a sweep."""

    job: Object
    pods: Sequence[Object]
    views: tuple[PodView, ...]
    replicas: tuple[Replica, ...]

    def name(self, pod: PodView) -> str:
        """Which one a pod is, as users count: points from 1, as mlrun does."""
        return f"replica {pod.index}" if points_of(self.job) is None else f"point {(pod.index or 0) + 1}"


def _points(seen: _Seen, end: JobEnd | None, queued: bool, events: Sequence[Object]) -> Assessment:  # noqa: FBT001
    """The points of a sweep; what became of them all is the collector's to say."""
    if end is None:
        return replace(_replicas_run(seen, queued, events), sweep=sweep_of(seen.replicas))
    words = EXPLANATIONS[Reason.COLLECTING].happened
    return Assessment(
        Phase.RUNNING,
        Reason.COLLECTING,
        words,
        seen.views,
        end=end,
        replicas=seen.replicas,
        sweep=sweep_of(seen.replicas),
    )


def lacking_pods(now: Assessment) -> bool:
    """Whether a replica has no pod: all of them are made at once. Of a sweep's points only some run at a time."""
    return now.sweep is None and lack_pods(now.replicas)


def _replicas_run(seen: _Seen, queued: bool, events: Sequence[Object]) -> Assessment:  # noqa: FBT001 - a fact
    if seen.job["spec"].get("suspend"):
        phase, reason = (Phase.PENDING, Reason.QUEUED) if queued else (Phase.SUSPENDED, Reason.SUSPENDED)
        return Assessment(phase, reason, EXPLANATIONS[reason].happened, seen.views, replicas=seen.replicas)
    waiting = [(pod, told) for pod, told in zip(seen.pods, seen.views, strict=True) if not told.started]
    refused = not seen.views or (points_of(seen.job) is None and lack_pods(seen.replicas))
    cause = diagnose(waiting[0][0], events) if waiting else diagnose(None, events) if refused else None
    message = f"{seen.name(waiting[0][1])}: {cause[1]}" if cause and waiting else cause[1] if cause else ""
    running = any(pod.started for pod in seen.views)
    phase, healthy = (Phase.RUNNING, Reason.RUNNING) if running else (Phase.PENDING, Reason.CREATED)
    return Assessment(phase, cause[0] if cause else healthy, message, seen.views, replicas=seen.replicas)


def _replicas_ended(seen: _Seen, end: JobEnd, now: datetime, confirmed: bool) -> Assessment:  # noqa: FBT001 - a fact
    """The end of all: the run has succeeded where each has, and fails by the first one that did not."""
    if not all(each.told for each in seen.replicas) and (rest := _rest(seen.pods, end, now, confirmed)) is not None:
        return Assessment(Phase.RUNNING, Reason.RUNNING, "", seen.views, end=end, wait=rest, replicas=seen.replicas)
    failed = [each for each in seen.replicas if each.phase is Phase.FAILED]
    silent = any(each.last is None or each.last.result is None for each in seen.replicas)
    if end.succeeded:
        words = f"all {len(seen.replicas)} replicas succeeded"
        first = seen.replicas[0].last
        return Assessment(
            Phase.SUCCEEDED,
            Reason.SUCCEEDED,
            words,
            seen.views,
            first,
            end,
            result_missing=silent,
            replicas=seen.replicas,
        )
    last = next((each.last for each in failed if each.last), None)
    reason, words = _why_failed(failed, len(seen.replicas), end)
    return Assessment(
        Phase.FAILED, reason, words, seen.views, last, end, result_missing=last is None, replicas=seen.replicas
    )


def _why_failed(failed: Sequence[Replica], count: int, end: JobEnd) -> tuple[Reason, str]:
    if end.reason == DEADLINE:
        return Reason.DEADLINE_EXCEEDED, end.message or EXPLANATIONS[Reason.DEADLINE_EXCEEDED].happened
    first = next((each for each in failed if each.last), None)
    if first is None or first.last is None:
        return Reason.WRAPPER_ERROR, f"no pod of the Job could be found; Kubernetes says: {end.message}"
    attempt = first.last.attempt
    reason = Reason(attempt.reason) if attempt.reason else Reason.WRAPPER_ERROR
    return reason, f"{len(failed)} of {count} replicas failed; replica {first.index}: {attempt.message or reason}"
