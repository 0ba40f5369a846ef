"""The report: run.json and log.txt in the store, the termination message, and the reason in the log."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from mlrun_operator.api.contract import result as results
from mlrun_operator.api.contract.log_length import words
from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.words import sentences
from mlrun_operator.store import StoreError
from mlrun_operator.version import __version__
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.executor_process import EXIT_SECONDS
from mlrun_wrapper.log import HEAD

_BUDGET: Final = 4096
# What JSON cannot hold: half a character, an object, what is nested too deeply.
_UNWRITABLE: Final = (ValueError, TypeError, RecursionError)


def end_executor(context: Context) -> None:
    """End the handler's process: by itself where the handler has returned, with the user's exit handlers."""
    if context.outcome is None:
        context.executor.kill()
    else:
        context.executor.finish(_exit_seconds(context))


def _exit_seconds(context: Context) -> float:
    """Return what the handler's process gets for its exit handlers: of a grace period what is left of its share."""
    if not context.sigterm.came:
        return EXIT_SECONDS
    return min(EXIT_SECONDS, context.sigterm.seconds_left(context.grace.handler))


def message(failure: StepError) -> str:
    """Return the message for people: the user's own exception as it is, anything else with what to do about it."""
    if failure.reason is Reason.HANDLER_FAILED:
        return failure.message
    return sentences(failure.message, EXPLANATIONS[failure.reason].todo)


def log_end(context: Context) -> None:
    """Say in the log how the run ended, and why."""
    for warning in context.warnings:
        context.log.line(f"warning: {warning}")
    failure = context.failure
    if failure is None:
        context.log.line(f"succeeded: {len(context.outputs)} outputs, {len(context.results)} results")
        return
    if failure.traceback:
        context.log.write(f"{failure.traceback}\n".encode(), whole_line=True)
    explanation = EXPLANATIONS[failure.reason]
    context.log.line(f"{failure.reason}: {failure.message}")
    if failure.final and not context.collecting:
        context.log.line("it is not tried again: the run's nonRetryable names it")
    context.log.line(f"{explanation.happened} {explanation.todo}")


def log_length(context: Context) -> None:
    """Say in a long log how long it is: its node may keep the newest part only.

    One that is shorter than what log.txt has of its beginning is rotated by no node that is set up sensibly.
    """
    if context.log.passed >= HEAD:
        context.log.line(words(context.log.passed))


def _result(context: Context) -> Result:
    failure = context.failure
    return Result(
        reason=failure.reason if failure else Reason.SUCCEEDED,
        message=message(failure) if failure else "",
        traceback=failure.traceback if failure else None,
        source=context.source,
        inputs=context.inputs,
        outputs=context.outputs,
        results=context.results,
        warnings=context.warnings,
        sweep=context.sweep,
        run_path=context.run_path,
        truncated=context.truncated,
    )


def store_report(context: Context) -> None:
    """Store run.json and log.txt, and name their folder in the termination message. Failures are said in the log."""
    if context.store is None:
        return
    try:
        document = _run_json(context) if context.earlier is None else _earlier_run_json(context, context.earlier)
        text = json.dumps(document, ensure_ascii=False, indent=1)
        context.store.write(f"{context.run_folder}/run.json", text.encode("utf-8", "replace"))
        context.store.write(f"{context.run_folder}/log.txt", context.log.text())
    except (StoreError, *_UNWRITABLE) as error:
        context.log.line(f"warning: run.json and log.txt could not be stored: {error}")
        return
    context.run_path = context.store.uri(f"{context.run_folder}/")
    write_termination_message(context)


def _run_json(context: Context) -> dict[str, Any]:
    envelope, settings = context.run, context.settings
    return {
        "state": _state(context),
        "run": envelope.run.wire(),
        "pod": _pod(context),
        **({"replica": settings.replica} if settings.replica is not None else {}),
        "function": {
            "name": envelope.function.name,
            "uuid": envelope.function.uuid,
            "digest": envelope.function.digest,
            "handler": envelope.function.spec.handler,
        },
        "parameters": context.parameters,
        **({"iteration": context.iteration} if context.iteration is not None else {}),
        "started": context.started.isoformat(),
        "ended": datetime.now(UTC).isoformat(),
        "timings": context.timings,
        "versions": {"wrapper": __version__, **context.versions},
        **_result(context).wire(),
        **({"points": [each.in_short() for each in context.summaries.values()]} if context.summaries else {}),
        "children": (context.outcome or {}).get("children", []),
        "mlrun": (context.outcome or {}).get("mlrun"),
    }


def _earlier_run_json(context: Context, earlier: dict[str, Any]) -> dict[str, Any]:
    """Return the run.json of the attempt that has succeeded, as this pod reports it."""
    return {**earlier, **_result(context).wire(), "pod": _pod(context), "earlierAttempt": earlier["pod"]}


def _pod(context: Context) -> dict[str, str]:
    settings = context.settings
    return {"name": settings.pod_name, "uid": settings.pod_uid, "job": settings.job_name}


def _state(context: Context) -> str:
    if context.failure is None:
        return "completed"
    return "skipped" if context.failure.reason is Reason.SKIPPED else "error"


def write_termination_message(context: Context) -> None:
    """Write the report where the kubelet reads it, as much of it as fits; at the least how the run ended."""
    budget = context.envelope.result_budget if context.envelope else _BUDGET
    result = _result(context)
    try:
        text = _encoded(result, budget) or _encoded(_ending_of(result), budget)
        if text is not None:
            context.settings.termination_log.write_text(text, encoding="utf-8")
            return
        problem = f"{budget} bytes are too few"
    except OSError as error:
        problem = str(error)
    context.log.line(f"warning: the result could not be reported: {problem}")


def _encoded(result: Result, budget: int) -> str | None:
    """Return the termination message; None where the result cannot be written as JSON, or does not fit."""
    try:
        return results.encode(result, budget)
    except _UNWRITABLE:
        return None


def _ending_of(result: Result) -> Result:
    """Return how the run ended, without what it made: the handler may have made what JSON cannot hold."""
    return Result(reason=result.reason, message=result.message, run_path=result.run_path, truncated=True)
