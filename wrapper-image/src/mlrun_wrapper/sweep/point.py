"""One point of a fan-out: whether it starts, and what it leaves for the pod that collects."""

from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.point_summary import State, Summary
from mlrun_wrapper.sweep.board import Board


def join(context: Context) -> None:
    """Take the pod's place among the points. Raises StepError where the sweep has come to its end."""
    index = context.settings.point
    if index is None or index + 1 not in context.points:
        raise StepError(Reason.INVALID_RUN, f"point {index} is none of the sweep's {len(context.points)}")
    context.iteration = index + 1
    board = Board(context)
    if (why := board.stopped()) is not None:
        raise StepError(Reason.SKIPPED, why)
    context.log.line(f"point {context.iteration} of {len(context.points)}")
    board.tell(_summary(context, "running"))


def tell(context: Context) -> None:
    """Leave word of how the point ended, and end the sweep where it has to; that it cannot is the point's failure."""
    if context.iteration is None:
        return
    board = Board(context)
    try:
        board.tell(_summary(context, _state(context.failure)))
        if (why := _end_of_sweep(context, board)) is not None:
            context.log.line(f"no new point starts: {why}")
            board.stop(why)
    except StepError as error:
        context.failure = context.failure or error


def _end_of_sweep(context: Context, board: Board) -> str | None:
    """Why no new point shall start after this one."""
    sweep, failure = context.run.sweep, context.failure
    if sweep is None or context.iteration is None:
        return None
    if failure is None:
        why: str | None = (context.outcome or {}).get("stop")
        return why
    if _state(failure) != "error" or not _for_good(context, failure, sweep.retries):
        return None
    failed = board.failed(context.iteration)
    if failed <= sweep.max_errors:
        return None
    return f"{failed} points failed, and maxErrors is {sweep.max_errors}"


def _for_good(context: Context, failure: StepError, retries: int) -> bool:
    return failure.final or not EXPLANATIONS[failure.reason].retried or context.settings.failures >= retries


def _state(failure: StepError | None) -> State:
    if failure is None:
        return "completed"
    states: dict[Reason, State] = {Reason.SKIPPED: "skipped", Reason.TERMINATED: "stopped"}
    return states.get(failure.reason, "error")


def _summary(context: Context, state: State) -> Summary:
    assert context.iteration is not None  # noqa: S101 - the order of the steps
    outcome, failure = context.outcome or {}, context.failure
    return Summary(
        iteration=context.iteration,
        parameters=context.points[context.iteration],
        state=state,
        reason=failure.reason if failure else None,
        message=failure.message if failure else "",
        final=failure.final if failure else False,
        results=outcome.get("results", {}),
        nonfinite=outcome.get("nonfinite", []),
        outputs=context.outputs,
        run_path=context.catalogue.store.uri(f"{context.run_folder}/"),
        truncated=context.truncated or None,
    )
