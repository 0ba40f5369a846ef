"""The call of the handler, in the place of mlrun's own `exec_from_params`.

mlrun's keeps everything printed in memory, hides stdout behind an object without isatty and fileno, logs a traceback
full of its own frames, lets sys.exit(0) fail the run, and loses a falsy or unpackable return value. This one does not.
"""

from __future__ import annotations

import datetime
import inspect
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import mlrun
import numpy as np
from mlrun.errors import err_to_str
from mlrun.package import MLRunPackagePackingError, PackagersManager
from mlrun.package.context_handler import ContextHandler
from mlrun.runtimes import local
from mlrun.runtimes.utils import global_context

from . import figures, older, packing
from .debugger import post_mortem
from .ending import Ending
from .failure import Stopped, described
from .forked import own_process
from .levels import cut_levels
from .parameters import says_nothing
from .sweep import Points

RETURN = "return"
# The types of a log hint by which collections become results.
_RESULTS = (None, "", "result")
_MOMENTS = (datetime.date, datetime.time)
_SCALARS = (type(None), str, bytes, bool, int, float, complex, np.generic, *_MOMENTS)
_COLLECTIONS = (dict, list, tuple, set, frozenset)


class Caller:
    """Calls handlers for mlrun and remembers how the run's own one ended, in a sweep each of its calls by iteration.

    `root` is the context of the newest of these calls; `stopped` tells whether SIGTERM has come.
    """

    def __init__(self) -> None:
        self.root: Any = None
        self.endings: dict[int, Ending] = {}
        self.newest = Ending()
        self.stopped = False
        self.sweep: Points | None = None
        self._contexts: list[Any] = []

    def install(self) -> None:
        """Make mlrun's runtimes of this process call through here."""
        local.exec_from_params = self
        figures.install()
        packing.install(self._cannot_pack, self._is_cut, self._is_lost)
        pack = PackagersManager.pack

        def recording(manager: PackagersManager, obj: Any, log_hint: Any) -> Any:
            name = older.hint_part(log_hint, "key")
            if obj is None:
                self.newest.nones.append(name)
            if older.hint_part(log_hint, "artifact_type") in _RESULTS:
                obj = cut_levels(obj, lambda: self._is_cut(name))
            try:
                return pack(manager, obj=obj, log_hint=log_hint)
            except MLRunPackagePackingError as error:
                self._cannot_pack(name, str(error))
                raise

        PackagersManager.pack = recording

    def _cannot_pack(self, name: str, why: str) -> None:
        self.newest.packing_errors.append({"name": name, "message": why})

    def _is_lost(self, words: str) -> None:
        self.newest.lost.append(words)

    def _is_cut(self, name: str) -> None:
        self.newest.cut.append(name)

    def __call__(
        self, handler: Callable[..., Any], runobj: Any, context: Any, cwd: str | None = None
    ) -> tuple[str, str]:
        """What mlrun expects: the text printed (we keep none), and the error where that is to be raised."""
        if not self._contexts:
            self._begin(context)
        self._contexts.append(context)
        error = self._call(handler, runobj, context)
        context.commit(completed=True)
        self._contexts.pop()
        if not self._contexts:
            self.newest.returned = True
            return "", "" if self.sweep is None else error or self.sweep.lacking(self.newest, context)
        global_context.set(self._contexts[-1])  # mlrun forgets the outer run's context when a nested run ends
        return "", error

    def stop(self) -> None:
        """SIGTERM has come: a call that has not returned is not going to."""
        self.stopped = True
        self.newest.stopped = not self.newest.returned

    def _begin(self, context: Any) -> None:
        """The run's own handler is called."""
        self.root, self.newest = context, Ending()
        self.endings[context.iteration or 0] = self.newest
        if self.sweep is not None:
            self.sweep.announce(context)

    def _call(self, handler: Callable[..., Any], runobj: Any, context: Any) -> str:
        runobj.spec.extract_type_hints_from_inputs()
        try:
            arguments = _arguments(handler, runobj, context)
            packed = mlrun.package.handler(inputs=_hints(handler, runobj) or True, outputs=runobj.spec.returns or None)
            value = packed(own_process(older.normalised(handler)))(**arguments)
            if value is not None:
                _keep(cut_levels(value, lambda: self._is_cut(RETURN)), context)
            return self._set_error(context)
        except Stopped:
            self.stop()
            context.set_state("aborted", commit=False)
        except BaseException as error:
            document = described(error)
            if document.get("exit_code") == 0:
                return ""
            post_mortem(error)
            if len(self._contexts) == 1:
                self.newest.error = document
                if self.sweep is not None:
                    print(document["traceback"], file=sys.stderr, flush=True)
            text = str(err_to_str(error) or document["summary"])
            context.set_state(error=text, commit=False)
            return text
        return ""

    def _set_error(self, context: Any) -> str:
        """Return the error that the handler has set as the run's state, though it returned; empty without one."""
        text = str(context._error) if context.state == "error" else ""
        if text and len(self._contexts) == 1:
            self.newest.error = {"types": [], "summary": text, "traceback": ""}
        return text


def _arguments(handler: Callable[..., Any], runobj: Any, context: Any) -> dict[str, Any]:
    """What the handler is called with. mlrun fails on inputs that only **kwargs takes: those are asked for here."""
    parameters = inspect.signature(handler).parameters
    inputs = dict(runobj.spec.inputs or {})
    free = {name: inputs.pop(name) for name in list(inputs) if name not in parameters}
    declared = SimpleNamespace(spec=SimpleNamespace(parameters=runobj.spec.parameters, inputs=inputs))
    arguments: dict[str, Any] = local.get_func_arg(handler, declared, context)
    if _free_parameter(handler) is not None:
        arguments |= {name: context.get_input(name, url) for name, url in free.items() if name not in arguments}
    return arguments


def _hints(handler: Callable[..., Any], runobj: Any) -> dict[str, Any]:
    """The types of inputs that the run names, and of those that only **kwargs takes: its own hint, or DataItem."""
    declared, free = inspect.signature(handler).parameters, _free_parameter(handler)
    hint = mlrun.DataItem if free is None or says_nothing(free.annotation) else free.annotation
    others = {name: hint for name in runobj.spec.inputs or () if name not in declared}
    return {**others, **(runobj.spec.inputs_type_hints or {})}


def _free_parameter(handler: Callable[..., Any]) -> inspect.Parameter | None:
    """The handler's **kwargs, if it has any."""
    parameters = inspect.signature(handler).parameters.values()
    return next((each for each in parameters if each.kind is each.VAR_KEYWORD), None)


def _keep(value: Any, context: Any) -> None:
    """Store what an undecorated handler returned without hints, under `return`.

    A collection that holds more than plain values becomes `return_0`, `return_1`, … as well, since a DataFrame inside
    of a result would only be its printed text.
    """
    if isinstance(value, _MOMENTS):
        context.log_result(RETURN, value.isoformat())
        return
    packer = ContextHandler()
    packer.look_for_context(args=(context,), kwargs={})
    packer.log_outputs(outputs=[value], log_hints=[RETURN if _plain(value) else older.itemised(RETURN, value)])


def _plain(value: Any) -> bool:
    """Whether mlrun packs the value itself, not its items."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return all(isinstance(item, _SCALARS) or (_plain(item) and isinstance(item, _COLLECTIONS)) for item in items)
