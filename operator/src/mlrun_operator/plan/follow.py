"""An execution that has started and is not recorded as finished is followed to its end (BEHAVIOUR A4, A6, B)."""

from dataclasses import replace
from datetime import timedelta

from mlrun_operator.api import constants
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import Execution, Phase
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.api.values.names import slot_of
from mlrun_operator.assess.conditions import Verdict
from mlrun_operator.assess.execution import Assessment
from mlrun_operator.assess.jobs import lost_volumes
from mlrun_operator.assess.status import after_job, attempts_of, with_job
from mlrun_operator.assess.times import format_time
from mlrun_operator.plan.context import Case, Object, Plan
from mlrun_operator.plan.progress import assessed, pending_over, suspension, told
from mlrun_operator.plan.sweep import collect, end_points


def follow(case: Case) -> Plan | None:
    """Say how the execution is doing; end it where a limit of the operator's own is reached."""
    latest = case.latest
    if latest is None or case.finished:
        return None
    job = case.job_of(latest.number)
    if job is None:
        return _lost(case, latest)
    now = assessed(case, job)
    too_often = _disrupted(case, latest, job, now)
    if (step := _steered(case, latest, job, too_often)) is not None:
        return step
    if too_often is not None:
        return _failed(case, latest, job, now, too_often)
    if now.wait is not None and now.wait <= timedelta(0):
        return Plan(confirm=True)
    return _over_limit(case, latest, job, now) or told(case, job, now, with_job(case.frame, latest, job, now))


def _steered(case: Case, latest: Execution, job: Object, too_often: Verdict | None) -> Plan | None:
    """What the Jobs need before anything is said of them."""
    if too_often and (step := end_points(case, latest, job, too_often)) is not None:
        return step
    if (wanted := suspension(case, job)) is not None:
        return Plan(suspend=(job, wanted))
    return collect(case, latest, job)


def _lost(case: Case, latest: Execution) -> Plan | None:
    """An execution without its Job: not started yet, or its Job was deleted before its end was recorded."""
    name = case.before.job_name or (case.meta["name"] if case.fired_job and latest.number == 1 else None)
    if name is None:
        return None
    if not case.seen.confirmed:
        return Plan(confirm=True)
    if replaced(case):
        said = Verdict(Phase.STOPPED, Reason.REPLACED, EXPLANATIONS[Reason.REPLACED].happened)
        return Plan(status=after_job(case.frame, latest, said, []))
    words = f"Job {name} was deleted before its end was recorded. {EXPLANATIONS[Reason.JOB_DELETED].todo}"
    return Plan(status=after_job(case.frame, latest, Verdict(Phase.FAILED, Reason.JOB_DELETED, words), []))


def replaced(case: Case) -> bool:
    """Whether the Job went because the next slot of its schedule took its place."""
    schedule = case.seen.schedule
    if schedule is None or case.fired_job is None:
        return False
    slot = slot_of(case.meta["name"], schedule["metadata"]["uid"])
    if slot is None:
        return False
    notes = case.meta.get("annotations") or {}
    try:
        cron = parse_cron(notes[constants.ANNOTATION_EXPRESSION], notes[constants.ANNOTATION_TIME_ZONE])
    except (KeyError, ValueError):
        return False
    later = cron.next(slot)
    replaces = (schedule.get("spec") or {}).get("concurrencyPolicy") == "Replace"
    return replaces and later is not None and later <= case.seen.now


def _over_limit(case: Case, latest: Execution, job: Object, now: Assessment) -> Plan | None:
    """The execution's end by a limit that Kubernetes does not know; what still runs of it is reaped then."""
    if now.phase.finished:
        return None
    if dropped := lost_volumes(job):
        words = f"the API server dropped the image volume {', '.join(dropped)}; it does not know that kind of volume"
        return _failed(case, latest, job, now, Verdict(Phase.FAILED, Reason.VOLUME_UNSUPPORTED, words))
    return _too_late(case, latest, job, now)


def _disrupted(case: Case, latest: Execution, job: Object, now: Assessment) -> Verdict | None:
    """That the execution was evicted more often than is borne: of many replicas or points so often for each of them."""
    borne = case.limit("maxDisruptions", job)
    if borne is None or now.phase.finished or now.end is not None:
        return None
    disruptions, count = attempts_of(case.frame, latest, now.pods)["disruptions"] or 0, len(now.replicas) or 1
    if disruptions <= borne * count:
        return None
    words = f"evicted or preempted {disruptions} times, and maxDisruptions is {borne}"
    return Verdict(Phase.FAILED, Reason.EVICTED, words if count == 1 else f"{words} for each of {count} pods")


def _too_late(case: Case, latest: Execution, job: Object, now: Assessment) -> Plan | None:
    late = pending_over(case, job, now)
    if late is None or late > timedelta(0):
        return None
    if now.reason in (Reason.CREATED, Reason.RUNNING) and case.seen.events is None:
        return Plan(ask_events=True)
    seconds = case.limit("pendingDeadlineSeconds", job)
    cause = f"{now.reason}: {now.message or EXPLANATIONS[now.reason].happened}"
    cause = "nothing tells why" if now.reason is Reason.RUNNING and not now.message else cause
    words = f"no pod could start within {seconds} s; {cause}"
    return _failed(case, latest, job, now, Verdict(Phase.FAILED, Reason.PENDING_DEADLINE_EXCEEDED, words))


def _failed(case: Case, latest: Execution, job: Object, now: Assessment, said: Verdict) -> Plan:
    ended = replace(now, phase=said.phase, reason=said.reason, message=said.message)
    status = with_job(case.frame, latest, job, ended)
    completion = status.completion_time or format_time(case.seen.now)
    return Plan(status=status.model_copy(update={"completion_time": completion}))
