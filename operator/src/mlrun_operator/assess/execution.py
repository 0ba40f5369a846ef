"""One execution as a whole: where its Job and its pods say that it is, from its start to its end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.objects import Object, has_pod_ended, is_deleting, status_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason, known_reason
from mlrun_operator.api.v1alpha1.status import Phase, RunStatus, SweepStatus
from mlrun_operator.api.v1alpha1.sweep import sweep_words, with_progress
from mlrun_operator.api.words import clauses
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.diagnose import diagnose
from mlrun_operator.assess.jobs import DEADLINE, JobEnd, end_of, failing_since, is_failing, points_of
from mlrun_operator.assess.pods import POD_POLL_INTERVAL, PodView, is_presumed_lost, read_pod, still_ending
from mlrun_operator.assess.replicas import Replica, lack_pods, replicas
from mlrun_operator.assess.sweep_status import sweep_of

# After its Job's end a pod's last event may come later, never before; this long it is waited for.
POD_GRACE: Final = timedelta(seconds=10)
NOTHING_RECORDED: Final = RunStatus()
# A pod's phase follows the end of its last container in a moment; another container that runs on is told after this.
_PHASE_LAG: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Assessment:
    """Where an execution is, by its Job and pods.

    `wait` is how long until it must be looked at again though nothing happens; `last` is the pod that decides the
    result, of several `replicas` the first one that failed, or the first one. `result_missing` is set where the Job
    ended and no pod's report was found. With `sweep` the `replicas` are its points.
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
    def outcome(self) -> Outcome:
        """Return phase, reason and message."""
        return Outcome(self.phase, self.reason, self.message)

    @property
    def result(self) -> Result | None:
        """Return the wrapper's report of the pod that decided."""
        return self.last.result if self.last else None

    @property
    def run_result(self) -> Result | None:
        """Return the report of what the run produced: of replicas the first one's, of a sweep its collector's."""
        deciding = self.replicas[0].last if self.replicas and self.sweep is None else self.last
        return deciding.result if deciding else None


def assess(  # noqa: PLR0913 - what bears on an execution
    job: Object,
    pods: Sequence[Object],
    now: datetime,
    *,
    fresh: bool,
    suspended: Outcome,
    events: Sequence[Object] = (),
    recorded: RunStatus = NOTHING_RECORDED,
    read: Callable[[Object], PodView] = read_pod,
) -> Assessment:
    """Return where the execution is.

    `fresh` says that the pods were listed directly just now; `suspended` is the outcome while the Job is suspended;
    `recorded` tells of pods that are gone. `read` reads a pod.
    """
    ordered = sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pod["metadata"]["name"]))
    views = tuple(read(pod) for pod in ordered)
    scene = _Scene(job, ordered, views, now, fresh, suspended, events, recorded)
    end = end_of(job)
    if job_replicas := replicas(job, views, recorded):
        if points_of(job) is not None:
            return _points(scene, job_replicas, end)
        return _replicas_run(scene, job_replicas) if end is None else _replicas_ended(scene, job_replicas, end)
    return _unfinished(scene) if end is None else _ended(scene, end)


@dataclass(frozen=True, slots=True)
class _Scene:
    """A Job, its pods as they are and as they were read, and what else bears on them."""

    job: Object
    pods: Sequence[Object]
    views: tuple[PodView, ...]
    now: datetime
    fresh: bool
    suspended: Outcome
    events: Sequence[Object]
    recorded: RunStatus

    @property
    def is_suspended(self) -> bool:
        """Return whether the Job is suspended."""
        return bool(self.job["spec"].get("suspend"))

    @property
    def cause(self) -> Outcome | None:
        """Return what the pods were last told to wait for; None where one has started, or no cause was known."""
        recorded = self.recorded
        has_run = any(attempt.exit_code is not None for attempt in recorded.attempts or ())
        if has_run or any(pod.has_run for pod in self.views) or recorded.phase is not Phase.PENDING:
            return None
        reason = known_reason(recorded.reason)
        return Outcome(Phase.PENDING, reason, recorded.message) if reason and recorded.message else None

    def describe(self, pod: PodView) -> str:
        """Return which replica or point a pod is, as users count: points from 1, as mlrun does."""
        return f"replica {pod.index}" if points_of(self.job) is None else f"point {(pod.index or 0) + 1}"

    def waits_for_pods(self, end: JobEnd) -> timedelta | None:
        """Return how long the pods of the ended Job are still waited for; at its end they are listed directly."""
        if still_ending(self.pods, self.now):
            return POD_POLL_INTERVAL
        waited = self.now - end.at if end.at else POD_GRACE
        if waited >= POD_GRACE and self.fresh:
            return None
        return min(max(POD_GRACE - waited, timedelta(0)), POD_GRACE)


def success_of(job: Object, views: Sequence[PodView]) -> PodView | None:
    """Return the pod whose success counts: one that ended before a deadline, whatever became of the Job."""
    since = failing_since(job)
    return next((pod for pod in reversed(views) if pod.succeeded and not _too_late(pod, since)), None)


def _too_late(pod: PodView, deadline: datetime | None) -> bool:
    return deadline is not None and pod.wrapper_ended_at is not None and pod.wrapper_ended_at > deadline


def _ended(scene: _Scene, end: JobEnd) -> Assessment:
    success = success_of(scene.job, [pod for pod in scene.views if pod.ended])
    if success is not None:
        return _finished(scene, success, end)
    ended = [pod for pod in scene.views if pod.ended]
    if ended and not end.succeeded and _all_ended(scene):
        return _finished(scene, ended[-1], end)
    if (wait := scene.waits_for_pods(end)) is not None:
        shown = scene.cause or Outcome(Phase.RUNNING, Reason.RUNNING, "")
        return Assessment(shown.phase, shown.reason, shown.message, scene.views, end=end, wait=wait)
    return _finished(scene, ended[-1], end) if ended and not end.succeeded else _without_report(scene, end)


def _all_ended(scene: _Scene) -> bool:
    """Return whether the pods of a failed Job have all been seen to end: its last one's report counts."""
    failed = [pod for pod in scene.views if pod.ended and not pod.phase_succeeded]
    return all(pod.ended for pod in scene.views) and len(failed) >= status_of(scene.job).get("failed", 0)


def _unfinished(scene: _Scene) -> Assessment:
    job, views = scene.job, scene.views
    if views and not _before_resumption(job, scene.pods[-1]) and _ends_with(job, views):
        views = (*views[:-1], views[-1].still_running())
    if scene.is_suspended:
        return _suspended(scene, views)
    if is_failing(job) and (cause_so_far := scene.cause):
        return Assessment(Phase.PENDING, cause_so_far.reason, cause_so_far.message, views)
    current = [(pod, view) for pod, view in zip(scene.pods, views, strict=True) if not _before_resumption(job, pod)]
    pod, view = current[-1] if current else (None, None)
    cause = None if view is not None and view.started else diagnose(pod, scene.events, scene.now)
    if any(view.started for _, view in current):
        message = _of_attempt(scene, cause[1]) if cause else _not_ending(scene)
        return Assessment(Phase.RUNNING, cause[0] if cause else Reason.RUNNING, message, views)
    if cause:
        return Assessment(Phase.PENDING, cause[0], _of_attempt(scene, cause[1]), views)
    return Assessment(Phase.PENDING, Reason.CREATED, _not_ending(scene), views)


def _of_attempt(scene: _Scene, message: str) -> str:
    """Return the message with the number of the attempt that it is about, unless that is the first."""
    uids = {view.attempt.uid for view in scene.views}
    number = len(uids) + sum(attempt.uid not in uids for attempt in scene.recorded.attempts or ())
    return f"attempt {number}: {message}" if number > 1 else message


def _suspended(scene: _Scene, views: tuple[PodView, ...], job_replicas: tuple[Replica, ...] = ()) -> Assessment:
    outcome = scene.suspended
    return Assessment(outcome.phase, outcome.reason, outcome.message, views, replicas=job_replicas)


def _not_ending(scene: _Scene) -> str:
    """Return what keeps a pod from ending: another container that runs on, or a node that does not answer."""
    for pod, view in zip(scene.pods, scene.views, strict=True):
        others = (*view.lingering, *view.sidecars_running)
        ended_at = view.wrapper_ended_at
        if others and not view.ended and ended_at is not None and scene.now - ended_at >= _PHASE_LAG:
            return f"the wrapper has ended; container {', '.join(others)} still runs"
        if not has_pod_ended(pod) and is_presumed_lost(pod, scene.now):
            since = pod["metadata"]["deletionTimestamp"]
            name, node = view.attempt.pod, view.attempt.node
            return (
                f"pod {name} on node {node} should have ended at {since}; its node may be lost. "
                f"Once you know that it does not run: `kubectl delete pod {name} --force`"
            )
    return ""


def _before_resumption(job: Object, pod: Object) -> bool:
    """Return whether a suspension has ended the pod or is ending it: it says nothing of where the execution is."""
    if not has_pod_ended(pod) and not is_deleting(pod):
        return False
    conditions = status_of(job).get("conditions") or ()
    suspended: Object = next((c for c in conditions if c.get("type") == "Suspended"), {})
    created, since = pod["metadata"].get("creationTimestamp") or "", suspended.get("lastTransitionTime") or ""
    return bool(suspended) and (suspended.get("status") == "True" or created <= since)


def _ends_with(job: Object, views: tuple[PodView, ...]) -> bool:
    """Return whether the Job ends in a moment with its last pod's end: telling both at once is one write less.

    A failed pod that the Job has counted without failing itself is going to be retried, and so is a disrupted one,
    which the Job does not count.
    """
    last = views[-1]
    if not last.ended or last.disrupted:
        return False
    if last.phase_succeeded:
        return True
    failures = [pod for pod in views if pod.ended and not pod.phase_succeeded and not pod.disrupted]
    counted = status_of(job).get("failed", 0) >= len(failures)
    return not counted or is_failing(job)


def _finished(scene: _Scene, last: PodView, end: JobEnd) -> Assessment:
    outcome = outcome_of(last) if last.succeeded else _failure(last)
    if end.reason == DEADLINE and success_of(scene.job, [last]) is None:
        outcome = Outcome(Phase.FAILED, Reason.DEADLINE_EXCEEDED, end.message)
    missing = last.succeeded and last.result is None
    return Assessment(outcome.phase, outcome.reason, outcome.message, scene.views, last, end, result_missing=missing)


def outcome_of(success: PodView) -> Outcome:
    """Return the outcome of an execution that this pod's success decides."""
    result = success.result
    skipped = result is not None and result.reason is Reason.SKIPPED
    reason = Reason.SKIPPED if skipped else Reason.SUCCEEDED
    return Outcome(Phase.SUCCEEDED, reason, left_by(result) if result else "")


def _failure(pod: PodView) -> Outcome:
    reason = Reason(pod.attempt.reason) if pod.attempt.reason else Reason.WRAPPER_ERROR
    message = pod.attempt.message or (left_by(pod.result) if pod.result else "")
    return Outcome(Phase.FAILED, reason, message)


def left_by(result: Result) -> str:
    """Return how much a report tells of, in words."""
    if result.sweep:
        return sweep_words(result.sweep)
    return f"outputs: {len(result.outputs)}, results: {len(result.results)}"


def _without_report(scene: _Scene, end: JobEnd) -> Assessment:
    phase = Phase.SUCCEEDED if end.succeeded else Phase.FAILED
    reason = Reason.SUCCEEDED if end.succeeded else Reason.WRAPPER_ERROR
    if end.reason == DEADLINE and not end.succeeded:
        reason = Reason.DEADLINE_EXCEEDED
    if reason is Reason.DEADLINE_EXCEEDED and (cause := scene.cause) is not None:
        return Assessment(phase, reason, without_start(end.message, cause), scene.views, None, end)
    words = end.message or EXPLANATIONS[reason].happened
    message = f"no pod of the Job could be found; Kubernetes says: {words}"
    return Assessment(phase, reason, message, scene.views, None, end, result_missing=True)


def without_start(end_message: str, cause: Outcome) -> str:
    """Return the message of an end before which no pod had started, with what the pods had waited for."""
    return clauses(end_message, "no pod has started", f"{cause.reason}: {cause.message}")


def _points(scene: _Scene, points: tuple[Replica, ...], end: JobEnd | None) -> Assessment:
    """Return where the points of a sweep are; what became of them all is the collector's to say."""
    if end is None:
        sweep = sweep_of(points)
        if scene.is_suspended and scene.recorded.sweep:  # Kubernetes forgets successes of pods that it ends
            succeeded = max(sweep.succeeded, scene.recorded.sweep.succeeded)
            sweep = with_progress(sweep.model_copy(update={"succeeded": succeeded}))
        return replace(_replicas_run(scene, points), sweep=sweep)
    collecting = Outcome(Phase.RUNNING, Reason.COLLECTING, EXPLANATIONS[Reason.COLLECTING].happened)
    return Assessment(
        collecting.phase,
        collecting.reason,
        collecting.message,
        scene.views,
        end=end,
        replicas=points,
        sweep=sweep_of(points),
    )


def lacking_pods(assessment: Assessment) -> bool:
    """Return whether a replica has no pod; of a sweep's points only some run at a time."""
    return assessment.sweep is None and lack_pods(assessment.replicas)


def _replicas_run(scene: _Scene, job_replicas: tuple[Replica, ...]) -> Assessment:
    if scene.is_suspended:
        return _suspended(scene, scene.views, job_replicas)
    waiting = [(pod, view) for pod, view in zip(scene.pods, scene.views, strict=True) if not view.started]
    refused = not scene.views or (points_of(scene.job) is None and lack_pods(job_replicas))
    pod = waiting[0][0] if waiting else None
    cause = diagnose(pod, scene.events, scene.now) if waiting or refused else None
    running = any(pod.started for pod in scene.views)
    phase, healthy = (Phase.RUNNING, Reason.RUNNING) if running else (Phase.PENDING, Reason.CREATED)
    if cause is None:
        return Assessment(phase, healthy, _not_ending(scene), scene.views, replicas=job_replicas)
    message = f"{scene.describe(waiting[0][1])}: {cause[1]}" if waiting else cause[1]
    return Assessment(phase, cause[0], message, scene.views, replicas=job_replicas)


def _replicas_ended(scene: _Scene, job_replicas: tuple[Replica, ...], end: JobEnd) -> Assessment:
    """Return the end of all: the run has succeeded where each has, and fails by the first one that did not."""
    if not all(replica.told for replica in job_replicas) and (wait := scene.waits_for_pods(end)) is not None:
        return Assessment(Phase.RUNNING, Reason.RUNNING, "", scene.views, end=end, wait=wait, replicas=job_replicas)
    failed = [replica for replica in job_replicas if replica.phase is not Phase.SUCCEEDED]
    silent = any(replica.last is None or replica.last.result is None for replica in job_replicas)
    if end.succeeded or not failed:
        message = f"all {len(job_replicas)} replicas succeeded"
        first = job_replicas[0].last
        return Assessment(
            Phase.SUCCEEDED,
            Reason.SUCCEEDED,
            message,
            scene.views,
            first,
            end,
            result_missing=silent,
            replicas=job_replicas,
        )
    last = next((replica.last for replica in failed if replica.last), None)
    reason, message = _why_failed(failed, len(job_replicas), end)
    return Assessment(
        Phase.FAILED, reason, message, scene.views, last, end, result_missing=last is None, replicas=job_replicas
    )


def _why_failed(failed: Sequence[Replica], count: int, end: JobEnd) -> tuple[Reason, str]:
    if end.reason == DEADLINE:
        return Reason.DEADLINE_EXCEEDED, end.message
    first = next((replica for replica in failed if replica.last), None)
    if first is None or first.last is None:
        return Reason.WRAPPER_ERROR, f"no pod of the Job could be found; Kubernetes says: {end.message}"
    attempt = first.last.attempt
    reason = Reason(attempt.reason) if attempt.reason else Reason.WRAPPER_ERROR
    return reason, f"{len(failed)} of {count} replicas failed; replica {first.index}: {attempt.message or reason}"
