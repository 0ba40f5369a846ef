"""After the end: what is over must not run on, Jobs go when their time is over, the rest stays."""

from datetime import timedelta
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import (
    Object,
    annotations_of,
    is_controlled_by,
    is_deleting,
    labels_of,
    spec_of,
    status_of,
)
from mlrun_operator.api.v1alpha1.status import RunStatus, with_current_names
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.jobs import end_of, has_decided
from mlrun_operator.assess.status import to_wire
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.awaited import is_awaited
from mlrun_operator.plan.context import RunContext, can_make_pods, is_limit
from mlrun_operator.plan.decision import Decision, Delete, Tell
from mlrun_operator.plan.recorded import with_conditions
from mlrun_operator.plan.start import (
    RETRY_INTERVAL,
    function_of,
    is_function_changed,
    lost_pod_wait,
    lost_pod_warnings,
    restored,
)
from mlrun_operator.render.execution import is_same_execution

# The conditions of a run that is over which may come and go.
_CHANGING: Final = (
    cond.FUNCTION_CHANGED,
    cond.SPEC_CHANGED,
    cond.TTL_IGNORED,
    cond.CHANGE_WAITS,
    cond.POD_MAY_STILL_RUN,
)


def delete_leftover_jobs(context: RunContext) -> Decision | None:
    """Delete a Job that could still make pods though its execution is over."""
    for job in (*_jobs_that_are_over(context), *_restored_jobs(context)):
        if can_make_pods(job) and not has_decided(job) and (delete := context.first(Delete(job))):
            return delete
    return None


def _jobs_that_are_over(context: RunContext) -> list[Object]:
    """Return the Jobs of the executions that are over."""
    latest = context.latest
    return [job for n, job in context.our_jobs() if latest and (n < latest.number or context.is_over)]


def _restored_jobs(context: RunContext) -> list[Object]:
    """Return the Jobs that a backup brought back beside their run, which recorded another one: they would run again."""
    ours = [job["metadata"]["uid"] for _, job in context.our_jobs()]
    jobs = (job for job in context.observation.jobs if is_controlled_by(job, context.meta["uid"]) and restored(job))
    return [job for job in jobs if job["metadata"]["uid"] not in ours]


def retain_or_expire(context: RunContext) -> Decision:
    """Delete what has outlived its TTL; otherwise tell only what was seen of the spec and of the function."""
    waits = []
    if not is_deleting(context.observation.run):
        for obj, left in [*_job_ttls(context), *_run_ttl(context)]:
            if left <= timedelta(0) and (delete := context.first(Delete(obj))):
                return delete
            waits.append(max(left, RETRY_INTERVAL) if left <= timedelta(0) else left)
    waits += [wait for wait in (lost_pod_wait(context),) if wait is not None]
    return Tell(_retained(context), min(waits, default=None))


def _job_ttls(context: RunContext) -> list[tuple[Object, timedelta]]:
    """Return the ended Jobs with a TTL, and how much of it is left."""
    ttls = []
    for _, job in context.our_jobs():
        ttl, end = context.limit("ttlSecondsAfterFinished", job), end_of(job)
        if ttl is not None and end and end.at and not is_deleting(job):
            ttls.append((job, end.at + timedelta(seconds=ttl) - context.observation.now))
    return ttls


def _run_ttl(context: RunContext) -> list[tuple[Object, timedelta]]:
    """Return the run itself, where it has a TTL of its own and is nobody else's to delete."""
    ttl, ended = context.spec.get("runTtlSecondsAfterFinished"), parse_time(context.recorded.completion_time)
    if not is_limit(ttl) or not context.is_over or ended is None or _is_managed(context):
        return []
    left = ended + timedelta(seconds=ttl) - context.observation.now
    if is_awaited(context.observation.schedule, context.observation.run):
        left = max(left, RETRY_INTERVAL)  # gone before its schedule has counted it, it would count nowhere
    return [(context.observation.run, left)]


def _is_managed(context: RunContext) -> bool:
    """Return whether a GitOps tool or Helm keeps the run: it would bring the run back, and it would run again."""
    run = context.observation.run
    names = {**labels_of(run), **annotations_of(run)}
    is_helm = labels_of(run).get(constants.LABEL_MANAGED_BY) == "Helm" or "meta.helm.sh/release-name" in names
    return is_helm or any(name in names for name in constants.GITOPS_MARKS)


def _retained(context: RunContext) -> RunStatus | None:
    """Return the recorded status with the generation that was seen and the warnings of now."""
    if to_wire(context.recorded, context.observation.run) != with_current_names(status_of(context.observation.run)):
        return None  # what cannot be read of it must not be shortened
    return with_conditions(context, _warnings(context), replaced=_CHANGING, observed=context.generation)


def _warnings(context: RunContext) -> list[tuple[str, str]]:
    warnings = []
    if function_of(context) is not None and is_function_changed(context):
        message = "the function has changed since this run; set spec.rerun to a new value to run it again"
        warnings.append((cond.FUNCTION_CHANGED, message))
    if _fired_before_an_edit(context):
        message = "the schedule was edited after this run's Job had fired; what ran is older"
        warnings.append((cond.SPEC_CHANGED, message))
    if "runTtlSecondsAfterFinished" in context.spec and _is_managed(context):
        message = "runTtlSecondsAfterFinished is ignored: a GitOps tool or Helm would bring the run back"
        warnings.append((cond.TTL_IGNORED, message))
    if living := context.living_pods():
        pods = ", ".join(pod["metadata"]["name"] for pod in living[:5])
        return [*warnings, *(lost_pod_warnings(context) or [(cond.POD_MAY_STILL_RUN, f"pod {pods} has not ended")])]
    return [*warnings, *lost_pod_warnings(context)]


def _fired_before_an_edit(context: RunContext) -> bool:
    """Return whether the schedule's spec, which this run was given, is newer than the Job that fired."""
    execution = context.recorded.execution
    if context.fired_job_uid is None or execution is None or execution.number != 1 or context.generation != 1:
        return False
    return is_same_execution(execution.hash, spec_of(context.observation.run)) is False
