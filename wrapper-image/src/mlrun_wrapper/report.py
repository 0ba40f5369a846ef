"""The end: run.json and log.txt in the store, the result in the termination message, the reason in the log."""

import json
import time
from datetime import UTC, datetime
from typing import Any

from mlrun_operator import __version__
from mlrun_operator.api.contract import result as results
from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.store import StoreError
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.executor_process import EXIT_SECONDS

_BUDGET = 4096


def report(context: Context) -> None:
    """Tell everyone how it ended. Never raises: what cannot be told is said in the log."""
    if context.outcome is None:
        context.executor.kill()
    else:
        context.executor.finish(_exit_seconds(context))
    _say(context)
    result = _result(context)
    _terminate(context, result)  # whatever becomes of the rest
    run_path = _store(context, result)
    if run_path is not None:
        _terminate(context, result.model_copy(update={"run_path": run_path}))


def _exit_seconds(context: Context) -> float:
    """What the handler's process gets for its exit handlers: of a grace period what is left of its share."""
    if context.terminated is None:
        return EXIT_SECONDS
    left = context.terminated + context.grace.handler - time.monotonic()
    return min(EXIT_SECONDS, max(left, 0.0))


def message(failure: StepError) -> str:
    """For people: the user's own exception as it is, anything else with what to do about it."""
    if failure.reason is Reason.HANDLER_FAILED:
        return failure.message
    return f"{failure.message.rstrip('.')}. {EXPLANATIONS[failure.reason].todo}"


def _say(context: Context) -> None:
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
    )


def _store(context: Context, result: Result) -> str | None:
    """The folder of run.json and log.txt; None where they could not be stored."""
    if context.store is None:
        return None
    try:
        text = json.dumps(_run_json(context, result), ensure_ascii=False, indent=1)
        context.store.write(f"{context.run_folder}/run.json", text.encode("utf-8", "replace"))
        context.store.write(f"{context.run_folder}/log.txt", context.log.text())
    except StoreError as error:
        context.log.line(f"warning: run.json and log.txt could not be stored: {error}")
        return None
    return context.store.uri(f"{context.run_folder}/")


def _run_json(context: Context, result: Result) -> dict[str, Any]:
    envelope, settings = context.run, context.settings
    return {
        "state": _state(context),
        "run": envelope.run.wire(),
        "pod": {"name": settings.pod_name, "uid": settings.pod_uid, "job": settings.job_name},
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
        **result.wire(),
        **({"points": [each.in_short() for each in context.summaries.values()]} if context.summaries else {}),
        "children": (context.outcome or {}).get("children", []),
        "mlrun": (context.outcome or {}).get("mlrun"),
    }


def _state(context: Context) -> str:
    if context.failure is None:
        return "completed"
    return "skipped" if context.failure.reason is Reason.SKIPPED else "error"


def _terminate(context: Context, result: Result) -> None:
    budget = context.envelope.result_budget if context.envelope else _BUDGET
    try:
        text = results.encode(result, budget)
        context.settings.termination_log.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        context.log.line(f"warning: the result could not be reported: {error}")
