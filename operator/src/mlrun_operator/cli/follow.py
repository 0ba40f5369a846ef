"""Verbs that follow runs: `logs`, `wait`, `watch`, `top`, and `why`, which explains one."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.errors import CliError, Exit
from mlrun_operator.cli.look import Selector

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlrun_operator.cli.cluster import Link
    from mlrun_operator.sdk.aio.run import AsyncRun
    from mlrun_operator.sdk.results import Results

Name = Annotated[str, typer.Argument(metavar="NAME", help="A run; @latest, train@latest.")]
Timeout = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Exit with 124 then.")]
# How often ages are counted on where nothing changes.
_REFRESH = 1.0
_LIVE_SECONDS = 5.0


@verb(Panel.FOLLOW)
def logs(  # noqa: PLR0913 - its options
    name: Name,
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Until the run has ended, over all attempts.")] = False,
    tail: Annotated[int | None, typer.Option("--tail", metavar="N", min=0, help="Only the last lines.")] = None,
    attempt: Annotated[int | None, typer.Option("--attempt", metavar="N", min=1, help="Only this attempt.")] = None,
    replica: Annotated[
        int | None, typer.Option("--replica", metavar="N", min=0, help="Only this replica, counted from 0.")
    ] = None,
    point: Annotated[
        int | None, typer.Option("--point", metavar="N", min=1, help="Only this point of a sweep, counted from 1.")
    ] = None,
) -> None:
    """Print the log of a run.

    Attempt after attempt; from the store where a pod is gone. `--json` prints an object for each line. Lines of live
    results are left out.
    """
    from collections import deque

    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import json_text, out

    if follow and tail is not None:
        raise CliError("--tail is for a log that is not followed", "Leave out one of --tail and --follow.")
    if replica is not None and point is not None:
        raise CliError("a run has replicas or points, never both", "Leave out one of --replica and --point.")
    index = replica if point is None else point - 1

    async def print_all(link: "Link") -> None:
        run = await link.run(name)
        last: deque[str] = deque(maxlen=tail)
        found = index is None
        async for line in run.logs(follow=follow):
            if attempt not in (None, line.attempt) or index not in (None, line.replica):
                continue
            found = True
            told = {"attempt": line.attempt, "pod": line.pod, "line": str(line)}
            told |= {} if line.replica is None else {"replica": line.replica}
            shown = json_text(told) if session().json else line
            if tail is None:
                out(shown, flush=follow)
            else:
                last.append(shown)
        for kept in last:
            out(kept)
        if not found:
            raise CliError(
                f"the status of {run.name} tells of no pod of that number", _by_kubectl(run, index), Exit.NOT_FOUND
            )

    linked(print_all)


def _by_kubectl(run: "AsyncRun", index: int | None) -> str:
    """How to read the log of a pod that the status does not tell of: of many points it has the newest few."""
    job = status_of(run.to_dict()).get("jobName")
    labels = f"{constants.LABEL_JOB}={job},{constants.LABEL_INDEX}={index}"
    return f"If it has started: kubectl -n {run.namespace} logs -c {constants.CONTAINER} -l {labels} --tail=-1"


@verb(Panel.FOLLOW)
def wait(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Runs; @latest, train@latest.")],
    *,
    timeout: Timeout = None,
    patient: Annotated[bool, typer.Option("--patient", help="Wait on where a run cannot start.")] = False,
) -> None:
    """Wait until runs have ended.

    Exit code 0 where all succeeded, 1 where one did not, 124 after the timeout. A run that cannot start for a cause
    that waiting does not mend (image, Secret, node) ends the wait with 1, too.
    """
    from mlrun_operator.cli.cluster import linked

    async def all_of_them(link: "Link") -> list[Object]:
        import asyncio

        runs = [await link.run(name) for name in names]
        await asyncio.gather(*(waited(link, run, timeout, fail_fast=not patient) for run in runs))
        return [run.to_dict() for run in runs]

    ended(linked(all_of_them))


@verb(Panel.FOLLOW)
def watch(name: Name, *, timeout: Timeout = None) -> None:
    """Watch a run live: how it stands, its pods, what it has logged so far, and the end of its log.

    Ends with the run, with the exit code of `wait`. Without a terminal: a line for each change of its phase or percent.
    """
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import colours

    async def follow(link: "Link") -> Object:
        run = await link.run(name)
        return await (_drawn(link, run, timeout) if colours() else _told(link, run, timeout))

    ended([linked(follow)], quiet=True)


@verb(Panel.FOLLOW)
def top(
    *,
    selector: Selector = "",
    once: Annotated[bool, typer.Option("--once", help="Print it once, as without a terminal.")] = False,
) -> None:
    """Watch all runs of a namespace live: those under way first. Ctrl-C ends it."""
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.live import top_view
    from mlrun_operator.cli.output import colours, draw, print_json
    from mlrun_operator.cluster.server_clock import utc_now

    async def show(link: "Link") -> None:
        if session().json:
            print_json({"namespace": link.namespace, "runs": await link.runs(selector)})
        elif once or not colours():
            runs = await link.runs(selector)
            draw(top_view(runs, link.namespace, utc_now(), limit=1000, wide=not colours()))
        else:
            await _top(link, selector)

    linked(show)


@verb(Panel.FOLLOW)
def why(name: Name) -> None:
    """Say why a run is where it is, and what to do.

    From its status, its function, its pods as they are now, and Kubernetes' events.
    """
    from mlrun_operator.cli import explaining
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, painted, print_json
    from mlrun_operator.cluster.server_clock import utc_now
    from mlrun_operator.sdk.aio.run import referenced_function
    from mlrun_operator.sdk.status import told_objects

    async def ask(link: "Link") -> explaining.Diagnosis:
        run = await link.run(name)
        obj = run.to_dict()
        pods = await link.pods(obj)
        uids = [*told_objects(obj), *(pod["metadata"]["uid"] for pod in pods or ())]
        events = await link.backend.events(link.namespace, list(dict.fromkeys(uids)))
        return explaining.explain(obj, await referenced_function(link.backend, obj), pods, events, utc_now())

    said = linked(ask)
    if session().json:
        print_json(said.wire())
    else:
        for parts in explaining.lines(said, painted):
            out(*parts)


async def waited(link: "Link", run: "AsyncRun", seconds: float | None, *, fail_fast: bool = True) -> None:
    """Wait for the run's end, each change told in a line on stderr. Raises the SDK's errors of `wait`."""
    import asyncio

    from mlrun_operator.cli.live import change_line
    from mlrun_operator.cli.output import say
    from mlrun_operator.cluster.resources import RUNS

    async def tell() -> None:
        last = ""
        async for obj in link.backend.follow(RUNS, link.namespace, run.object_name):
            if obj is not None and (line := change_line(obj)) != last:
                say(line)
                last = line

    telling = asyncio.create_task(tell())
    try:
        await run.wait(seconds, check=False, fail_fast=fail_fast, log_info=False)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


def ended(runs: list[Object], *, quiet: bool = False) -> None:
    """Print how runs ended and what they made; exit with 1 where one did not succeed."""
    from mlrun_operator.cli import rows
    from mlrun_operator.cli.data import made
    from mlrun_operator.cli.output import out, print_json

    if session().json:
        print_json(runs[0] if len(runs) == 1 else {"apiVersion": "v1", "kind": "List", "items": runs})
    elif not quiet:
        for words in filter(None, map(made, runs)):
            out(words)
    bad = [run for run in runs if rows.phase(run) != "Succeeded"]
    if bad:
        first = bad[0]
        how = "was stopped" if rows.phase(first) == "Stopped" else "failed"
        said = "" if rows.reason(first) == rows.phase(first) else rows.reason(first)
        words = ": ".join(part for part in (f"{rows.name(first)} {how}", said, rows.message(first)) if part)
        raise CliError(
            words, f"`why {rows.name(first)}` explains it, `logs {rows.name(first)}` has its log.", Exit.FAILED
        )


class _Lines:
    """Prints a line for each change of a run, where there is no terminal to draw on."""

    def __init__(self, run: Object) -> None:
        self.run = run
        self._last = ""

    def show(self, live: "Results | None" = None) -> None:
        """Print the run's line, with the progress of `live`, unless it is the last one again."""
        from mlrun_operator.cli.live import change_line
        from mlrun_operator.cli.output import out

        if (line := change_line(self.run, live)) != self._last and not session().json:
            out(line, flush=True)
        self._last = line

    async def show_progress(self, link: "Link") -> None:
        """Show how much is done, every few seconds."""
        import asyncio
        import contextlib

        from mlrun_operator.sdk.errors import SdkError
        from mlrun_operator.sdk.live import live_results

        while True:
            await asyncio.sleep(_LIVE_SECONDS)
            with contextlib.suppress(SdkError):  # who may not read them has none
                self.show(await live_results(link.backend, self.run))


async def _told(link: "Link", run: "AsyncRun", seconds: float | None) -> Object:
    import asyncio

    from mlrun_operator.cluster.resources import RUNS
    from mlrun_operator.sdk.status import has_ended

    lines = _Lines(run.to_dict())
    showing = asyncio.create_task(lines.show_progress(link))
    try:
        async with asyncio.timeout(seconds):
            async for obj in link.backend.follow(RUNS, link.namespace, run.object_name):
                if obj is None:
                    raise CliError(f"{run.object_name} was deleted", "", Exit.NOT_FOUND)
                lines.run = obj
                lines.show()
                if has_ended(obj):
                    return obj
    except TimeoutError:
        raise CliError(
            f"{run.object_name} did not end within {seconds:g} seconds", "It goes on.", Exit.TIMEOUT
        ) from None
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
    raise AssertionError


async def _drawn(link: "Link", run: "AsyncRun", seconds: float | None) -> Object:
    """The live view: one task follows the run, one its log; the picture is drawn anew each second."""
    import asyncio
    from collections import deque

    from rich.live import Live

    from mlrun_operator.cli.live import watch_view
    from mlrun_operator.cli.output import console
    from mlrun_operator.cluster.resources import RUNS
    from mlrun_operator.cluster.server_clock import utc_now
    from mlrun_operator.sdk.errors import NotAllowed
    from mlrun_operator.sdk.live import LiveLog
    from mlrun_operator.sdk.status import has_ended

    lines: deque[str] = deque(maxlen=50)
    now: list[Object] = [run.to_dict()]
    live = LiveLog()

    async def read_log() -> None:
        try:
            async for line in link.backend.log(run.to_dict(), follow=True):
                if not live.take(line):
                    lines.append(line)
        except NotAllowed:  # without the log, the store may have the live results
            await live.read(link.backend, lambda: now[0])

    async def read_run() -> None:
        async for obj in link.backend.follow(RUNS, link.namespace, run.object_name):
            if obj is None:
                raise CliError(f"{run.object_name} was deleted", "", Exit.NOT_FOUND)
            now[0] = obj
            if has_ended(obj):
                return

    def picture() -> "RenderableType":
        return watch_view(now[0], list(lines), utc_now(), live=live.results(now[0]))

    tasks = [asyncio.create_task(read_run()), asyncio.create_task(read_log())]
    try:
        async with asyncio.timeout(seconds):
            with Live(console=console(), auto_refresh=False) as view:
                while not tasks[0].done():
                    view.update(picture(), refresh=True)
                    await asyncio.wait([tasks[0]], timeout=_REFRESH)
                await asyncio.wait([tasks[1]], timeout=2 * _REFRESH)
                view.update(picture(), refresh=True)
        tasks[0].result()
    except TimeoutError:
        raise CliError(
            f"{run.object_name} did not end within {seconds:g} seconds", "It goes on.", Exit.TIMEOUT
        ) from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return now[0]


async def _top(link: "Link", selector: str) -> None:
    import asyncio

    from rich.live import Live

    from mlrun_operator.cli.live import top_view
    from mlrun_operator.cli.output import console
    from mlrun_operator.cluster.resources import RUNS
    from mlrun_operator.cluster.server_clock import utc_now

    known: dict[str, Object] = {}

    async def follow() -> None:
        async for kind, obj in link.backend.follow_all(RUNS, link.namespace, selector):
            if kind == "DELETED":
                known.pop(obj["metadata"]["uid"], None)
            else:
                known[obj["metadata"]["uid"]] = obj

    task = asyncio.create_task(follow())
    screen = console()
    try:
        await asyncio.wait([task], timeout=_REFRESH / 4)  # so that the first picture is not empty
        with Live(console=screen, auto_refresh=False, screen=True) as live:
            while not task.done():
                limit = max(3, screen.height - 5)
                live.update(top_view(list(known.values()), link.namespace, utc_now(), limit), refresh=True)
                await asyncio.wait([task], timeout=_REFRESH)
        task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
