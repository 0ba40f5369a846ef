"""After the end: what is recorded as ended must not run on, Jobs go when their time is over, the rest stays."""

from datetime import timedelta

from mlrun_operator.api import constants
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.jobs import end_of
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.context import Case, Object, Plan
from mlrun_operator.plan.schedule import awaits
from mlrun_operator.plan.start import AGAIN, function_of
from mlrun_operator.render.execution import comparable, execution_hash, function_digest


def reap(case: Case) -> Plan | None:
    """Delete a Job that runs on though its execution is over: by a limit of ours, or stopped."""
    for execution, job in case.our_jobs():
        over = case.finished and case.latest is not None and execution.number <= case.latest.number
        if over and end_of(job) is None and not job["metadata"].get("deletionTimestamp"):
            return Plan(delete=job)
    return None


def keep(case: Case) -> Plan:
    """Delete what has outlived its TTL, and otherwise only say what was seen of the spec and of the function."""
    waits = []
    for obj, left in [*_jobs_left(case), *_run_left(case)]:
        if left <= timedelta(0):
            return Plan(delete=obj)
        waits.append(left)
    return Plan(status=_still(case), requeue=min(waits, default=None))


def _jobs_left(case: Case) -> list[tuple[Object, timedelta]]:
    """The ended Jobs with a TTL, and how much of it is left."""
    found = []
    for _, job in case.our_jobs():
        ttl, end = case.limit("ttlSecondsAfterFinished", job), end_of(job)
        if ttl is not None and end and end.at and not job["metadata"].get("deletionTimestamp"):
            found.append((job, end.at + timedelta(seconds=ttl) - case.seen.now))
    return found


def _run_left(case: Case) -> list[tuple[Object, timedelta]]:
    """The run itself, where it has a TTL of its own and is nobody else's to delete."""
    ttl, ended = case.spec.get("runTtlSecondsAfterFinished"), parse_time(case.before.completion_time)
    if not isinstance(ttl, int) or not case.finished or ended is None or _managed(case):
        return []
    left = ended + timedelta(seconds=ttl) - case.seen.now
    if awaits(case.seen.schedule, case.seen.run):
        left = max(left, AGAIN)  # gone before its schedule has counted it, it would count nowhere
    return [(case.seen.run, left)]


def _managed(case: Case) -> bool:
    marks = {**(case.meta.get("labels") or {}), **(case.meta.get("annotations") or {})}
    return any(mark in marks for mark in constants.GITOPS_MARKS)


def _still(case: Case) -> RunStatus | None:
    """The recorded status with the generation that was seen and the warnings of now."""
    before = case.before
    if before.wire() != (case.seen.run.get("status") or {}):
        return None  # written by a newer operator: what cannot be read must not be shortened
    ours = (cond.FUNCTION_CHANGED, cond.SPEC_CHANGED, cond.TTL_IGNORED)
    kept = [c for c in before.conditions or () if c.type not in ours]
    if before.phase:
        reason = Reason(before.reason) if before.reason in set(Reason) else Reason.WRAPPER_ERROR
        made = case.frame.conditions(cond.Verdict(before.phase, reason, before.message or ""), _warnings(case))
        kept += [c for c in made if c.type in ours]
    seen = [c.model_copy(update={"observed_generation": case.frame.generation}) for c in kept]
    return before.model_copy(update={"observed_generation": case.frame.generation, "conditions": seen})


def _warnings(case: Case) -> list[tuple[str, str]]:
    found = []
    pin, function = case.before.function, function_of(case)
    if pin and function and function_digest(function.get("spec") or {}) != pin.digest:
        words = "the function has changed since this run; set spec.rerun to a new value to run it again"
        found.append((cond.FUNCTION_CHANGED, words))
    if _fired_before_an_edit(case):
        found.append((cond.SPEC_CHANGED, "the schedule was edited after this run's Job had fired; what ran is older"))
    if "runTtlSecondsAfterFinished" in case.spec and _managed(case):
        words = "runTtlSecondsAfterFinished is ignored: a GitOps tool would bring the run back, and it would run again"
        found.append((cond.TTL_IGNORED, words))
    return found


def _fired_before_an_edit(case: Case) -> bool:
    """Whether the schedule's spec, which this run was given, is newer than the Job that fired."""
    told, wanted = case.before.execution, execution_hash(case.spec)
    if case.fired_job is None or told is None or told.number != 1 or case.frame.generation != 1:
        return False
    return comparable(told.hash, wanted) and told.hash != wanted
