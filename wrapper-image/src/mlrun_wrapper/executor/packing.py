"""What a handler returns or logs, where mlrun itself would fail on it and take everything else with it.

mlrun writes returned data while it logs it, after the packing: a table that Parquet cannot hold then ends the run with
a traceback of pandas. And it writes results as JSON at the end of the run: a key that is no text fails there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlrun.execution import MLClientCtx
from mlrun.package.context_handler import ContextHandler

_KEYS = (str, int, float, bool, type(None))


def install(failed: Callable[[str, str], object]) -> None:
    """Tell `failed` the name of a returned value that cannot be written, and why; log the others all the same."""
    log_outputs, log_result, log_results = ContextHandler.log_outputs, MLClientCtx.log_result, MLClientCtx.log_results

    def logging(handler: Any, *args: Any, **kwargs: Any) -> Any:
        context = handler._context

        def log_artifact(item: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return MLClientCtx.log_artifact(context, item, *args, **kwargs)
            except (OSError, MemoryError):  # of the pod, not of the value: another attempt may do
                raise
            except Exception as error:
                return failed(getattr(item, "key", str(item)), f"{type(error).__name__}: {error}")

        context.log_artifact = log_artifact
        try:
            return log_outputs(handler, *args, **kwargs)
        finally:
            del context.log_artifact

    def one_result(context: Any, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        return log_result(context, key, with_plain_keys(value), *args, **kwargs)

    def many_results(context: Any, results: Any, *args: Any, **kwargs: Any) -> Any:
        return log_results(context, with_plain_keys(results), *args, **kwargs)

    ContextHandler.log_outputs = logging
    MLClientCtx.log_result, MLClientCtx.log_results = one_result, many_results


def with_plain_keys(value: Any) -> Any:
    """The value, with every key that JSON has not as a text."""
    if isinstance(value, dict):
        return {key if isinstance(key, _KEYS) else str(key): with_plain_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(with_plain_keys(item) for item in value)
    return value
