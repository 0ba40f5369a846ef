"""A run for every Job that the schedule's CronJob has fired (BEHAVIOUR C2).

A slot's identity is its run's name, which is the name that the CronJob controller gives the slot's Job. So whoever
creates the run of a slot, and however often, it is one run.
"""

from datetime import datetime

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, annotations_of, is_controlled_by, is_deleting, status_of
from mlrun_operator.api.ownership import fired_job_uid, is_adopted
from mlrun_operator.api.v1alpha1.schedule import child_spec
from mlrun_operator.api.values.names import slot_name, slot_of
from mlrun_operator.assess.schedule import MANUAL, SCHEDULE, has_passed
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.decision import Adopt, Ask, Create, Decision, Delete, Do, ReadDirectly
from mlrun_operator.plan.schedule_context import ScheduleContext
from mlrun_operator.render.cron_job import build_child
from mlrun_operator.render.execution import is_same_execution


def adopt_fired_jobs(context: ScheduleContext) -> Decision | None:
    """Create a run for each Job that the CronJob owns; delete the Job of a slot that has had its run already."""
    for job in sorted(context.observation.jobs, key=lambda job: str(job["metadata"]["name"])):
        decision = _adopt(context, job) if _is_fired(context, job) and not is_deleting(job) else None
        if decision is not None:
            return decision
    return Ask(ReadDirectly()) if _has_unseen_firing(context) else None


def _is_fired(context: ScheduleContext, job: Object) -> bool:
    cron_job = context.cron_job
    return cron_job is not None and is_controlled_by(job, cron_job["metadata"]["uid"]) and not is_adopted(job)


def _has_unseen_firing(context: ScheduleContext) -> bool:
    """Return whether the CronJob has fired a Job of which no watch tells, as without its label, and that has no run."""
    cron_job, recorded = context.cron_job, context.recorded.schedule
    slot = parse_time(status_of(cron_job).get("lastScheduleTime"))
    if cron_job is None or slot is None or context.observation.fresh or context.observation.refusal is not None:
        return False
    counted = parse_time(recorded.last_schedule_time) if recorded else None
    if (counted is not None and slot <= counted) or has_passed(recorded.backfill if recorded else None, slot):
        return False
    name = slot_name(cron_job["metadata"]["name"], slot)
    return all(obj["metadata"]["name"] != name for obj in (*context.observation.children, *context.observation.jobs))


def _adopt(context: ScheduleContext, job: Object) -> Decision | None:
    """Return the next step for a fired Job; None where another's run has its name, or its run was refused."""
    meta, uid = job["metadata"], context.meta["uid"]
    child = next((run for run in context.observation.children if run["metadata"]["name"] == meta["name"]), None)
    if child is None:
        return _create(context, job, slot_of(meta["name"], uid))
    if fired_job_uid(child) == meta["uid"]:
        return context.unless_denied(Adopt(job, child))
    return context.unless_denied(Delete(job)) if is_controlled_by(child, uid) else None


def _create(context: ScheduleContext, job: Object, slot: datetime | None) -> Decision | None:
    recorded = context.recorded.schedule
    if slot and recorded and has_passed(recorded.backfill, slot):
        return context.unless_denied(Delete(job))
    # What was refused in this reconcile is tried again in a later one.
    return Do(Create(_run_of(context, job, slot))) if context.observation.refusal is None else None


def _run_of(context: ScheduleContext, job: Object, slot: datetime | None) -> Object:
    """Return the run of a fired Job; one without a slot was created by hand (`kubectl create job --from=cronjob/…`).

    The run has the spec that its Job was fired with, where another run still has that: the schedule was edited since.
    """
    trigger = SCHEDULE if slot else MANUAL
    slot = slot or parse_time(job["metadata"].get("creationTimestamp")) or context.observation.now
    child = build_child(context.observation.run, job["metadata"]["name"], trigger, slot, job=job)
    fired_hash = str(annotations_of(job).get(constants.ANNOTATION_HASH))
    specs = (run["spec"] for run in (child, *context.observation.children))
    fired_spec = next((spec for spec in specs if is_same_execution(fired_hash, spec)), child["spec"])
    return {**child, "spec": child_spec(fired_spec)}
