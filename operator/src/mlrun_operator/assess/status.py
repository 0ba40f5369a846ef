"""The status of a run, whole, from what is known of its current execution."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import (
    MAX_ATTEMPTS,
    MAX_EXECUTIONS,
    MAX_MESSAGE,
    Attempt,
    Condition,
    Execution,
    Image,
    PastExecution,
    Phase,
    RunStatus,
)
from mlrun_operator.api.v1alpha1.sweep import with_progress
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess import replicas
from mlrun_operator.assess.conditions import Verdict
from mlrun_operator.assess.execution import Assessment
from mlrun_operator.assess.jobs import asked_image, function_of, used_image
from mlrun_operator.assess.pods import PodView
from mlrun_operator.assess.sweep_status import as_counts
from mlrun_operator.assess.times import format_duration, format_time, parse_time

Object = dict[str, Any]
_LOST_REPORT: Final = "the pod's report is lost; what it stored is in the store's run folder"


@dataclass(frozen=True, slots=True)
class Frame:
    """What every status of a run is written against: its generation, the status before, and the time."""

    generation: int
    before: RunStatus
    now: datetime

    def history(self, execution: Execution) -> list[PastExecution] | None:
        """The older executions, newest first, once `execution` is the current one."""
        past, last = list(self.before.executions or ()), self.before.execution
        if last and last.number < execution.number:
            past.insert(0, _past(last, self.before))
        return past[:MAX_EXECUTIONS] or None

    def conditions(self, said: Verdict, warnings: Sequence[tuple[str, str]] = ()) -> list[Condition]:
        """The conditions of this moment."""
        return cond.conditions(
            said, warnings, generation=self.generation, before=self.before.conditions or (), now=format_time(self.now)
        )


def recorded(run: Object) -> RunStatus:
    """The status as it was written, without the fields that only another version of the operator knows.

    Of one that cannot be read even so only what tells which execution it was, or what a schedule has done.
    """
    written = run.get("status") or {}
    kept = {name: written[name] for name in ("phase", "execution", "jobName", "schedule") if name in written}
    for told in (written, kept):
        try:
            return _known(told)
        except ValidationError:
            continue
    return RunStatus()


def _known(written: Object) -> RunStatus:
    """Raises ValidationError where more is wrong with it than fields that are not known, or those are the execution's.

    They might say that it is not to start.
    """
    try:
        return RunStatus.model_validate(written)
    except ValidationError as error:
        unknown = [each["loc"] for each in error.errors() if each["type"] == "extra_forbidden"]
        if any(path[0] == "execution" for path in unknown):
            raise
    known = copy.deepcopy(written)
    for *path, name in unknown:
        part: Any = known
        for step in path:
            part = part[step]
        del part[name]
    return RunStatus.model_validate(known)


def without_job(frame: Frame, execution: Execution, said: Verdict) -> RunStatus:
    """The status of an execution that has no Job: it waits for something, or it cannot start at all."""
    same = frame.before.execution and frame.before.execution.number == execution.number
    completed = queued = None
    if said.phase.finished:
        completed = (frame.before.completion_time if same else None) or format_time(frame.now)
    if said.reason is Reason.QUEUED:
        queued = (frame.before.queued_time if same else None) or format_time(frame.now)
    return RunStatus(
        observed_generation=frame.generation,
        phase=said.phase,
        reason=said.reason,
        message=said.message[: MAX_MESSAGE * 4],
        conditions=frame.conditions(said),
        execution=execution,
        executions=frame.history(execution),
        queued_time=queued,
        completion_time=completed,
    )


def with_job(frame: Frame, execution: Execution, job: Object, now: Assessment) -> RunStatus:
    """The status of an execution as its Job and pods show it."""
    now = _steady(frame, execution, now)
    image = used_image(job)
    start, completion = _start(job, now), _completion(now)
    return RunStatus(
        observed_generation=frame.generation,
        phase=now.phase,
        reason=now.reason,
        message=_told(now.message, now.result),
        conditions=frame.conditions(Verdict(now.phase, now.reason, now.message), _warnings(now)),
        execution=execution,
        executions=frame.history(execution),
        job_name=job["metadata"]["name"],
        start_time=start,
        completion_time=completion,
        duration=_duration(start, completion),
        function=function_of(job),
        image=Image(asked=asked_image(job), used=image) if image else None,
        **{**_pods_of(frame, execution, now), **reported(now.made)},
    )


def _pods_of(frame: Frame, execution: Execution, now: Assessment) -> dict[str, Any]:
    """Attempts and replicas. Of many replicas not each pod is news while they run; what is evicted always is."""
    before = frame.before if frame.before.execution == execution else RunStatus()
    told = {**attempts_of(frame, execution, now.pods)}
    told |= {"sweep": now.sweep} if now.sweep else replicas.fields(now.replicas, before)
    if now.replicas:  # their pods stay until the Job goes, and start in any order
        told["attempt_count"] = max(before.attempt_count or 0, sum(pod.started for pod in now.pods)) or None
    counts = as_counts(before.sweep) if now.sweep else before.replica_counts
    under_way = now.replicas and not now.phase.finished and now.end is None
    if (
        under_way
        and counts
        and before.disruptions == told["disruptions"]
        and not replicas.worth_telling(now.replicas, counts)
    ):
        return {name: getattr(before, name) for name in told}
    return told


def after_job(frame: Frame, execution: Execution, said: Verdict, pods: Sequence[PodView]) -> RunStatus:
    """The status of an execution whose Job is gone or counts no more: what was known, and what its pods say."""
    same = frame.before.execution is not None and frame.before.execution.number == execution.number
    before = frame.before if same else RunStatus()
    completion = None
    if said.phase.finished:
        ended = [pod.attempt.completion_time for pod in pods if pod.attempt.completion_time]
        completion = before.completion_time or (ended[-1] if ended else format_time(frame.now))
    result = next((pod.result for pod in reversed(pods) if pod.result), None)
    lost = said.phase is Phase.STOPPED and before.phase is Phase.RUNNING and result is None
    warnings = [(cond.RESULT_MISSING, _LOST_REPORT)] if lost else []
    found = replicas.stopped(before, pods) if said.phase.finished else ()
    made = found[0].last.result if found and found[0].last else None if found else result
    if before.sweep and made and not made.sweep:
        made = None  # a point's own
    told = {name: value for name, value in reported(made).items() if value is not None}
    return before.model_copy(
        update={
            "observed_generation": frame.generation,
            "phase": said.phase,
            "reason": said.reason,
            "message": _told(said.message, result),
            "conditions": frame.conditions(said, warnings),
            "execution": execution,
            "executions": frame.history(execution),
            "completion_time": completion,
            "duration": _duration(before.start_time, completion),
            **attempts_of(frame, execution, pods),
            **replicas.fields(found, before),
            **told,
        }
    )


def _told(message: str, result: Result | None) -> str | None:
    """The words for people: below the message stands the user's own traceback, where the report has one."""
    told = f"{message}\n\n{result.traceback}" if result and result.traceback else message
    return told[: MAX_MESSAGE * 4] or None


def reported(result: Result | None) -> dict[str, Any]:
    """What the wrapper's report adds to a status."""
    if result is None:
        return {}
    return {
        "source": result.source,
        "inputs": result.inputs or None,
        "outputs": result.outputs or None,
        "results": result.results or None,
        **({"sweep": with_progress(result.sweep)} if result.sweep else {}),
    }


def reduced(status: RunStatus, why: str) -> RunStatus:
    """The status without its details, for when the API server does not take them; a condition says so."""
    kept = [c for c in status.conditions or () if c.type != cond.RESULT_TRUNCATED]
    since = next((c.last_transition_time for c in kept), status.completion_time or "")
    words = f"the API server refused the details of this status ({why}); run.json in the store has all of it"
    cut = Condition(
        type=cond.RESULT_TRUNCATED,
        status="True",
        reason=cond.RESULT_TRUNCATED,
        message=words[:MAX_MESSAGE],
        last_transition_time=since,
        observed_generation=status.observed_generation,
    )
    details = {
        "inputs": None,
        "outputs": None,
        "results": None,
        "attempts": None,
        "replica_statuses": None,
        "sweep": None,
    }
    return status.model_copy(update={**details, "conditions": [*kept, cut]})


def attempts_of(frame: Frame, execution: Execution, pods: Sequence[PodView]) -> dict[str, Any]:
    """The newest pods that started, and how many there were in all; gone ones are remembered from the status before."""
    before = frame.before
    same = before.execution is not None and before.execution.number == execution.number
    known = list(before.attempts or ()) if same else []
    # With fewer than are kept none was forgotten: pods side by side are not seen to start in the order of their names.
    oldest = _order(known[0]) if len(known) >= MAX_ATTEMPTS else ("", "")
    seen = {pod.attempt.uid: pod.attempt for pod in pods if pod.started}
    uids = {attempt.uid for attempt in known}
    # A pod older than the oldest one remembered was counted before it was forgotten.
    new = [a for uid, a in seen.items() if uid not in uids and _order(a) > oldest]
    attempts = sorted([*(seen.get(a.uid, a) for a in known), *new], key=_order)
    count = ((before.attempt_count or 0) if same else 0) + len(new)
    disrupted = ((before.disruptions or 0) if same else 0) + len(_evicted(attempts) - _evicted(known))
    # Of many pods side by side more than are remembered may be evicted at once.
    disrupted = max(disrupted, len(_evicted(pod.attempt for pod in pods)))
    return {
        "attempt_count": count or None,
        "disruptions": disrupted or None,
        "attempts": attempts[-MAX_ATTEMPTS:] or None,
    }


def _order(attempt: Attempt) -> tuple[str, str]:
    return attempt.start_time or "", attempt.pod


def _evicted(attempts: Iterable[Attempt]) -> set[str | None]:
    return {attempt.uid for attempt in attempts if attempt.reason == Reason.EVICTED}


def _steady(frame: Frame, execution: Execution, now: Assessment) -> Assessment:
    """An unfinished execution without what only flickers.

    One that ran once is Running until its end, also while a retry's pod is on its way. The words of a reason stay while
    the reason does: the kubelet says the same thing in ever other words.
    """
    before = frame.before
    if now.phase.finished or before.execution != execution:
        return now
    if now.phase is Phase.PENDING and before.phase is Phase.RUNNING:
        reason = Reason.RUNNING if now.reason is Reason.CREATED else now.reason
        now = replace(now, phase=Phase.RUNNING, reason=reason)
    if now.reason == before.reason and now.message and before.message:
        now = replace(now, message=before.message)
    return now


def _start(job: Object, now: Assessment) -> str | None:
    if now.phase is Phase.PENDING:
        return None
    return (job.get("status") or {}).get("startTime") if any(pod.started for pod in now.pods) or now.end else None


def _completion(now: Assessment) -> str | None:
    if not now.phase.finished:
        return None
    if now.replicas:
        return max((p.attempt.completion_time or "" for p in now.pods), default="") or _end_time(now)
    own = now.last.attempt.completion_time if now.last else None
    return own or _end_time(now)


def _end_time(now: Assessment) -> str | None:
    return format_time(now.end.at) if now.end and now.end.at else None


def _duration(start: str | None, completion: str | None) -> str | None:
    begun, ended = parse_time(start), parse_time(completion)
    return format_duration(ended - begun) if begun and ended else None


def _warnings(now: Assessment) -> list[tuple[str, str]]:
    found = []
    if now.result_missing:
        found.append((cond.RESULT_MISSING, _LOST_REPORT))
    if now.result and now.result.truncated:
        where = f" in {now.result.run_path}" if now.result.run_path else ""
        found.append((cond.RESULT_TRUNCATED, f"the report was too long for the status; run.json{where} has all of it"))
    if now.result and now.result.warnings:
        found.append((cond.WARNINGS, "; ".join(now.result.warnings)))
    return found


def _past(execution: Execution, status: RunStatus) -> PastExecution:
    return PastExecution(
        number=execution.number,
        hash=execution.hash,
        phase=status.phase or Phase.FAILED,
        reason=status.reason,
        job_name=status.job_name,
        start_time=status.start_time,
        completion_time=status.completion_time,
    )
