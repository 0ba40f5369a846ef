"""The executor's life: import mlrun, load the user's module, run the handler, hand over what came out."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from .channel import Channel
from .failure import InvalidRunError, Stopped, described, missing_module
from .forked import own_process
from .later import putting_off
from .signals import listen
from .surroundings import adopt, prepare


def main(argv: list[str]) -> int:
    """Serve the wrapper's commands `load` and `run`; 0 in any case, since the outcome tells how it went."""
    channel = Channel(Path(argv[1]), int(argv[2]), int(argv[3]))
    sys.argv = argv[:1]
    prepare()
    listen()
    try:
        versions = _import_mlrun()
    except ImportError as error:
        channel.send("ready", {"error": f"{error} (interpreter {sys.executable})"})
        return 0
    channel.send("ready", {"versions": versions})
    try:
        _serve(channel)
    except Stopped:
        channel.send("outcome", {"state": "stopped"})
    return 0


def _serve(channel: Channel) -> None:
    from .session import Session  # noqa: PLC0415 - needs mlrun, whose absence must be told

    command = channel.receive()
    if command is None:
        return
    adopt(command[1])
    try:
        session = own_process(Session)(command[1])
    except InvalidRunError as error:
        channel.send("loaded", {"invalid": str(error), "missing": missing_module(error)})
        return
    except Stopped:
        raise
    except BaseException as error:
        channel.send("loaded", {"error": described(error)})
        return
    channel.send("loaded", {"warnings": session.warnings})
    command = channel.receive()
    if command is not None:
        channel.send("outcome", _outcome(session, command[1], channel))


def _outcome(session: Any, run: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """How the run went; what mlrun refuses before it calls the handler makes the run invalid."""
    import mlrun  # noqa: PLC0415 - as above

    try:
        return session.run(run, channel)  # type: ignore[no-any-return]
    except (mlrun.errors.MLRunBaseError, InvalidRunError) as error:
        return {"invalid": str(error)}
    except Exception:
        return {"broken": traceback.format_exc()}


def _import_mlrun() -> dict[str, str]:
    with putting_off():
        import mlrun  # noqa: PLC0415 - its absence must be told
    import pandas as pd  # noqa: PLC0415 - as above

    from . import database  # noqa: PLC0415 - as above

    database.install()
    return {"python": sys.version.split()[0], "mlrun": mlrun.__version__, "pandas": pd.__version__}
