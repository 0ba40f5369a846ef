"""Whether the schedule that made a run needs it still."""

from pydantic import ValidationError

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.assess.schedule import Child
from mlrun_operator.assess.status import parse_status
from mlrun_operator.plan.backfill import is_still_needed


def is_awaited(schedule: Object | None, run: Object) -> bool:
    """Return whether the schedule needs its run still: its end is not counted, or its slot would be run again."""
    child, recorded = Child.of(run), parse_status(schedule).schedule if schedule else None
    if schedule is None or child is None or recorded is None:
        return False
    try:
        spec = RunSpec.model_validate(schedule["spec"])
    except ValidationError:
        return True  # it is not known what it asks for
    return child.name not in (recorded.counted or ()) or is_still_needed(spec, recorded, child)
