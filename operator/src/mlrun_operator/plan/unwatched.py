"""A Job whose label somebody took off: no watch tells of it."""

from mlrun_operator.plan.context import RunContext, is_watched
from mlrun_operator.plan.decision import Ask, Decision, ReadDirectly


def read_unwatched(context: RunContext) -> Decision | None:
    """Read the Job of an execution that is not over directly, where no watch tells of it."""
    job = context.job
    if job is None or context.is_over or is_watched(job) or context.observation.fresh:
        return None
    return Ask(ReadDirectly())
