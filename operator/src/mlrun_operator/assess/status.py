"""The status of a run, whole, from what is known of its current execution."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import (
    EXECUTION_SCHEMA,
    MAX_EXECUTIONS,
    MAX_IMAGE,
    MAX_MESSAGE,
    Condition,
    Execution,
    Image,
    PastExecution,
    Phase,
    RunStatus,
)
from mlrun_operator.api.v1alpha1.sweep import with_progress
from mlrun_operator.api.words import clauses
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess import replicas
from mlrun_operator.assess.attempts import attempts_of
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.execution import Assessment
from mlrun_operator.assess.jobs import compact, function_of, indexes, overridden_fields, requested_image, resolved_image
from mlrun_operator.assess.pods import PodView
from mlrun_operator.assess.sweep_status import as_counts
from mlrun_operator.assess.times import format_duration, format_time, parse_time

_REFUSED: Final = "the API server refused the details of this status"
_LOST_REPORT: Final = "the pod's report is lost; what it stored is in the store's run folder"
# Numbers and durations by themselves, as in "0/5 nodes" and "back-off 1m20s"; not those within a name.
_NOISE: Final = re.compile(r"(?<![\w.:-])(?:\d+(?:\.\d+)?(?:h|ms|m|s|µs|Ki|Mi|Gi|%)?)+(?![\w-])(?!\.\w)")


@dataclass(frozen=True, slots=True)
class StatusBase:
    """What every status of a run is written against: the run's generation and uid, its recorded status, the time."""

    generation: int
    recorded: RunStatus
    now: datetime
    run_uid: str | None = None

    def history(self, execution: Execution) -> list[PastExecution] | None:
        """Return the older executions, newest first, once `execution` is the current one."""
        past, last = list(self.recorded.executions or ()), self.recorded.execution
        if last and last.number < execution.number:
            past.insert(0, _past(last, self.recorded))
        return past[:MAX_EXECUTIONS] or None

    def conditions(
        self,
        outcome: Outcome,
        warnings: Sequence[tuple[str, str]] = (),
        execution: Execution | None = None,
    ) -> list[Condition]:
        """Return the conditions of this moment. An execution that is not recorded begins to wait now."""
        recorded, last = self.recorded.conditions or (), self.recorded.execution
        is_new = execution is not None and last is not None and not execution.same_as(last)
        return cond.conditions(
            outcome,
            warnings,
            generation=self.generation,
            previous=[condition for condition in recorded if not (is_new and condition.type == "Reconciling")],
            now=format_time(self.now),
        )

    def of(self, execution: Execution | None) -> RunStatus:
        """Return what is recorded of this execution; nothing where another one is recorded."""
        is_recorded = execution is not None and execution.same_as(self.recorded.execution)
        return self.recorded if is_recorded else RunStatus()


def parse_status(run: Object) -> RunStatus:
    """Return the recorded status without the fields that only another version of the operator knows.

    Of one that cannot be read even so only what tells which execution it was, or what a schedule has done.
    """
    written = status_of(run)
    core: Object = {name: written[name] for name in ("phase", "execution", "jobName", "schedule") if name in written}
    for candidate in (written, core):
        try:
            return _readable(candidate)
        except ValidationError:
            continue
    return RunStatus()


def _readable(written: Object) -> RunStatus:
    """Return the status without unknown fields. Raises ValidationError where more is wrong with it."""
    try:
        return RunStatus.model_validate(written)
    except ValidationError as error:
        unknown = [problem["loc"] for problem in error.errors() if problem["type"] == "extra_forbidden"]
    readable = copy.deepcopy(written)
    for *path, name in unknown:
        part: Any = readable
        for step in path:
            part = part[step]
        del part[name]
    return RunStatus.model_validate(readable)


def is_of_a_newer_operator(run: Object, recorded: RunStatus) -> bool:
    """Return whether a newer operator wrote how far the run is, in a way that an older one must not touch.

    `recorded` is the run's status as far as it can be read.
    """
    written = status_of(run)
    parts = {"phase": recorded.phase, "execution": recorded.execution, "schedule": recorded.schedule}
    if any(name in written and part is None for name, part in parts.items()):
        return True
    schema = recorded.execution.schema_version if recorded.execution else None
    return schema is not None and schema > EXECUTION_SCHEMA


def to_wire(status: RunStatus, run: Object) -> Object:
    """Return the status as it is written: with the fields that only another version of the operator knows."""
    wire: Object = status.wire()
    written = status_of(run)
    wire |= {name: value for name, value in written.items() if name not in _FIELDS}
    same = (wire.get("execution") or {}).get("number") == (written.get("execution") or {}).get("number")
    for name, model in (("execution", Execution), ("schedule", None)):
        if model and same and isinstance(written.get(name), dict) and name in wire:
            fields = {_alias(field, info) for field, info in model.model_fields.items()}
            wire[name] |= {key: value for key, value in written[name].items() if key not in fields}
    return wire


def _alias(name: str, info: Any) -> str:
    return str(info.alias or name)


_FIELDS: Final = frozenset(_alias(name, info) for name, info in RunStatus.model_fields.items())


def waiting_status(
    base: StatusBase,
    execution: Execution,
    outcome: Outcome,
    warnings: Sequence[tuple[str, str]] = (),
) -> RunStatus:
    """Return the status of an execution that has no Job: it waits for something, or cannot start at all."""
    recorded = base.of(execution)
    completed = queued = None
    if outcome.phase.finished:
        completed = recorded.completion_time or format_time(base.now)
    if outcome.reason is Reason.QUEUED:
        queued = recorded.queued_time or format_time(base.now)
    outcome = without_noise(recorded, outcome)
    return RunStatus(
        observed_generation=base.generation,
        phase=outcome.phase,
        reason=outcome.reason,
        message=outcome.message[: MAX_MESSAGE * 4],
        conditions=base.conditions(outcome, warnings, execution),
        execution=execution.model_copy(update={"run_uid": base.run_uid}),
        executions=base.history(execution),
        queued_time=queued,
        completion_time=completed,
    )


def job_status(
    base: StatusBase,
    execution: Execution,
    job: Object,
    assessment: Assessment,
    warnings: Sequence[tuple[str, str]] = (),
) -> RunStatus:
    """Return the status of an execution as its Job and pods show it."""
    recorded = base.of(execution)
    assessment = _steady(recorded, assessment)
    outcome = assessment.outcome
    start, completion = _start(job, assessment, recorded), _completion(assessment)
    queued = outcome.reason is Reason.QUEUED
    return RunStatus(
        observed_generation=base.generation,
        phase=outcome.phase,
        reason=outcome.reason,
        message=_full_message(outcome.message, assessment.result),
        conditions=base.conditions(outcome, [*_warnings(assessment, job), *warnings], execution),
        execution=execution.model_copy(
            update={
                "run_uid": base.run_uid,
                "job_uid": job["metadata"]["uid"],
                "ending": None if outcome.phase.finished else execution.ending,
            }
        ),
        executions=base.history(execution),
        job_name=job["metadata"]["name"],
        queued_time=(recorded.queued_time or format_time(base.now)) if queued else None,
        start_time=start,
        completion_time=completion,
        duration=_duration(start, completion),
        function=function_of(job),
        image=_image(job),
        **{**_pod_fields(recorded, assessment), **_reported(recorded, assessment)},
    )


def _image(job: Object) -> Image | None:
    """Return the images; a webhook's or an edited annotation's may be longer than any that we write."""
    requested, resolved = requested_image(job), resolved_image(job)
    cut = requested[:MAX_IMAGE] if requested else None
    return Image(requested=cut, resolved=resolved[:MAX_IMAGE]) if resolved else None


def _pod_fields(recorded: RunStatus, assessment: Assessment) -> dict[str, Any]:
    """Return attempts and replicas. Of many replicas not each pod is news while they run; a disruption always is."""
    fields: dict[str, Any] = asdict_shallow(attempts_of(recorded, assessment.pods))
    fields |= {"sweep": assessment.sweep} if assessment.sweep else replicas.fields(assessment.replicas, recorded)
    if assessment.replicas:  # their pods stay until the Job goes, and start in any order
        started = sum(pod.started for pod in assessment.pods)
        fields["attempt_count"] = max(recorded.attempt_count or 0, started) or None
    counts = as_counts(assessment.sweep) or replicas.counts(assessment.replicas)
    recorded_counts = as_counts(recorded.sweep) if assessment.sweep else recorded.replica_counts
    under_way = assessment.replicas and not assessment.phase.finished and assessment.end is None
    if (
        under_way
        and recorded_counts
        and recorded.disruptions == fields["disruptions"]
        and not replicas.worth_telling(counts, recorded_counts, len(assessment.replicas))
    ):
        return {name: getattr(recorded, name) for name in fields}
    return fields


def asdict_shallow(value: Any) -> dict[str, Any]:
    """Return a dataclass' fields without copying what is in them."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def ended_status(
    base: StatusBase,
    execution: Execution,
    outcome: Outcome,
    pods: Sequence[PodView],
    warnings: Sequence[tuple[str, str]] = (),
) -> RunStatus:
    """Return the status of an execution that is being ended or has been, whatever became of its Job.

    What was recorded stays, and what its pods report is added. Phase, reason and message are those of `outcome`.
    """
    recorded = base.of(execution)
    completion = _ended_at(base, recorded, pods) if outcome.phase.finished else None
    result = _deciding_result(outcome, pods)
    ending = execution.ending or (recorded.execution.ending if recorded.execution else None)
    succeeded = indexes(ending.completed_indexes) if ending else frozenset()
    ended = replicas.ended_replicas(recorded, pods, succeeded, _replica_end(outcome)) if outcome.phase.finished else ()
    run_result = ended[0].last.result if ended and ended[0].last else None if ended else result
    if recorded.sweep and run_result and not run_result.sweep:
        run_result = None  # a point's own
    reports = {name: value for name, value in reported(run_result).items() if value is not None}
    if outcome.phase.finished:
        ending = None
    elif ending is not None:
        updated = compact(succeeded | replicas.reported_successes(pods)) or None
        ending = ending.model_copy(update={"completed_indexes": updated})
    has_started = bool(recorded.start_time or recorded.attempt_count)
    has_run = (recorded.phase is Phase.RUNNING and has_started) or outcome.reason is Reason.JOB_DELETED
    is_lost = outcome.phase.finished and has_run and result is None and not (recorded.results or recorded.outputs)
    missing = [(cond.RESULT_MISSING, _LOST_REPORT)] if is_lost and not ended else []
    return recorded.model_copy(
        update={
            "observed_generation": base.generation,
            "phase": outcome.phase,
            "reason": outcome.reason,
            "message": _full_message(outcome.message, result),
            "conditions": base.conditions(outcome, [*missing, *_report_warnings(result), *warnings]),
            "execution": execution.model_copy(update={"run_uid": base.run_uid, "ending": ending}),
            "executions": base.history(execution),
            "queued_time": None,
            "completion_time": completion,
            "duration": _duration(recorded.start_time, completion),
            **asdict_shallow(attempts_of(recorded, pods)),
            **replicas.fields(ended, recorded),
            **reports,
        }
    )


def _replica_end(outcome: Outcome) -> Phase:
    """Return what became of replicas that have not succeeded."""
    return Phase.STOPPED if outcome.phase is Phase.STOPPED else Phase.FAILED


def _ended_at(base: StatusBase, recorded: RunStatus, pods: Sequence[PodView]) -> str:
    ended = [pod.attempt.completion_time for pod in pods if pod.attempt.completion_time]
    return recorded.completion_time or (ended[-1] if ended else format_time(base.now))


def _deciding_result(outcome: Outcome, pods: Sequence[PodView]) -> Result | None:
    """Return the newest report; of an execution that succeeded that of a success."""
    results = [pod.result for pod in pods if pod.result and (outcome.phase is not Phase.SUCCEEDED or pod.succeeded)]
    return results[-1] if results else None


def _full_message(message: str, result: Result | None) -> str | None:
    """Return the words for people: below the message stands the user's own traceback, where the report has one."""
    text = f"{message}\n\n{result.traceback}" if result and result.traceback else message
    return text[: MAX_MESSAGE * 4] or None


def _reported(recorded: RunStatus, assessment: Assessment) -> dict[str, Any]:
    """Return what the report adds; of replicas what was told stays also where the pod that told it is gone."""
    if assessment.run_result is None and assessment.replicas and assessment.sweep is None:
        return {name: getattr(recorded, name) for name in ("source", "inputs", "outputs", "results")}
    return reported(assessment.run_result)


def reported(result: Result | None) -> dict[str, Any]:
    """Return what the wrapper's report adds to a status."""
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
    """Return the status without its details, for when the API server does not take them; a condition says so.

    Uids of pods and counters stay: else attempts would be counted again.
    """
    return _without_details(status, f"{_REFUSED} ({why}); run.json in the store has all of it"[:MAX_MESSAGE])


def as_reduced(status: RunStatus, run: Object) -> RunStatus:
    """Return the status without its details, where those of the recorded one were refused; else the status itself."""
    conditions = status_of(run).get("conditions") or ()
    messages = (str(c.get("message")) for c in conditions if c.get("type") == cond.RESULT_TRUNCATED)
    refusal = next((message for message in messages if message.startswith(_REFUSED)), None)
    return status if refusal is None else _without_details(status, refusal)


def _without_details(status: RunStatus, message: str) -> RunStatus:
    kept = [c for c in status.conditions or () if c.type != cond.RESULT_TRUNCATED]
    since = next((c.last_transition_time for c in kept), status.completion_time or "")
    cut = Condition(
        type=cond.RESULT_TRUNCATED,
        status="True",
        reason=cond.RESULT_TRUNCATED,
        message=message,
        last_transition_time=since,
        observed_generation=status.observed_generation,
    )
    attempts = [attempt.model_copy(update={"message": None}) for attempt in status.attempts or ()] or None
    details = {"inputs": None, "outputs": None, "results": None, "replica_statuses": None, "sweep": None}
    return status.model_copy(update={**details, "attempts": attempts, "conditions": [*kept, cut]})


def _steady(recorded: RunStatus, assessment: Assessment) -> Assessment:
    """Return an unfinished execution's assessment without what only flickers.

    One that ran once is Running until its end, also while a retry's pod is on its way, but for a suspension. Of the
    words of one cause numbers and back-off times are noise.
    """
    if assessment.phase.finished or recorded.phase is None:
        return assessment
    rests = assessment.reason in (Reason.QUEUED, Reason.JOB_SUSPENDED)
    if assessment.phase is Phase.PENDING and recorded.phase is Phase.RUNNING and not rests:
        reason = Reason.RUNNING if assessment.reason is Reason.CREATED else assessment.reason
        assessment = replace(assessment, phase=Phase.RUNNING, reason=reason)
    return replace(assessment, message=without_noise(recorded, assessment.outcome).message)


def without_noise(recorded: RunStatus, outcome: Outcome) -> Outcome:
    """Return the outcome, with the recorded words where they differ from its own in noise only."""
    same_cause = recorded.reason == outcome.reason and recorded.message and outcome.message
    if not same_cause or _NOISE.sub("#", recorded.message or "") != _NOISE.sub("#", outcome.message):
        return outcome
    return replace(outcome, message=recorded.message or "")


def _start(job: Object, assessment: Assessment, recorded: RunStatus) -> str | None:
    if assessment.phase is Phase.PENDING:
        return None
    began = any(pod.started for pod in assessment.pods) or assessment.end or recorded.start_time
    return status_of(job).get("startTime") if began else None


def _completion(assessment: Assessment) -> str | None:
    if not assessment.phase.finished:
        return None
    if assessment.replicas:
        return max((p.attempt.completion_time or "" for p in assessment.pods), default="") or _job_end(assessment)
    own = assessment.last.attempt.completion_time if assessment.last else None
    return own or _job_end(assessment)


def _job_end(assessment: Assessment) -> str | None:
    return format_time(assessment.end.at) if assessment.end and assessment.end.at else None


def _duration(start: str | None, completion: str | None) -> str | None:
    started, ended = parse_time(start), parse_time(completion)
    return format_duration(ended - started) if started and ended else None


def _warnings(assessment: Assessment, job: Object) -> list[tuple[str, str]]:
    missing = [(cond.RESULT_MISSING, _LOST_REPORT)] if assessment.result_missing else []
    return [*missing, *_report_warnings(assessment.result, overridden_fields(job))]


def _report_warnings(result: Result | None, overridden: str | None = None) -> list[tuple[str, str]]:
    warnings = []
    if result and result.truncated:
        where = f" in {result.run_path}" if result.run_path else ""
        warnings.append(
            (cond.RESULT_TRUNCATED, f"the report was too long or too deep for the status; run.json{where} has the rest")
        )
    words = [*([overridden] if overridden else ()), *(result.warnings if result else ())]
    if words:
        warnings.append((cond.WARNINGS, clauses(*words)))
    return warnings


def _past(execution: Execution, status: RunStatus) -> PastExecution:
    """Return how an older execution ended; one that was superseded never showed its end."""
    ending = execution.ending if status.phase is None or not status.phase.finished else None
    return PastExecution(
        number=execution.number,
        hash=execution.hash,
        phase=(ending.phase if ending else status.phase) or Phase.FAILED,
        reason=ending.reason if ending else status.reason,
        job_name=status.job_name,
        start_time=status.start_time,
        completion_time=status.completion_time,
    )
