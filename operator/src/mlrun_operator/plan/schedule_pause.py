"""Why a schedule does not fire though its spec is valid: it is stopped, finished, suspended, or lacks its counts."""

from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import Phase, ScheduleStatus
from mlrun_operator.assess.conditions import Outcome
from mlrun_operator.plan.schedule_context import ScheduleContext
from mlrun_operator.plan.start import restored

BEING_DELETED = Outcome(Phase.STOPPED, Reason.STOPPED, "the schedule is being deleted and does not fire any more")
WITHOUT_COUNTS = Outcome(
    Phase.STOPPED,
    Reason.RESTORED,
    "restored from a backup without run counts, which stopAfter needs; set spec.rerun to a new value to resume",
)


def pause_reason(spec: RunSpec, record: ScheduleStatus) -> Outcome | None:
    """Return why the schedule does not fire; None while it does."""
    if spec.stop:
        return Outcome(Phase.STOPPED, Reason.STOPPED, "stopped by spec.stop")
    if (limit := _reached_limit(spec, record)) is not None:
        return Outcome(Phase.STOPPED, Reason.STOP_AFTER_REACHED, limit)
    if spec.suspend:
        return Outcome(Phase.SUSPENDED, Reason.SUSPENDED, EXPLANATIONS[Reason.SUSPENDED].happened)
    return None


def are_counts_lost(context: ScheduleContext, spec: RunSpec) -> bool:
    """Return whether the schedule might have finished before it was restored: it waits for a new `spec.rerun`."""
    if spec.stop_after is None or not restored(context.observation.run):
        return False
    recorded = context.recorded
    if recorded.schedule is None:
        return True
    return recorded.reason == Reason.RESTORED and spec.rerun in (None, "", recorded.schedule.last_rerun)


def _reached_limit(spec: RunSpec, record: ScheduleStatus) -> str | None:
    """Return which limit of `stopAfter` is reached, as a message."""
    limits = spec.stop_after
    if limits is None:
        return None
    if limits.successes is not None and record.succeeded >= limits.successes:
        return f"stopAfter reached: {record.succeeded} of {limits.successes} successful runs"
    if limits.failures is not None and record.failed >= limits.failures:
        return f"stopAfter reached: {record.failed} of {limits.failures} failed runs"
    return None
