"""Verbs of schedules: `schedule list`, `next`, `trigger`, `suspend`, `resume`, `backfill`."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mlrun_operator.api.objects import Object, is_controlled_by
from mlrun_operator.cli.app import Panel, app, session, verb
from mlrun_operator.cli.errors import CliError, Exit
from mlrun_operator.cli.look import Selector

if TYPE_CHECKING:
    from mlrun_operator.api.values.cron import Cron
    from mlrun_operator.cli.cluster import Link
    from mlrun_operator.sdk.aio.run import AsyncRun

# How long a triggered run may be in coming.
_SECONDS = 60

schedule = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(schedule, name="schedule", rich_help_panel=Panel.STEER.value, help="Runs that repeat.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A run with a schedule.")]


@verb(Panel.STEER, of=schedule, name="list")
def list_(*, selector: Selector = "") -> None:
    """List the schedules of a namespace: when they fire next, and how it went so far."""
    from mlrun_operator.cli import scheduling
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import print_json, print_rows, say
    from mlrun_operator.cluster.server_clock import utc_now

    async def read(link: "Link") -> tuple[str, list[Object]]:
        return link.namespace, [run for run in await link.runs(selector) if "schedule" in run["spec"]]

    namespace, found = linked(read)
    if session().json:
        print_json(found)
    elif not found:
        say(f"no schedules in namespace {namespace}")
    else:
        print_rows(scheduling.HEADS, [scheduling.row(run, utc_now()) for run in found])


@verb(Panel.STEER, of=schedule, name="next")
def next_(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="A run with a schedule, or an expression: '30 6 * * 1-5', @daily.")
    ],
    *,
    count: Annotated[int, typer.Option("-c", "--count", metavar="N", min=1, max=1000, help="How many.")] = 5,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Of an expression: its IANA time zone; default: UTC.")
    ] = None,
) -> None:
    """Show when a schedule or an expression fires next. An expression needs no cluster."""
    from itertools import islice

    from mlrun_operator.cli import scheduling
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json, say
    from mlrun_operator.cluster.server_clock import utc_now

    if " " in what.strip() or what in scheduling.MACROS:
        cron = _cron(what, zone)
    else:
        run = linked(lambda link: _scheduled(link, what)).to_dict()
        cron = _cron(run["spec"]["schedule"], run["spec"].get("timeZone"))
        if run["spec"].get("suspend") or run["spec"].get("stop"):
            say(f"{what} is {'stopped' if run['spec'].get('stop') else 'suspended'}; it would fire")
    slots = list(islice(scheduling.slots_after(cron, utc_now()), count))
    if session().json:
        print_json([slot.isoformat().replace("+00:00", "Z") for slot in slots])
    elif not slots:
        say("never: no such day comes within five years")
    else:
        out("\n".join(f"{slot:%Y-%m-%dT%H:%M:%SZ}   {slot.astimezone(cron.zone):%a %d %b %H:%M %Z}" for slot in slots))


@verb(Panel.STEER, of=schedule)
def trigger(
    name: Name,
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the run's end; the exit code says how it ended.")
    ] = False,
) -> None:
    """Run a schedule once, now, besides its firings; also while it is suspended."""
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.follow import ended, waited
    from mlrun_operator.cli.output import out, print_json

    async def work(link: "Link") -> Object:
        run = await _scheduled(link, name)
        if run.spec.get("stop"):
            raise CliError(f"{name} is stopped", f"`rerun {name}` runs it now and lets it fire again.")
        before = {each.uuid for each in await run.runs()}
        await run.rerun()
        child = await _new_child(link, run, before)
        if wait:
            await waited(link, child, None)
        return child.to_dict()

    child = linked(work)
    if wait:
        ended([child])
    elif session().json:
        print_json(child)
    else:
        out(f"mlrunrun/{child['metadata']['name']} made")


@verb(Panel.STEER, of=schedule, name="suspend")
def suspend_(name: Name) -> None:
    """Let a schedule rest; a run that is under way goes on."""
    _change(name, {"suspend": True}, "suspended")


@verb(Panel.STEER, of=schedule, name="resume")
def resume_(name: Name) -> None:
    """Let a schedule fire again; `catchUp` says what becomes of the slots that it missed."""
    _change(name, {"suspend": None}, "resumed")


@verb(Panel.STEER, of=schedule)
def backfill(  # noqa: PLR0913 - its options
    name: Name,
    *,
    from_: Annotated[
        str, typer.Option("--from", metavar="TIME", help="First moment: 2026-01-31 or 2026-01-31T06:00Z.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="TIME", help="End of the range, itself not in it.")],
    parallelism: Annotated[
        int | None, typer.Option("--parallelism", metavar="N", min=1, max=50, help="How many at once; default: 1.")
    ] = None,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="Begin with the newest slot.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the slots.")] = False,
) -> None:
    """Run each slot of a range of the past once.

    Slots from the next firing on are left to the schedule. `schedule list` shows how far it is.
    """
    from mlrun_operator.api.v1alpha1.schedule import MAX_BACKFILL
    from mlrun_operator.cli import scheduling
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out
    from mlrun_operator.cluster.server_clock import utc_now

    begin, end = _moment(from_, "--from"), _moment(to, "--to")
    if begin >= end:
        raise CliError("--from must be before --to")
    said: Object = {"from": _text(begin), "to": _text(end)}
    said |= {"parallelism": parallelism} if parallelism else {}
    said |= {"order": "NewestFirst"} if newest_first else {}
    run = linked(lambda link: _scheduled(link, name)).to_dict()
    cron = _cron(run["spec"]["schedule"], run["spec"].get("timeZone"))
    slots = scheduling.past_slots(run, cron, begin, end, utc_now())
    if len(slots) > MAX_BACKFILL:
        raise CliError(
            f"from {from_} to {to} there are more than {MAX_BACKFILL} slots", "Ask for a part of it at a time."
        )
    if dry_run:
        out("\n".join(_text(slot) for slot in (reversed(slots) if newest_first else slots)))
        return
    if not slots:
        raise CliError(f"{name} has no slot from {from_} to {to} that is past", "`schedule next` shows its times.")
    words = f"backfills {len(slots)} slot{'s' * (len(slots) != 1)}"
    _change(name, {"backfill": said}, words + (", once it is resumed" if run["spec"].get("suspend") else ""))


def _change(name: str, spec: Object, said: str) -> None:
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json
    from mlrun_operator.cluster.resources import RUNS

    async def work(link: "Link") -> Object:
        run = await _scheduled(link, name)
        return await link.backend.merge(RUNS, link.namespace, run.object_name, {"spec": spec})

    changed = linked(work)
    if session().json:
        print_json(changed)
    else:
        out(f"mlrunrun/{changed['metadata']['name']} {said}")


async def _scheduled(link: "Link", name: str) -> "AsyncRun":
    run = await link.run(name)
    if not run.is_scheduled:
        raise CliError(
            f"{name} is no schedule", "`schedule list` lists those that there are; `rerun` runs a run again."
        )
    return run


async def _new_child(link: "Link", run: "AsyncRun", before: set[str | None]) -> "AsyncRun":
    import asyncio

    from mlrun_operator.cluster.resources import RUNS
    from mlrun_operator.sdk.aio.run import AsyncRun

    try:
        async with asyncio.timeout(_SECONDS):
            async for _, obj in link.backend.follow_all(RUNS, link.namespace):
                if is_controlled_by(obj, str(run.uuid)) and obj["metadata"]["uid"] not in before:
                    return AsyncRun(link.session, obj)
    except TimeoutError:
        pass
    words = f"the operator has made no run of {run.object_name} within {_SECONDS} s"
    raise CliError(words, "`doctor` looks for it.", Exit.TIMEOUT)


def _cron(text: str, zone: str | None) -> "Cron":
    from mlrun_operator.api.values.cron import parse_cron

    try:
        return parse_cron(text, zone)
    except ValueError as error:
        raise CliError(str(error).removeprefix("schedule: "), "Five fields: minute hour day month weekday.") from error


def _moment(text: str, option: str) -> datetime:
    from datetime import UTC

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(f"{option} {text}: is no time", "Write 2026-01-31, or 2026-01-31T06:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    from datetime import UTC

    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
