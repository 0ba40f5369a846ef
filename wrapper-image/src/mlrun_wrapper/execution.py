"""The two talks with the executor: check before inputs are fetched, run when they are there."""

import os
import signal
import threading
from typing import Any, Final

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.options import NonRetryable
from mlrun_operator.api.values.handlers import Handler
from mlrun_operator.api.values.names import kubernetes_name, label_value
from mlrun_wrapper.alarm import ring_in
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.executor_process import ExecutorGoneError
from mlrun_wrapper.inputs.asked import answer
from mlrun_wrapper.live import publishing_live_results
from mlrun_wrapper.memory import oom_kills
from mlrun_wrapper.names import mlrun_project
from mlrun_wrapper.outputs import required
from mlrun_wrapper.plain_image import missing_package
from mlrun_wrapper.texts import local_path

_NO_MLRUN: Final = "the function's image has no mlrun that can be imported"


def check(context: Context) -> None:
    """Load the module, find the handler, compare the parameters with it."""
    envelope = context.run
    spec = envelope.function.spec
    code = context.function_code
    load = {
        "file": str(code.file),
        "module": code.module,
        "folders": [str(folder) for folder in code.folders],
        "packages": [str(folder) for folder in context.packages],
        "handler": Handler.parse(spec.handler).in_module if spec.handler else None,
        "parameters": sorted({*envelope.parameters, *(name for point in context.points.values() for name in point)}),
        "inputs": sorted(envelope.inputs),
        "float_hints": envelope.float_parameters is None,
        "returns": envelope.returns,
        "stop_condition": envelope.sweep.stop_condition if envelope.sweep else None,
        "env": context.variables,
    }
    ready = _ready(context)
    context.executor.send("load", load)
    if "error" in ready:
        raise StepError(Reason.INVALID_RUN, f"{_NO_MLRUN}: {ready['error']}")
    context.versions = ready["versions"]
    loaded = _answer(context, "loaded")
    if "invalid" in loaded:
        raise StepError(Reason.INVALID_RUN, loaded["invalid"] + missing_package(envelope, loaded["missing"]))
    if "error" in loaded:
        raise handler_failed(context, loaded["error"])
    context.warnings += loaded["warnings"]


def execute(context: Context) -> None:
    """Run the handler. A failure is kept for later: what the handler made is stored first."""
    envelope = context.run
    kills = oom_kills()
    run = {
        "name": label_value(envelope.run.name),  # mlrun wants label values and DNS labels
        "function": kubernetes_name(envelope.function.name),
        "project": mlrun_project(envelope.run.project),
        "context": str(context.settings.project),
        "output_path": str(context.settings.outputs),
        "parameters": envelope.parameters,
        "inputs": context.input_paths,
        "artifacts": context.artifacts,
        "sweep": _sweep(context),
    }
    context.sigterm.check()
    context.executing = True
    context.executor.send("run", run)
    try:
        with publishing_live_results(context):
            outcome = context.executor.receive("outcome", lambda question: answer(context, question))
    except ExecutorGoneError as gone:
        context.failure = _gone(context, gone.code, oom_kills() > kills)
        outcome = _left(context)
    context.executing = False
    if context.iteration is not None:
        own: dict[str, Any] = next(iter(outcome.get("points", [])), {})
        outcome |= own | {"warnings": [*outcome.get("warnings", []), *own.get("warnings", [])]}
    context.outcome = outcome
    if "broken" in outcome:
        context.log.line(outcome["broken"])
        last = outcome["broken"].strip().splitlines()[-1]
        context.failure = StepError(Reason.WRAPPER_ERROR, f"the executor failed: {last}")
        context.outcome = _left(context)
    elif "invalid" in outcome:
        context.failure = StepError(Reason.INVALID_RUN, outcome["invalid"])
    elif outcome.get("state") == "stopped":
        text = "the pod was told to end before the handler returned; what it had logged is stored"
        context.failure = StepError(Reason.TERMINATED, text)
        if "results" not in outcome:  # it was told to end between its handler and the outcome
            context.outcome = _left(context)
    elif outcome.get("error"):
        context.failure = handler_failed(context, outcome["error"])


def _sweep(context: Context) -> dict[str, Any] | None:
    """What of a sweep the handler is called for here: all points, or the pod's own."""
    sweep, points = context.run.sweep, context.points
    if sweep is None:
        return None
    return {
        "points": [(number, point) for number, point in points.items() if context.iteration in (None, number)],
        "total": len(points),
        "max_errors": sweep.max_errors,
        "stop_condition": sweep.stop_condition,
        "outputs": required(context.run),
    }


def end_soon(context: Context) -> None:
    """Act on SIGTERM: end the walk before the handler runs, pass the signal on while it runs, finish the work after it.

    Each within its share of the grace period; the walk ends by TimeIsUp where what was made is not stored by then.
    """
    context.log.line(f"told to end (SIGTERM) within {context.grace.seconds} s")
    if context.outcome is None and not context.executing:
        context.sigterm.end()
    ring_in(context.sigterm.seconds_left(context.grace.stored))
    if context.outcome is not None:
        return
    context.executor.terminate()
    timer = threading.Timer(context.sigterm.seconds_left(context.grace.handler), context.executor.kill_now)
    timer.daemon = True
    timer.start()


def _left(context: Context) -> dict[str, Any]:
    """What the handler had logged when its process was gone, without the files that were just being written again."""
    outcome = context.executor.left("partial")
    for made in (outcome, *outcome.get("points", [])):
        artifacts = made.get("artifacts", [])
        changing = [each for each in artifacts if _is_changing(each)]
        made["artifacts"] = [each for each in artifacts if each not in changing]
        lost = [f"output {each['name']!r} was being written when the process ended; it is lost" for each in changing]
        context.warnings += lost
    return outcome


def _is_changing(artifact: dict[str, Any]) -> bool:
    if not artifact["file"]:
        return False
    try:
        return local_path(artifact["file"]).stat().st_mtime_ns != int(artifact["changed"])
    except FileNotFoundError:
        return True


def _ready(context: Context) -> dict[str, Any]:
    """The executor's first word."""
    problem = context.executor.problem
    python = context.settings.executor_python
    if not python:
        text = f"{_NO_MLRUN}: it has no Python that user {os.getuid()} may run, on its PATH or where images have theirs"
        raise StepError(Reason.INVALID_RUN, text)
    if isinstance(problem, FileNotFoundError | PermissionError) and problem.filename == python:
        text = f"{_NO_MLRUN}: its interpreter {python} cannot be started ({problem.strerror})"
        raise StepError(Reason.INVALID_RUN, text) from problem
    if problem is not None:
        raise problem
    try:
        return context.executor.receive("ready")
    except ExecutorGoneError as gone:
        text = f"the executor could not start in {python} (exit code {gone.code}); its own words are above"
        raise StepError(Reason.WRAPPER_ERROR, text) from gone


def _answer(context: Context, name: str) -> dict[str, Any]:
    try:
        return context.executor.receive(name)
    except ExecutorGoneError as gone:
        raise _gone(context, gone.code, oom=False) from gone


def handler_failed(context: Context, error: dict[str, Any]) -> StepError:
    """The user's own exception, as the executor described it."""
    final = _final(context, error["types"], error.get("exit_code"))
    summary = error["summary"] + missing_package(context.run, error.get("missing"))
    return StepError(Reason.HANDLER_FAILED, summary, error["traceback"], final=final)


def _final(context: Context, types: list[str], code: int | None) -> bool:
    """Whether the run's `nonRetryable` names the failure."""
    named = context.run.non_retryable or NonRetryable()
    return code in (named.exit_codes or ()) or not set(types).isdisjoint(named.exceptions or ())


def _gone(context: Context, code: int, oom: bool) -> StepError:  # noqa: FBT001 - a fact, not a mode
    if context.sigterm.came:
        text = "the pod was told to end and the handler did not end in time; what it had logged is stored"
        return StepError(Reason.TERMINATED, text)
    if code >= 0:
        text = f"the function's process ended by itself with exit code {code}"
        return StepError(Reason.HANDLER_FAILED, text, final=_final(context, [], code))
    name = signal.Signals(-code).name
    if oom:
        return StepError(
            Reason.OOM_KILLED, f"the function's process was killed ({name}): the memory limit is too small"
        )
    return StepError(Reason.HANDLER_FAILED, f"the function's process was killed by {name}")
