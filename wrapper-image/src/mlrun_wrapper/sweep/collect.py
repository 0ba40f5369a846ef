"""The end of a sweep: table and plot of all points, and what the best one made as the run's own.

How the points ended comes from this process's handler, or from what the pods of a fan-out have left in the store.
"""

from typing import Any, Final
from urllib.parse import quote

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.sweep import SweepInfo
from mlrun_operator.api.values.keys import Key
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.execution import handler_failed
from mlrun_wrapper.names import PLOT, TABLE, numbered
from mlrun_wrapper.outputs import kept, lacking
from mlrun_wrapper.point_summary import Summary
from mlrun_wrapper.shelf import Shelf, publish, with_errors
from mlrun_wrapper.sweep import table
from mlrun_wrapper.sweep.best import Selector, best_of, failed_points, status_of, verdict, warnings_of
from mlrun_wrapper.sweep.board import Board
from mlrun_wrapper.sweep.plot import drawn

BEST: Final = "best_iteration"
_NO_REPORT: Final = "its pod ended without a report"


def store_points(context: Context) -> None:
    """In one process: every point's artifacts as entities, those of points that ended well as `latest`."""
    outcome = context.outcome or {}
    context.warnings += outcome.get("warnings", [])
    begun = {point["iteration"]: point for point in outcome.get("points", [])}
    for iteration in context.points:
        if iteration in begun:
            context.summaries[iteration] = _stored(context, iteration, begun[iteration])
    why = outcome.get("stop") or "the sweep ended before this point began"
    for iteration in context.points.keys() - begun.keys():
        context.summaries[iteration] = _skipped(context, iteration, why)
    context.summaries = dict(sorted(context.summaries.items()))


def read_points(context: Context) -> None:
    """In the last pod of a fan-out: how every point ended, by the store."""
    context.executor.kill()  # no handler is called here
    found, lost = Board(context).summaries(), _sweep(context).lost
    for iteration in context.points:
        told = found.get(iteration) or _skipped(context, iteration, "its pod did not start")
        words = lost.get(str(iteration))
        if told.state == "running" or (words and iteration not in found):
            told = told.model_copy(update={"state": "error", "reason": None, "message": words or _NO_REPORT})
        context.summaries[iteration] = told


def collect(context: Context) -> None:
    """Table, plot and best point; a sweep that failed keeps all of them."""
    sweep, summaries = _sweep(context), list(context.summaries.values())
    selector = Selector.parse(sweep.selector) if sweep.selector else None
    best = best_of(summaries, selector) if selector else None
    context.sweep = status_of(summaries, sweep, best)
    context.truncated = any(summary.truncated for summary in summaries)
    shelf = Shelf(context)
    context.outputs = shelf.outputs
    if best is not None:
        _promote(context, best, shelf)
    _put_table(context, summaries, shelf)
    _put_plot(context, summaries, selector, best, shelf)
    context.warnings += warnings_of(failed_points(summaries))
    _say(context, best)
    if context.failure is None:
        context.failure = verdict(summaries, sweep, best, last_word=context.collecting)


def publish_collected(context: Context) -> None:
    """The run's outputs become `latest` where the sweep succeeded."""
    if context.failure is None:
        publish(context, context.outputs)


def _stored(context: Context, iteration: int, point: dict[str, Any]) -> Summary:
    """One point of this process."""
    shelf = Shelf(context, iteration, apart=True)
    results = shelf.fill(point)
    failure = _failure(context, point)
    context.warnings += [f"point {iteration}: {warning}" for warning in point["warnings"]]
    if failure is None:
        publish(context, shelf.outputs)
    stopped = failure is not None and failure.reason is Reason.TERMINATED
    return Summary(
        iteration=iteration,
        parameters=context.points[iteration],
        state="completed" if failure is None else "stopped" if stopped else "error",
        reason=failure.reason if failure else None,
        message=failure.message if failure else "",
        final=failure.final if failure else False,
        results=results,
        nonfinite=point["nonfinite"],
        outputs=shelf.outputs,
        truncated=point.get("truncated") or None,
    )


def _failure(context: Context, point: dict[str, Any]) -> StepError | None:
    """Why a point of this process failed: one that was at work when the process ended failed as the run did."""
    if point["state"] == "error":
        return handler_failed(context, point["error"])
    if point["state"] in ("running", "stopped"):
        return context.failure or StepError(Reason.TERMINATED, "the pod was told to end while it ran")
    return lacking(context, point)


def _skipped(context: Context, iteration: int, why: str) -> Summary:
    parameters = context.points[iteration]
    return Summary(iteration=iteration, parameters=parameters, state="skipped", reason=Reason.SKIPPED, message=why)


def _promote(context: Context, best: Summary, shelf: Shelf) -> None:
    """The best point's outputs under their plain names: entities of the run, whose data are the point's own."""
    for name, info in best.outputs.items():
        point = with_errors(context, context.catalogue.read, Key.parse(info.key))
        is_own = point.key.name == numbered(name, best.iteration)
        called = name if is_own else point.key.name.removesuffix(f"-{best.iteration}")
        key = Key(point.key.project, point.key.type, point.key.kind, called, context.output_uuid(f"best/{name}"))
        shelf.copy(point, name, key)
    context.results = {**kept(context, best.results, best.nonfinite), BEST: best.iteration}


def _put_table(context: Context, summaries: list[Summary], shelf: Shelf) -> None:
    columns = table.columns_of(summaries, in_pods=context.collecting)
    file = context.settings.outputs / f"{TABLE}.parquet"
    table.write(columns, context.settings.executor_python, file)
    shelf.put({**_file(TABLE, "dataset", str(file)), "table": table.described(columns)})


def _put_plot(
    context: Context, summaries: list[Summary], selector: Selector | None, best: Summary | None, shelf: Shelf
) -> None:
    picture = drawn(context.run.run.name, summaries, selector, best)
    if picture is not None:
        file = context.settings.outputs / f"{PLOT}.svg"
        file.write_text(picture, encoding="utf-8")
        shelf.put(_file(PLOT, "plot", str(file)))


def _file(name: str, kind: str, file: str) -> dict[str, Any]:
    """As the executor describes an artifact."""
    return {"name": name, "kind": kind, "labels": {}, "file": quote(file), "folder": None, "remote": None, "body": None}


def _say(context: Context, best: Summary | None) -> None:
    told = context.sweep
    if told is None:
        return
    counts = f"{told.succeeded} succeeded, {told.failed} failed, {told.skipped} did not start or were told to end"
    context.log.line(f"sweep of {told.points} points: {counts}{f'; the best is {best.iteration}' if best else ''}")


def _sweep(context: Context) -> SweepInfo:
    assert context.run.sweep is not None  # noqa: S101 - the list of the steps
    return context.run.sweep
