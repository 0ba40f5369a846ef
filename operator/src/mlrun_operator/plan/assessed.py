"""The assessment of a Job and its pods, with what the observation knows of them."""

from mlrun_operator.api.objects import Object
from mlrun_operator.assess.execution import Assessment, assess
from mlrun_operator.plan.context import RunContext
from mlrun_operator.plan.suspend import suspended_outcome


def assessed(context: RunContext, job: Object) -> Assessment:
    """Return where the execution is, by this Job of it and that Job's pods."""
    observation = context.observation
    return assess(
        job,
        context.pods_of(job),
        observation.now,
        fresh=observation.fresh,
        suspended=suspended_outcome(context, job),
        events=observation.events or (),
        recorded=context.base.of(context.latest),
        read=context.read_pod,
    )
