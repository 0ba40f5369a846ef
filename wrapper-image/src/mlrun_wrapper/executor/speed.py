"""What mlrun does slowly between the call of a run and its handler, or at each log call, is done quickly here.

The outcome is the same in each case; only the time differs.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import mlrun.projects.project
from mlrun.execution import MLClientCtx
from mlrun.package import context_handler
from mlrun.utils.notifications.notification import ipython
from mlrun.utils.notifications.notification.base import NotificationBase

# Of a folder that Git may know, one of these is there.
_OF_GIT = (".git", "HEAD")


def install() -> None:
    """Put the quick ways in the place of mlrun's."""
    MLClientCtx._read_tmpfile = _reading_json(MLClientCtx._read_tmpfile)
    context_handler.inspect = _Frames()
    _without_a_notebook(ipython)
    _without_git(mlrun.projects.project)


def _reading_json(as_yaml: Any) -> Any:
    """The run's temporary file, which mlrun has written as JSON, and reads by a YAML parser of Python."""

    @functools.wraps(as_yaml)
    def read(context: Any) -> Any:
        if context._tmpfile:
            with open(context._tmpfile, encoding="utf-8") as file, contextlib.suppress(ValueError):  # noqa: PTH123
                return json.load(file)
        return as_yaml(context)

    return read


class _Frames:
    """`inspect`, whose frames tell only their files: mlrun asks for no more, and their sources take long to find."""

    def __getattr__(self, name: str) -> Any:
        return getattr(inspect, name)

    @staticmethod
    def getouterframes(frame: FrameType | None, context: int = 1) -> Iterator[SimpleNamespace]:
        """Yield the frame and those that called it."""
        while frame is not None:
            yield SimpleNamespace(frame=frame, filename=frame.f_code.co_filename, lineno=frame.f_lineno)
            frame = frame.f_back


def _without_a_notebook(module: Any) -> None:
    """IPython is not imported to see that there is no notebook: whoever has one has imported it."""
    make = module.IPythonNotification.__init__

    @functools.wraps(make)
    def making(notification: Any, *args: Any, **kwargs: Any) -> None:
        if "IPython" in sys.modules:
            make(notification, *args, **kwargs)
            return
        NotificationBase.__init__(notification, *args, **kwargs)
        notification._ipython = None

    module.IPythonNotification.__init__ = making


def _without_git(module: Any) -> None:
    """Git's package is not imported for a project's folder that is no repository."""
    find = module.init_repo

    @functools.wraps(find)
    def finding(context: Any, url: Any, init_git: Any) -> Any:
        folder = Path(context)
        if init_git or not folder.is_dir() or any(os.path.lexists(folder / name) for name in _OF_GIT):
            return find(context, url, init_git)
        return None, url

    module.init_repo = finding
