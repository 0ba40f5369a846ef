"""Whether the schedule that made a run needs it still."""

from pydantic import ValidationError

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import ScheduleStatus
from mlrun_operator.assess.schedule import BACKFILL, MANUAL, Child, makes_up_all
from mlrun_operator.assess.status import parse_status
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.backfill import is_pending


def is_awaited(schedule: Object | None, run: Object) -> bool:
    """Return whether the schedule needs its run still: its end is not counted, or its slot would run again."""
    child, recorded = Child.of(run), parse_status(schedule).schedule if schedule else None
    if schedule is None or child is None or recorded is None:
        return False
    try:
        spec = RunSpec.model_validate(schedule["spec"])
    except ValidationError:
        return True  # it is not known which slots it needs
    return child.name not in (recorded.counted_runs or ()) or is_needed(spec, recorded, child)


def is_needed(spec: RunSpec, recorded: ScheduleStatus, child: Child) -> bool:
    """Return whether the slot would run again, or count as missed, if its run were deleted now."""
    if child.trigger == MANUAL:
        return False
    caught_up_to = parse_time(recorded.caught_up_to)
    if makes_up_all(spec):
        is_passed = caught_up_to is not None and child.slot <= caught_up_to
    else:
        is_passed = child.trigger == BACKFILL or caught_up_to is None or child.slot <= caught_up_to
    return not is_passed or is_pending(spec.backfill, recorded.backfill, child.slot)
