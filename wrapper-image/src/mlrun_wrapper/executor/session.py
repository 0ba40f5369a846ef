"""One run: the module is loaded and checked when the session is made, the handler is called by `run`."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlrun

from . import database, older, outcome, speed, standin, yaml_numbers
from .call import Caller
from .channel import Channel
from .describe import names_logged
from .failure import InvalidRunError, Stopped
from .find import decorated_outputs, find_handler
from .handover import Handover
from .live import Live
from .load import load_module
from .parameters import check, with_hinted_floats
from .script import script, unread
from .shadowed import check_imported
from .sweep import Points, check_condition


class Session:
    """Raises InvalidRunError where the run cannot be executed as written; the module's own exceptions pass through."""

    def __init__(self, load: dict[str, Any]) -> None:
        check_imported(load["packages"])
        file = Path(load["file"])
        given = load["parameters"], load["inputs"]
        self.returns = load["returns"]
        self._float_hints = load["float_hints"]
        if load["handler"] is None:
            if self.returns:
                raise InvalidRunError("`returns` needs a handler; a script logs its results by its context")
            self.handler = script(file)
            self.warnings = unread(file, *given)
        else:
            self.handler = find_handler(load_module(file, load["module"]), load["handler"])
            source = file.read_text(encoding="utf-8", errors="replace")
            self.warnings = check(self.handler, source, *given)
        self._check_hints()
        check_condition(load["stop_condition"])

    def run(self, run: dict[str, Any], channel: Channel) -> dict[str, Any]:
        """Call the handler by mlrun; the document that tells how it went and what it made.

        What is logged before the end is left under `partial` as it comes. Entities of the store are asked for.
        """
        db = database.install()
        db.entities.known, db.entities.ask = run["artifacts"], channel.ask
        caller = Caller()
        db.call = lambda: (caller.root.iteration or 0) if caller.root is not None else 0
        caller.install()
        if run["sweep"] is not None:
            points = [(number, self._typed(point)) for number, point in run["sweep"]["points"]]
            named = functools.partial(names_logged, db)
            Points({**run["sweep"], "points": points}, caller, named).install()
        standin.install(db)
        speed.install()
        yaml_numbers.install()
        handover = Handover(lambda: channel.leave("partial", outcome.so_far(db, caller)))
        handover.install()
        project = mlrun.get_or_create_project(run["project"], run["context"], allow_cross_project=True, save=False)
        mlrun.mlconf.artifact_path = f"{run['output_path']}/children/{{{{run.uid}}}}"  # of runs that the handler makes
        mlrun.mlconf.force_run_local = "true"  # a function that the handler runs by its project runs here, too
        function = mlrun.new_function(run["function"], project=project.name, kind="")
        with Live(lambda document: channel.leave("live", document), handover, db, caller), _ended(caller):
            function.run(
                handler=self.handler,
                name=run["name"],
                project=project.name,
                params=self._typed(run["parameters"]),
                inputs=run["inputs"],
                returns=self.returns or [],
                output_path=run["output_path"],
            )
        return outcome.collect(db, caller)

    def _typed(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters, whole numbers as floats by the handler's hints where the run does not say which are."""
        return with_hinted_floats(self.handler, parameters) if self._float_hints else parameters

    def _check_hints(self) -> None:
        if self.returns and decorated_outputs(self.handler):
            raise InvalidRunError(
                "the handler is decorated with mlrun.handler(outputs=…); leave out the run's `returns`"
            )
        for hint in self.returns or decorated_outputs(self.handler) or ():
            try:
                if hint is not None:
                    older.parsed_hint(hint)
            except Exception as error:
                raise InvalidRunError(f"the log hint {hint!r} is not one of mlrun's: {error}") from error


@contextlib.contextmanager
def _ended(caller: Caller) -> Iterator[None]:
    """mlrun's own word of a failed run is left out: the caller knows the error behind it.

    A sweep that is told to end between two points keeps what it has, too.
    """
    try:
        with contextlib.suppress(mlrun.runtimes.utils.RunError):
            yield
    except Stopped:
        if caller.sweep is None:
            raise
        caller.stop()
