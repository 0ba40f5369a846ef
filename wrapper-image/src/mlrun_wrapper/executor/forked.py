"""A process that the user's code has forked. Its end is its own affair: it returns into nothing of ours or mlrun's.

It ends as soon as it leaves the user's code, without exit handlers and without writing what waits in files that are
still open: the process that it was forked from has the same, and writes it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from .failure import exit_code, own_trace

_PROCESS = os.getpid()


def is_forked(since: int | None = None) -> bool:
    """Whether this is another process than `since`, by default the one that the wrapper has started."""
    return os.getpid() != (since or _PROCESS)


def own_process(call: Callable[..., Any]) -> Callable[..., Any]:
    """The user's code, out of which only the process comes that went in: a worker's own calls return as any other's."""

    @functools.wraps(call)
    def calling(*args: Any, **kwargs: Any) -> Any:
        entered = os.getpid()
        try:
            value = call(*args, **kwargs)
        except BaseException as error:
            if is_forked(entered):
                leave(error)
            raise
        if is_forked(entered):
            leave()
        return value

    return calling


def leave(error: BaseException | None = None) -> NoReturn:
    """End this process as Python would end a script: with the exception's text and its exit code."""
    code = 0
    with contextlib.suppress(BaseException):
        code = _told(error)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code & 0xFF)


def _told(error: BaseException | None) -> int:
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        return exit_code(error)
    with contextlib.suppress(Exception):
        traceback.print_exception(type(error), error, own_trace(error.__traceback__))
    return 1
