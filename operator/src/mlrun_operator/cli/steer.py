"""Verbs that change a run: `stop`, `suspend`, `resume`, `rerun`."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.look import Selector

if TYPE_CHECKING:
    from mlrun_operator.cli.cluster import Link
    from mlrun_operator.sdk.aio.run import AsyncRun

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Runs; @latest, train@latest.")]


@verb(Panel.STEER)
def stop(names: Names = None, *, selector: Selector = "") -> None:
    """End runs. Their pods store what they have so far; the history stays."""
    _all(names, selector, lambda run: run.stop(), "told to stop")


@verb(Panel.STEER)
def suspend(names: Names = None, *, selector: Selector = "") -> None:
    """Hold runs that have not started; the pods of started ones end, and start anew on `resume`."""
    _all(names, selector, lambda run: run.suspend(), "suspended")


@verb(Panel.STEER)
def resume(names: Names = None, *, selector: Selector = "") -> None:
    """Let suspended runs go on."""
    _all(names, selector, lambda run: run.resume(), "resumed")


@verb(Panel.STEER)
def rerun(names: Names = None, *, selector: Selector = "") -> None:
    """Run once more, as a new execution of the same run, once the last one has ended."""
    _all(names, selector, lambda run: run.rerun(), "runs again")


def _all(names: list[str] | None, selector: str, change: Callable[["AsyncRun"], Awaitable[object]], said: str) -> None:
    from mlrun_operator.cli.cluster import each, linked
    from mlrun_operator.cli.output import out, print_json

    changed: list[str] = []

    async def one(run: "AsyncRun") -> None:
        await change(run)
        changed.append(run.object_name)
        if not session().json:
            out(f"mlrunrun/{run.object_name} {said}")

    async def work(link: "Link") -> None:
        await each(link, names or [], selector, one)

    linked(work)
    if session().json:
        print_json({"runs": changed})
