"""Verbs that show what there is: `list`, `get`, `describe`."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlrun_operator.api.objects import Object
from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.errors import CliError

if TYPE_CHECKING:
    from mlrun_operator.cli.cluster import Link
    from mlrun_operator.cli.rows import Cell
    from mlrun_operator.sdk.results import Results


class Format(StrEnum):
    """How objects are printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


Output = Annotated[Format, typer.Option("-o", "--output", metavar="FORMAT", help="table, wide, json, yaml or name.")]
Selector = Annotated[
    str, typer.Option("-l", "--selector", metavar="LABELS", help="Only those with these labels: team=a,stage!=test.")
]
_KINDS = {
    name: kind for kind in ("runs", "functions") for name in (kind, kind[:-1], f"mlrun{kind}", f"mlrun{kind[:-1]}")
}
_KINDS |= {"mlr": "runs", "mlf": "functions"}


@verb(Panel.LOOK, name="list")
def list_(  # noqa: PLR0913 - its options
    what: Annotated[str, typer.Argument(metavar="WHAT", help="runs (default) or functions.")] = "runs",
    *,
    selector: Selector = "",
    function: Annotated[str, typer.Option("-f", "--function", metavar="NAME", help="Only runs of this function.")] = "",
    phase: Annotated[str, typer.Option("--phase", metavar="PHASE", help="Only runs in this phase.")] = "",
    everywhere: Annotated[bool, typer.Option("-A", "--all-namespaces", help="In all namespaces.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """List runs, newest first, or functions."""
    from mlrun_operator.cli import rows
    from mlrun_operator.cli.cluster import linked

    kind = _kind(what)

    async def read(link: "Link") -> tuple[str, list[Object]]:
        if kind == "functions":
            return link.namespace, await link.functions(selector, everywhere=everywhere)
        found = await link.runs(selector, everywhere=everywhere)
        return link.namespace, [
            run
            for run in found
            if (not function or function in _names_of_function(run))
            and (not phase or rows.phase(run).lower() == phase.lower())
        ]

    namespace, found = linked(read)
    show(kind, found, output, namespace=namespace, everywhere=everywhere)


@verb(Panel.LOOK)
def get(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Runs, or `function/NAME`; @latest, train@latest.")
    ],
    *,
    output: Output = Format.TABLE,
) -> None:
    """Show runs or functions by name; `-o yaml` prints them whole.

    Of a run at work also how much is done, and what it has logged so far.
    """
    from mlrun_operator.cli import so_far
    from mlrun_operator.cli.cluster import linked

    if len(names) == 1 and names[0] in _KINDS:
        raise CliError(f"get takes names; `list {_KINDS[names[0]]}` lists them")
    wanted = [(_KINDS.get(name.rpartition("/")[0] or "run", ""), name.rpartition("/")[2]) for name in names]
    if any(not kind for kind, _ in wanted):
        raise CliError("a name is that of a run, run/NAME or function/NAME")

    whole = output in (Format.JSON, Format.YAML, Format.NAME) or session().json

    async def read(link: "Link") -> tuple[list[tuple[str, Object]], dict[str, "Results"]]:
        there = [(kind, await link.object(kind, name)) for kind, name in wanted]
        runs = [] if whole else [obj for kind, obj in there if kind == "runs"]
        return there, await so_far.read(link, runs)

    found, live = linked(read)
    if output in (Format.JSON, Format.YAML) or session().json:
        show("runs", [obj for _, obj in found], output, single=len(found) == 1)
        return
    for kind in dict.fromkeys(kind for kind, _ in found):
        show(kind, [obj for each, obj in found if each == kind], output, live=live)


@verb(Panel.LOOK)
def describe(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A run, or `function/NAME`; @latest, train@latest.")],
) -> None:
    """Describe a run or a function on a page.

    What it runs, how it stands, what it read and made, or has logged so far, and its events.
    """
    from mlrun_operator.cli import describing, so_far
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json
    from mlrun_operator.cluster.server_clock import utc_now
    from mlrun_operator.sdk.status import told_objects

    kind, _, short = name.rpartition("/")

    async def read(link: "Link") -> tuple[Object, list[Object], "Results | None"]:
        obj = await link.object(_kind(kind or "run"), short)
        live = await so_far.read(link, [obj])
        return obj, await link.backend.events(link.namespace, told_objects(obj)), live.get(obj["metadata"]["uid"])

    obj, events, live = linked(read)
    if session().json:
        print_json({"object": obj, "events": events, **({"live": live.to_dict()} if live is not None else {})})
    else:
        out(describing.text(obj, events, utc_now(), live))


@verb(Panel.LOOK)
def compare(
    left: Annotated[str, typer.Argument(metavar="A", help="A run; @latest, train@latest.")],
    right: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    *,
    everything: Annotated[bool, typer.Option("--all", help="What is the same, too.")] = False,
) -> None:
    """Show how two runs differ: code, parameters, inputs, results, outputs, environment, options."""
    from mlrun_operator.cli import comparing
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json, print_rows, say
    from mlrun_operator.sdk.errors import SdkError

    problems: list[str] = []

    async def read(link: "Link") -> list[dict[comparing.Place, Any]]:
        found = []
        for name in (left, right):
            run, report = await link.run(name), None
            try:
                report = await run.run_json()
            except SdkError as error:
                problems.append(str(error))
            found.append(comparing.facts(run.to_dict(), report))
        return found

    both = linked(read)
    for problem in problems:
        say(f"without all of it: {problem}")
    shown = [pair for pair in comparing.pairs(*both) if everything or pair.differs]
    if session().json:
        print_json([vars(pair) for pair in shown])
    elif not shown:
        out(f"{left} and {right} do not differ")
    else:
        table = [[pair.section, pair.name, comparing.cell(pair.left), comparing.cell(pair.right)] for pair in shown]
        print_rows(["what", "", left, right], table)


def show(  # noqa: PLR0913 - how to print
    kind: str,
    objects: Sequence[Object],
    output: Format,
    *,
    namespace: str = "",
    everywhere: bool = False,
    single: bool = False,
    live: "Mapping[str, Results] | None" = None,
) -> None:
    """Print the objects in the format that was asked for."""
    from mlrun_operator.cli import rows
    from mlrun_operator.cli.output import out, print_json, print_rows, print_yaml, say
    from mlrun_operator.cluster.server_clock import utc_now

    for obj in objects:
        obj["metadata"].pop("managedFields", None)
    whole: Any = objects[0] if single else {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    if session().json or output is Format.JSON:
        print_json(whole)
    elif output is Format.YAML:
        print_yaml(whole)
    elif output is Format.NAME:
        for obj in objects:
            out(f"mlrun{kind[:-1]}/{obj['metadata']['name']}")
    elif not objects:
        say(f"no {kind} in {'any namespace' if everywhere else f'namespace {namespace}'}")
    else:
        cells = rows.columns(kind, wide=output is Format.WIDE) | _live_columns(live or {})
        if everywhere:
            cells = {"namespace": lambda obj, _: str(obj["metadata"]["namespace"]), **cells}
        print_rows(list(cells), rows.rows(objects, cells, utc_now()))


def _live_columns(live: "Mapping[str, Results]") -> "dict[str, Cell]":
    """Return the columns of runs at work, those that tell something."""
    from mlrun_operator.cli import so_far

    def column(text: "Callable[[Results | None], str]") -> "Cell":
        return lambda run, _: text(live.get(run["metadata"]["uid"]))

    texts = {"progress": so_far.percent, "so far": so_far.values}
    return {name: column(text) for name, text in texts.items() if any(map(text, live.values()))}


def _kind(text: str) -> str:
    if text not in _KINDS:
        raise CliError(f"{text!r} is neither runs nor functions")
    return _KINDS[text]


def _names_of_function(run: Object) -> tuple[str, ...]:
    from mlrun_operator.cli import rows

    return rows.function_name(run), str((run["spec"].get("functionRef") or {}).get("name"))
