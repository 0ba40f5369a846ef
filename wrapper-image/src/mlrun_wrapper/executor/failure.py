"""The user's exception, as the user wants to read it: without our frames and mlrun's above the first own one."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from .limits import TRACEBACK_CHARACTERS

# An error can be its own cause.
_LONGEST_CHAIN = 20
_HERE = f"{Path(__file__).resolve().parent}{os.sep}"


class InvalidRunError(Exception):
    """The run cannot be executed as it is written: exit code 64."""


class Stopped(BaseException):
    """SIGTERM: the run shall end now. Not an Exception, so that no handler swallows it by accident."""


def described(error: BaseException) -> dict[str, Any]:
    """What the wrapper needs to tell of it; `exit_code` only for sys.exit."""
    lines = traceback.format_exception(type(error), error, own_trace(error.__traceback__))
    text = "".join(lines)
    if (excess := len(text) - TRACEBACK_CHARACTERS) > 0:
        head, tail = text[: TRACEBACK_CHARACTERS // 4], text[-TRACEBACK_CHARACTERS * 3 // 4 :]
        text = f"{head}\n… {excess} characters left out …\n{tail}"
    last = traceback.format_exception_only(type(error), error)[-1].strip()
    document: dict[str, Any] = {"types": _types(error), "summary": last, "traceback": text.rstrip("\n")}
    document["missing"] = missing_module(error)
    if isinstance(error, SystemExit):
        document["exit_code"] = exit_code(error)
        document["summary"] = f"the handler called sys.exit({error.code!r})"
    return document


def missing_module(error: BaseException | None) -> str | None:
    """Return the module that was not found, where that is the error or its cause; None for other errors."""
    for _ in range(_LONGEST_CHAIN):
        if error is None or isinstance(error, ModuleNotFoundError):
            break
        error = _cause(error)
    return error.name if isinstance(error, ModuleNotFoundError) else None


def _cause(error: BaseException) -> BaseException | None:
    """Return what the error was raised from, or what a failed import was raised in the handling of.

    Another error that is raised there says something else, and may have nothing to do with the import.
    """
    if error.__cause__ is not None or error.__suppress_context__ or not isinstance(error, ImportError):
        return error.__cause__
    return error.__context__


def _types(error: BaseException) -> list[str]:
    """What the exception is: its class and those it derives from, each by name and by module and name."""
    mro = [each for each in type(error).__mro__ if each is not object]
    return [name for each in mro for name in (each.__name__, f"{each.__module__}.{each.__qualname__}")]


def exit_code(error: SystemExit) -> int:
    """What Python itself would end with."""
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


def own_trace(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is neither ours nor mlrun's; the whole where all are."""
    start = trace
    while trace is not None:
        if not _is_platform(trace.tb_frame.f_code.co_filename):
            return trace
        trace = trace.tb_next
    return None if start is None else _last(start)


def _last(trace: TracebackType) -> TracebackType:
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _is_platform(filename: str) -> bool:
    if filename.startswith((_HERE, "<frozen ")):
        return True
    mlrun = sys.modules.get("mlrun")
    home = f"{Path(mlrun.__file__).parent}{os.sep}" if mlrun is not None and mlrun.__file__ else None
    return home is not None and filename.startswith(home)
