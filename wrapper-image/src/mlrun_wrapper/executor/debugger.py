"""The debugger on the user's terminal, where the handler has raised: for runs on the user's own machine."""

from __future__ import annotations

import os

from .failure import own_trace

# The device of the terminal; `mlrunctl replay --pdb` sets it.
VARIABLE = "MLRUN_OPERATOR_TERMINAL"


def post_mortem(error: BaseException) -> None:
    """Open pdb in the frame that has raised; return when the user leaves it. Does nothing without a terminal."""
    terminal = os.environ.get(VARIABLE)
    if not terminal or isinstance(error, SystemExit):
        return
    try:
        # This process has a session of its own, so that the terminal does not become its controlling one.
        reading = os.open(terminal, os.O_RDONLY | os.O_NOCTTY)
        writing = os.open(terminal, os.O_WRONLY | os.O_NOCTTY)
    except OSError as problem:
        print(f"no debugger: {terminal} cannot be opened: {problem}", flush=True)
        return
    import pdb  # noqa: PLC0415 - only where somebody sits at a terminal

    with os.fdopen(reading) as stdin, os.fdopen(writing, "w") as stdout:
        debugger = pdb.Pdb(stdin=stdin, stdout=stdout)
        debugger.reset()
        debugger.interaction(None, own_trace(error.__traceback__))
