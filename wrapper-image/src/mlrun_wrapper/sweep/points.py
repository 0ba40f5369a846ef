"""The step that finds the points: in the envelope, or in a file that the run names."""

from typing import Any, Final

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.inputs import InputRef
from mlrun_operator.api.v1alpha1.sweep import SweepInfo, points
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.inputs.fetching import Fetcher
from mlrun_wrapper.sweep.point_file import MAX_BYTES, points_in

_FILE: Final = "hyperparameters.paramFile"


def find_points(context: Context) -> None:
    """All points of the sweep, in mlrun's order."""
    sweep = context.run.sweep
    assert sweep is not None  # noqa: S101 - the list of the steps
    try:
        found = _found(context, sweep)
    except ValueError as error:
        raise StepError(Reason.INVALID_RUN, str(error)) from error
    context.points = dict(enumerate(found, 1))
    names = {name for point in found for name in point}
    twice = sorted(names & set(context.run.parameters))
    context.warnings += [
        f"{name!r} is in parameters and in hyperparameters; each point has its own value" for name in twice
    ]


def _found(context: Context, sweep: SweepInfo) -> list[dict[str, Any]]:
    if sweep.param_file is None:
        return points(sweep.params or {}, sweep.strategy, sweep.max_iterations, sweep.seed)
    return _in_file(context, sweep, sweep.param_file)


def _in_file(context: Context, sweep: SweepInfo, ref: InputRef) -> list[dict[str, Any]]:
    fetched = Fetcher(context).fetch(_FILE, ref)
    context.inputs.append(fetched.info)
    if (fetched.info.size or 0) > MAX_BYTES:
        raise ValueError(f"{_FILE}: {fetched.info.size} bytes; a file of points has at most {MAX_BYTES}")
    return points_in(fetched.given, sweep)
