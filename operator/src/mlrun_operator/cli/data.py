"""Verbs on what a run made: `outputs`, `download`, `preview`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from mlrun_operator.cli.cluster import Link
    from mlrun_operator.sdk.aio.run import AsyncRun

Name = Annotated[str, typer.Argument(metavar="NAME", help="A run; @latest, train@latest.")]


@verb(Panel.LOOK)
def outputs(name: Name) -> None:
    """List what a run stored, and its results. While it runs: what is known so far."""
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json

    run = linked(lambda link: link.object("runs", name))
    status = status_of(run)
    if session().json:
        print_json({"outputs": status.get("outputs") or {}, "results": status.get("results") or {}})
    else:
        out(made(run) or "nothing yet")


@verb(Panel.LOOK)
def download(
    name: Name,
    wanted: Annotated[list[str] | None, typer.Argument(metavar="OUTPUT...", help="Outputs; default: all.")] = None,
    *,
    folder: Annotated[Path, typer.Option("-d", "--folder", metavar="FOLDER", help="Where to.")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Download outputs of a run into a folder."""
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json

    async def fetch(link: "Link") -> dict[str, str]:
        run = await link.run(name)
        found: dict[str, str] = {}
        for each in wanted or await _names(run):
            entity = await run.output(each)
            found[each] = await entity.download(folder, overwrite=overwrite)
            if not session().json:
                out(f"{each}: {found[each]}")
        return found

    found = linked(fetch)
    if session().json:
        print_json(found)
    elif not found:
        raise CliError(f"{name} has no outputs", "`outputs` shows its results.", Exit.NOT_FOUND)


@verb(Panel.LOOK)
def preview(
    name: Name,
    output: Annotated[str | None, typer.Argument(metavar="OUTPUT", help="Default: the only table.")] = None,
    *,
    count: Annotated[int, typer.Option("--rows", metavar="N", min=1, help="How many rows.")] = 10,
) -> None:
    """Show the first rows of a dataset that a run made. They come from the run's status: no store is asked."""
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json

    run = linked(lambda link: link.object("runs", name))
    chosen, data = _table(name, status_of(run).get("outputs") or {}, output)
    heads = [str(column["name"]) for column in data["cols"]]
    lines = list(zip(*(column["value"] for column in data["cols"]), strict=False))[:count]
    if session().json:
        print_json(
            {"output": chosen, "rows": [dict(zip(heads, line, strict=True)) for line in lines], "of": data.get("rows")}
        )
        return
    _print_table(heads, lines)
    out(f"{len(lines)} of {data.get('rows', '?')} rows of {chosen}")


def made(run: Object) -> str:
    """Outputs and results of a run as tables; empty where there are none."""
    import json

    from mlrun_operator.cli.describing import size
    from mlrun_operator.cli.output import rows_text

    status = status_of(run)
    parts = []
    stored = (status.get("outputs") or {}).items()
    if stored:
        lines = [[name, o["kind"], size(o.get("size")), o["path"]] for name, o in stored]
        parts.append(rows_text(("output", "kind", "size", "path"), lines))
    results = (status.get("results") or {}).items()
    if results:
        parts.append(rows_text(("result", "value"), [[name, json.dumps(value)[:200]] for name, value in results]))
    return "\n\n".join(parts)


async def _names(run: "AsyncRun") -> list[str]:
    return list(await run.outputs(as_key=True))


def _table(run: str, stored: dict[str, Object], wanted: str | None) -> tuple[str, Object]:
    tables = {name: output["preview"] for name, output in stored.items() if output.get("preview")}
    if wanted is not None and wanted in stored and wanted not in tables:
        raise CliError(f"output {wanted} of {run} has no preview", "`download` fetches it.", Exit.NOT_FOUND)
    if wanted is None and len(tables) == 1:
        return next(iter(tables.items()))
    if wanted not in tables:
        there = ", ".join(sorted(tables)) or "none"
        problem = f"{run} has no table {wanted}" if wanted else f"{run} has {len(tables)} tables"
        raise CliError(f"{problem}; there are: {there}", "Name one of them.", Exit.NOT_FOUND)
    return wanted, tables[wanted]


def _print_table(heads: Sequence[str], lines: Sequence[Sequence[Any]]) -> None:
    from mlrun_operator.cli.output import colours, draw, out, rows_text

    if colours():
        from mlrun_operator.cli.live import table_view

        draw(table_view(heads, lines))
    else:
        out(rows_text(heads, [["" if value is None else str(value) for value in line] for line in lines]))
