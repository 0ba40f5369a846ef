"""The program: every verb, and how a verb's end becomes an exit code and a sentence."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from mlrun_operator.cli import (
    convert,
    data,
    doctor,
    follow,
    look,
    manifests,
    project,
    replay,
    schedule,
    steer,
    store,
    submit,
)
from mlrun_operator.cli.app import app, begin, session
from mlrun_operator.cli.errors import CliError, Exit

VERBS = (submit, look, data, follow, replay, steer, schedule, doctor, store, manifests, convert, project)

# In the order of help and reference; importing a module registers its verbs, in whatever order that came.
_ORDER: Final = [module.__name__ for module in VERBS]
app.registered_commands.sort(key=lambda command: _ORDER.index(command.callback.__module__))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; its exit code. Whatever goes wrong is one sentence on stderr, and what to do."""
    begin()
    name = program()
    project.ready_to_complete()
    try:
        code = app(args=list(argv) if argv is not None else None, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _told("interrupted", "", Exit.INTERRUPTED)
    except CliError as error:
        return _told(error.message, error.hint, error.code, error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left, as `head` does
        return Exit.OK
    except typer.TyperException as error:
        return _misused(error, name)
    except Exception as error:
        return _told(f"{type(error).__name__}: {error}", "This is a bug; -v shows where.", Exit.BUG, error)
    return int(code or 0)


def kubectl_complete() -> None:
    """The program `kubectl_complete-mlrun`: completions in the form that kubectl asks its plugins for."""
    from contextlib import redirect_stdout
    from io import StringIO

    words = ["mlrunctl", *sys.argv[1:]]
    os.environ |= {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), project.COMPLETE: "complete_bash"}
    project.ready_to_complete()
    from mlrun_operator.cli.output import out

    found = StringIO()
    try:
        with redirect_stdout(found):
            app(args=[], prog_name="mlrunctl", complete_var=project.COMPLETE)
    except SystemExit:
        pass
    out(found.getvalue(), ":4")  # no file names besides


def program() -> str:
    """What the user calls the program."""
    name = Path(sys.argv[0]).name
    return "kubectl mlrun" if name == "kubectl-mlrun" else "mlrunctl"


def _misused(error: typer.TyperException, name: str) -> int:
    from mlrun_operator.cli.output import say

    words = error.format_message().strip()
    if type(error).__name__ == "NoArgsIsHelpError":  # a group without a verb
        say(words)
        return Exit.USAGE
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else name
    return _told(words.rstrip(".").replace("\n", " "), f"`{path} --help` lists what there is.", Exit.USAGE)


def _told(message: str, hint: str, code: Exit, error: Exception | None = None) -> int:
    from mlrun_operator.cli.output import json_text, painted, say

    if session().verbose and error is not None:
        import traceback

        say("".join(traceback.format_exception(error)).rstrip("\n"))
    if session().json:
        say(json_text({"error": message, "hint": hint or None, "exitCode": int(code)}))
        return code
    say(painted("error:", "red", sys.stderr), f" {message}")
    if hint:
        say(f"       {hint}")
    return code
