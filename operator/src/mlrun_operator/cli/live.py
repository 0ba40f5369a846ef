"""What `watch`, `top` and `preview` show, as rich renderables. Pure: made from objects and a moment.

Every text goes through `_text`: rich would take a plain string of data for its markup, and sends escape sequences on.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.visible import one_line
from mlrun_operator.cli import rows, so_far

if TYPE_CHECKING:
    from mlrun_operator.sdk.results import Results

_ACTIVE: Final = ("Running", "Pending", "New", "Suspended", "Scheduled")
_SYMBOLS: Final = {"Succeeded": "✔", "Failed": "✘", "Stopped": "■", "Running": "▶", "Pending": "…", "Suspended": "Ⅱ"}


def top_view(
    runs: Sequence[Object], namespace: str, now: datetime, limit: int = 20, *, wide: bool = False
) -> RenderableType:
    """The namespace's runs: how many are in each phase, then those that are under way, then the newest ended ones.

    As wide as the terminal, or (`wide`) as its texts are.
    """
    counts = Counter(rows.phase(run) for run in runs)
    head = _text(f"{namespace}  ", "bold")
    for phase in (*rows.PHASE_COLOURS, "New"):
        if counts[phase]:
            head.append(f"  {counts[phase]} {phase}", style=rows.PHASE_COLOURS.get(phase, "magenta"))
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0), expand=not wide)
    for name in ("run", "phase", "function", "took", "age"):
        table.add_column(name, no_wrap=True)
    table.add_column("what", ratio=None if wide else 1, no_wrap=True, overflow="ellipsis")
    for run in sorted(runs, key=lambda r: (_rank(r), _newest_first(r, now)))[:limit]:
        cells = (
            rows.name(run),
            _phase(run),
            rows.function_name(run),
            rows.took(run, now),
            rows.age(run, now),
            _what(run),
        )
        _add_row(table, cells)
    more = len(runs) - limit
    return Group(head, _text(), table, *([_text(f"and {more} more", "dim")] if more > 0 else []))


def watch_view(
    run: Object, log: Sequence[str], now: datetime, log_lines: int = 12, live: "Results | None" = None
) -> RenderableType:
    """One run: how it stands, its pods, what it made or has logged so far (`live`), and the end of its log."""
    status = status_of(run)
    head = _text().append_text(_text(rows.name(run), "bold")).append("  ").append_text(_phase(run))
    if rows.reason(run):
        head.append_text(_text(f", {rows.reason(run)}"))
    facts = Table.grid(padding=(0, 2, 0, 0))
    for name, value in _facts(run, now, live):
        _add_row(facts, (_text(name, "dim"), _text(value, overflow="fold")))
    parts: list[RenderableType] = [head, facts]
    pods = status.get("attempts") or ()
    if pods:
        table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
        for name in ("attempt", "pod", "node", "ended"):
            table.add_column(name, no_wrap=True)
        first = int(status.get("attemptCount") or len(pods)) - len(pods) + 1
        for number, pod in enumerate(pods, first):
            _add_row(table, (str(number), pod["pod"], pod.get("node", ""), pod.get("reason") or ""))
        parts += [_text(), table]
    if log:
        parts += [_text(), _text("log", "dim")]
        parts += [_text(line, no_wrap=True, overflow="ellipsis") for line in log[-log_lines:]]
    return Group(*parts)


def table_view(names: Sequence[str], lines: Sequence[Sequence[Any]]) -> RenderableType:
    """Return rows of data as a table; columns of numbers are aligned on the right."""
    table = Table(header_style="bold")
    for index, name in enumerate(names):
        is_number = all(isinstance(line[index], int | float) for line in lines)
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(_text(name), justify=justify, overflow="ellipsis", no_wrap=True)
    for line in lines:
        _add_row(table, ["" if value is None else str(value) for value in line])
    return table


def change_line(run: Object, live: "Results | None" = None) -> str:
    """One line for each change, where there is no terminal to draw on."""
    said = rows.reason(run)
    words = rows.message(run) if rows.phase(run) in ("Failed", "Stopped", "Pending") else ""
    ended = f"{rows.points(run)} points" if rows.points(run) else ""
    done = so_far.percent(live) if rows.phase(run) == "Running" else ""
    return one_line(" · ".join(part for part in (rows.name(run), rows.phase(run), said, ended, done, words) if part))


def _facts(run: Object, now: datetime, live: "Results | None") -> list[tuple[str, str]]:
    status = status_of(run)
    made = [*(status.get("outputs") or {}), *(f"{k} = {v}" for k, v in (status.get("results") or {}).items())]
    facts = [
        ("function", rows.function_name(run)),
        ("took" if status.get("completionTime") else "since", rows.took(run, now) or rows.age(run, now)),
        ("points", rows.points(run)),
        ("message", rows.message(run) if rows.phase(run) not in ("Running", "Succeeded") else ""),
        *so_far.facts(run, live),
        ("made", ", ".join(made)),
    ]
    return [(name, value) for name, value in facts if value]


def _phase(run: Object) -> Text:
    phase = rows.phase(run)
    return _text(f"{_SYMBOLS.get(phase, '·')} {phase}", rows.PHASE_COLOURS.get(phase, "magenta"))


def _what(run: Object) -> Text:
    said, words = rows.reason(run), rows.message(run)
    if rows.phase(run) == "Succeeded":
        return _text(", ".join(status_of(run).get("outputs") or {}), "dim")
    if rows.points(run) and not words:
        return _text(f"{rows.points(run)} points")
    return _text(f"{said}: {words}" if said and words else said or words)


def _text(text: str = "", style: str = "", **shown: Any) -> Text:
    """Return the words as they are, never as markup."""
    return Text(one_line(text), style=style, **shown)


def _add_row(table: Table, cells: Iterable[str | Text]) -> None:
    table.add_row(*(cell if isinstance(cell, Text) else _text(cell) for cell in cells))


def _rank(run: Object) -> int:
    phase = rows.phase(run)
    return _ACTIVE.index(phase) if phase in _ACTIVE else len(_ACTIVE)


def _newest_first(run: Object, now: datetime) -> float:
    from mlrun_operator.assess.times import parse_time

    created = parse_time(run["metadata"].get("creationTimestamp"))
    return (now - created).total_seconds() if created else 0.0
