"""`replay`: a run once more, on this machine."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mlrun_operator.api.objects import Object
from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.errors import CliError, Exit
from mlrun_operator.cli.follow import Name

if TYPE_CHECKING:
    from mlrun_operator.cli.cluster import Link
    from mlrun_operator.sdk.aio.run import AsyncRun

# The executor's: mlrun_wrapper/executor/debugger.py.
_TERMINAL = "MLRUN_OPERATOR_TERMINAL"


@verb(Panel.FOLLOW)
def replay(
    name: Name,
    *,
    pdb: Annotated[bool, typer.Option("--pdb", help="Open the debugger where the handler raises.")] = False,
    current: Annotated[
        bool, typer.Option("--current", help="Function and run as they are now, where they have changed since.")
    ] = False,
) -> None:
    """Run a run once more on this machine, as its last execution ran.

    It gets the same commit or code, the same versions of its inputs, which are copied here, and the same parameters.
    What is not the same is told: other bytes, other versions of packages. Exit code 0 where it ends as it did.
    """
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json
    from mlrun_operator.sdk.aio.replay import differences

    if pdb:
        os.environ[_TERMINAL] = _terminal()

    async def work(link: "Link") -> tuple[str, Object, Object]:
        run = await link.run(name)
        then = await _report(run)
        again = await run.replay(current=current)
        await again.wait(check=False, logs=not session().json, log_info=False)
        return again.object_name, then, await _report(again)

    replayed, then, now = linked(work)
    is_same, different = _is_same(then, now), list(differences(then, now))
    if session().json:
        print_json({"run": replayed, "same": is_same, "differences": different})
    else:
        for line in different:
            out(line)
        outcome = f"{now.get('reason')}{': ' if now.get('message') else ''}{now.get('message') or ''}"
        out(f"{name} ends here as it did: {outcome}" if is_same else f"{name} ends otherwise here: {outcome}")
    if not is_same:
        raise typer.Exit(Exit.FAILED)


def _terminal() -> str:
    """The device of the terminal that the user sits at. Raises CliError."""
    try:
        return os.ttyname(sys.stdin.fileno())
    except (OSError, ValueError) as error:
        raise CliError("--pdb needs a terminal", "Leave it out to see the traceback.") from error


async def _report(run: "AsyncRun") -> Object:
    """The newest attempt's run.json; what the status has of it where there is none."""
    from mlrun_operator.api.objects import status_of
    from mlrun_operator.sdk.errors import SdkError

    try:
        return await run.run_json()
    except SdkError:
        status = status_of(run.to_dict())
        return {name: status[name] for name in ("reason", "message", "source", "inputs") if name in status}


def _is_same(then: Object, now: Object) -> bool:
    """Whether the outcome is the same: the reason, and of a failure its message."""
    return all(then.get(name) == now.get(name) for name in ("reason", "message"))
