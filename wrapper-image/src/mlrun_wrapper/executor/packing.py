"""What a handler returns or logs, where mlrun itself would fail on it and take everything else with it.

mlrun writes returned data while it logs it, after the packing: a table that Parquet cannot hold then ends the run with
a traceback of pandas. And it writes results as JSON at the end of the run: a key that is no text fails there.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from mlrun.datastore import DataItem
from mlrun.execution import MLClientCtx
from mlrun.package.context_handler import ContextHandler

from .forked import is_forked, leave
from .levels import cut_levels
from .older import hint_part, parsed_hint

_KEYS = (str, int, float, bool, type(None))


def install(failed: Callable[[str, str], object], cut: Callable[[str], object], lost: Callable[[str], object]) -> None:
    """Tell `failed` the name of a returned value that cannot be written, and why; log the others all the same.

    Tell `cut` the name of a result that is nested too deeply, and `lost` what of values and log hints is left over.
    """
    log_outputs, log_result, log_results = ContextHandler.log_outputs, MLClientCtx.log_result, MLClientCtx.log_results

    def shallow(value: Any, name: Any) -> Any:
        return cut_levels(value, lambda: cut(str(name)))

    def logging(handler: Any, outputs: Any, log_hints: Any) -> Any:
        if is_forked(handler._entered):  # out of a handler with mlrun's decorator
            leave()
        if words := left_over(len(outputs), log_hints):
            lost(words)
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
            return log_outputs(handler, outputs=outputs, log_hints=log_hints)
        finally:
            del context.log_artifact

    def one_result(context: Any, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        return log_result(context, key, with_plain_keys(shallow(value, key)), *args, **kwargs)

    def many_results(context: Any, results: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(results, dict):
            results = {name: shallow(value, name) for name, value in results.items()}
        return log_results(context, with_plain_keys(results), *args, **kwargs)

    make = ContextHandler.__init__

    def making(handler: Any) -> None:
        make(handler)
        handler._entered = os.getpid()

    ContextHandler.__init__ = making
    ContextHandler.parse_inputs = _knowing_all_inputs(ContextHandler.parse_inputs)
    for name in ("log_artifact", "log_dataset", "log_model"):
        setattr(MLClientCtx, name, _logging_shallow(getattr(MLClientCtx, name), shallow))
    ContextHandler.log_outputs = logging
    MLClientCtx.log_result, MLClientCtx.log_results = one_result, many_results


def left_over(values: int, hints: list[Any]) -> str:
    """A warning about returned values without a log hint, or hints without a value; empty where each has the other."""
    counts = f"the handler returned {_counted(values, 'value')} for {_counted(len(hints), 'log hint')}"
    if values > len(hints):
        extra = _counted(values - len(hints), "value")
        return f"{counts}; the last {extra} {'is' if values - len(hints) == 1 else 'are'} not stored"
    names = [hint_part(parsed_hint(hint), "key") for hint in hints[values:] if hint is not None]
    return f"{counts}; there is none for {', '.join(map(repr, names))}" if names else ""


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _knowing_all_inputs(parse: Callable[..., Any]) -> Callable[..., Any]:
    """The method that unpacks a handler's inputs, which fails where only **kwargs of a decorated one takes an input."""

    @functools.wraps(parse)
    def parsing(handler: Any, args: Any, kwargs: Any, type_hints: Any) -> Any:
        return parse(handler, args, kwargs, {**type_hints, **{n: DataItem for n in kwargs if n not in type_hints}})

    return parsing


def _logging_shallow(log: Callable[..., Any], shallow: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The method that logs an artifact, for labels, metrics and parameters that mlrun could not write."""

    @functools.wraps(log)
    def logging(context: Any, *args: Any, **kwargs: Any) -> Any:
        item = args[0] if args else kwargs.get("key", kwargs.get("item"))
        name = getattr(item, "key", item)
        return log(context, *args, **{key: shallow(value, name) for key, value in kwargs.items()})

    return logging


def with_plain_keys(value: Any) -> Any:
    """The value, with every key that JSON has not as a text."""
    if isinstance(value, dict):
        return {key if isinstance(key, _KEYS) else str(key): with_plain_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(with_plain_keys(item) for item in value)
    return value
