"""An execution that waits for a cause and of which nothing runs gives way to a newer spec (BEHAVIOUR A6)."""

from datetime import timedelta
from typing import Final

from mlrun_operator.api.objects import Object, has_pod_ended, is_deleting, spec_of
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.schedule import child_spec
from mlrun_operator.api.v1alpha1.status import Execution, Phase
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.assess.execution import Assessment
from mlrun_operator.assess.jobs import has_decided, points_of, replicas_of
from mlrun_operator.plan.begin_end import begin_end
from mlrun_operator.plan.context import RunContext, can_make_pods
from mlrun_operator.plan.decision import Ask, Decision, ReadDirectly
from mlrun_operator.plan.limits import unapplied_limits
from mlrun_operator.plan.progress import waiting_for_pods_since
from mlrun_operator.plan.start import is_edited, is_function_changed, is_rerun
from mlrun_operator.render.execution import is_same_execution

# How long an execution is given before a change takes its place: editors save often.
_MIN_AGE: Final = timedelta(seconds=10)
# What a pod, or its creation, waits for until somebody mends it.
_CAUSES: Final = frozenset(
    {
        *(Reason.IMAGE_PULL, Reason.UNSCHEDULABLE, Reason.SECRET_MISSING, Reason.CONFIG_MAP_MISSING),
        *(Reason.VOLUME_MISSING, Reason.POD_FAILING, Reason.QUOTA_EXCEEDED, Reason.ADMISSION_DENIED),
    }
)


def supersede(context: RunContext, execution: Execution, job: Object, assessment: Assessment) -> Decision | None:
    """End an execution that cannot start its pods, where what it was made of has changed since."""
    outcome = _change(context, execution)
    if outcome is None or not is_stuck(context, job, assessment) or too_young_for(context, job) > timedelta(0):
        return None
    if not context.observation.fresh:
        return Ask(ReadDirectly())  # a late watch may not have shown yet that a container runs
    return begin_end(context, execution, outcome)


def is_stuck(context: RunContext, job: Object, assessment: Assessment) -> bool:
    """Return whether no container runs, no pod is ending, nothing has succeeded, and a cause is waited for."""
    if assessment.reason not in _CAUSES or not can_make_pods(job) or has_decided(job):
        return False
    pods = context.living_pods()
    running = any(view.started and not view.ended for view in assessment.pods)
    succeeded = any(view.succeeded and view.ended for view in assessment.pods)
    succeeded = succeeded or any(replica.end is Phase.SUCCEEDED for replica in assessment.replicas)
    return not (running or succeeded or any(is_deleting(pod) and not has_pod_ended(pod) for pod in pods))


def too_young_for(context: RunContext, job: Object) -> timedelta:
    """Return how long the execution is still given; not positive where it may be superseded."""
    return waiting_for_pods_since(job, context.observation.now) + _MIN_AGE - context.observation.now


def supersede_wait(context: RunContext, execution: Execution, job: Object, assessment: Assessment) -> timedelta | None:
    """Return how long until a change takes the execution's place; None where none does."""
    if _change(context, execution) is None or not is_stuck(context, job, assessment):
        return None
    return max(too_young_for(context, job), timedelta(seconds=1))


def change_warnings(context: RunContext, execution: Execution, job: Object) -> list[tuple[str, str]]:
    """Return that a change of the run waits for the end of its execution."""
    if is_edited(context, execution) or is_rerun(context):
        message = (
            f"the run has changed since execution {execution.number} started; execution {execution.number + 1} starts "
            "when that one ends, or at once after spec.stop ends it and is removed again"
        )
        return [(cond.CHANGE_WAITS, message)]
    if (limits := unapplied_limits(context, job)) and (replicas_of(job) or points_of(job)):
        message = f"{', '.join(limits)} of a run with several pods takes effect with its next execution"
        return [(cond.CHANGE_WAITS, message)]
    return []


def _change(context: RunContext, execution: Execution) -> Outcome | None:
    """Return what the execution gives way to: an edit of the run, of its function, or of the schedule that made it."""
    if context.stops or is_deleting(context.observation.run):
        return None
    if is_edited(context, execution) or is_rerun(context):
        return Outcome(Phase.STOPPED, Reason.SUPERSEDED, "the run was changed before a pod could start")
    schedule = context.observation.schedule
    is_first = schedule is not None and execution.number == 1
    if is_first and is_same_execution(execution.hash, child_spec(spec_of(schedule))) is False:
        return Outcome(Phase.STOPPED, Reason.REPLACED, "the schedule was changed before a pod could start")
    if is_function_changed(context):
        return Outcome(Phase.STOPPED, Reason.SUPERSEDED, "the function was changed before a pod could start")
    return None
