"""Limits of an execution that runs: those of the operator's own end it, those of Kubernetes reach its Job."""

from datetime import timedelta

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, annotations_of, is_deleting, status_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import Execution, Phase
from mlrun_operator.assess.attempts import attempts_of
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.execution import Assessment
from mlrun_operator.assess.jobs import has_decided, lost_volumes, points_of, replicas_of
from mlrun_operator.plan.begin_end import begin_end
from mlrun_operator.plan.context import RunContext, is_limit, pinned_limits
from mlrun_operator.plan.decision import Ask, Decision, PatchLimits, ReadDirectly, ReadEvents
from mlrun_operator.plan.progress import pending_left


def end_by_limit(context: RunContext, execution: Execution, job: Object, assessment: Assessment) -> Decision | None:
    """End the execution by a limit that Kubernetes does not know."""
    if assessment.phase.finished or assessment.end is not None:
        return None
    outcome = _too_many_disruptions(context, execution, job, assessment) or _lost_volumes(job)
    if outcome is not None:
        return begin_end(context, execution, outcome)
    return _end_by_pending_deadline(context, execution, job, assessment)


def patch_limits(context: RunContext, job: Object) -> Decision | None:
    """Give the running Job of a single pod the run's new deadline and retries, once for each generation."""
    if is_deleting(job) or has_decided(job) or replicas_of(job) or points_of(job):
        return None
    limits = unapplied_limits(context, job)
    return context.first(PatchLimits(job, limits, context.generation)) if limits else None


def unapplied_limits(context: RunContext, job: Object) -> Object:
    """Return the limits of Kubernetes' own that the run has now, and its Job has not been given."""
    annotations = annotations_of(job)
    known = annotations.get(constants.ANNOTATION_LIMITS_GENERATION, annotations.get(constants.ANNOTATION_GENERATION))
    if known == str(context.generation):
        return {}
    limits: Object = {}
    pinned = pinned_limits(job)
    names = ("activeDeadlineSeconds", "backoffLimit")
    asked = {name: context.spec[name] for name in names if _is_asked(context.spec, name)}
    deadline, retries = ({**pinned, **asked}.get(name) for name in names)
    if is_limit(deadline) or "backoffLimit" in pinned:  # a Job without it is of an older operator
        limits["activeDeadlineSeconds"] = deadline
    if is_limit(retries):
        limits["backoffLimit"] = max(retries, status_of(job).get("failed") or 0)  # a lower one kills a running retry
    if job["spec"].get("completionMode") == "Indexed" and "backoffLimit" in limits:
        limits = {**limits, "backoffLimitPerIndex": limits.pop("backoffLimit")}
    return {name: value for name, value in limits.items() if job["spec"].get(name) != value}


def _is_asked(spec: Object, name: str) -> bool:
    """Return whether the run sets the limit, or takes it away by null."""
    return name in spec and (spec[name] is None or is_limit(spec[name]))


def _too_many_disruptions(
    context: RunContext, execution: Execution, job: Object, assessment: Assessment
) -> Outcome | None:
    """Return that the execution was disrupted too often: of many replicas or points so often for each of them."""
    limit = context.limit("maxDisruptions", job)
    if limit is None:
        return None
    disruptions = attempts_of(context.base.of(execution), assessment.pods).disruptions or 0
    count = len(assessment.replicas) or 1
    if disruptions <= limit * count:
        return None
    message = f"evicted or preempted {disruptions} times, and maxDisruptions is {limit}"
    message = message if count == 1 else f"{message} for each of {count} pods"
    return Outcome(Phase.FAILED, Reason.EVICTED, message)


def _lost_volumes(job: Object) -> Outcome | None:
    if not (volumes := lost_volumes(job)):
        return None
    message = f"the API server dropped the image volume {', '.join(volumes)}; it does not know that kind of volume"
    return Outcome(Phase.FAILED, Reason.VOLUME_UNSUPPORTED, message)


def described_cause(assessment: Assessment) -> str:
    """Return the cause that pods wait for; where Kubernetes names none, how to look for it."""
    if assessment.reason in (Reason.CREATED, Reason.RUNNING):
        return assessment.message or "no cause is known; the events of the Job and of its pod may have one"
    if assessment.message:
        return f"{assessment.reason}: {assessment.message}"
    return f"{assessment.reason}: {EXPLANATIONS[assessment.reason].happened}"


def _end_by_pending_deadline(
    context: RunContext, execution: Execution, job: Object, assessment: Assessment
) -> Decision | None:
    left = pending_left(context, job, assessment)
    if left is None or left > timedelta(0):
        return None
    if assessment.reason in (Reason.CREATED, Reason.RUNNING) and context.observation.events is None:
        return Ask(ReadEvents())
    if not context.observation.fresh:
        return Ask(ReadDirectly())  # a late watch may not have shown yet that a pod has started
    seconds = context.limit("pendingDeadlineSeconds", job)
    message = f"no pod started within {seconds} s; {described_cause(assessment)}"
    return begin_end(context, execution, Outcome(Phase.FAILED, Reason.PENDING_DEADLINE_EXCEEDED, message))
