"""What verbs print: tables, JSON and YAML on stdout, news on stderr; colours on a terminal only.

Nothing else in this package prints: what objects, handlers and servers wrote reaches a terminal through `visible`.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import yaml

from mlrun_operator.api.limited_yaml import EXPONENT
from mlrun_operator.api.visible import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

# So wide that nothing is wrapped where no terminal says how wide it is.
_ENDLESS = 10_000


def console(file: TextIO | None = None) -> "Console":
    """A console on stdout or `file`: as wide as the terminal, without colours and limits elsewhere."""
    from rich.console import Console

    file = file or sys.stdout
    return Console(file=file, width=None if file.isatty() else _ENDLESS, highlight=False, soft_wrap=False)


class Painted(str):
    """A text in a colour, already visible."""

    __slots__ = ()


def out(*parts: str, end: str = "\n", flush: bool = False, file: TextIO | None = None) -> None:
    """Print a line of these parts on stdout or `file`. Only painted parts send escape sequences: their colours'."""
    shown = (part if isinstance(part, Painted) else visible(part) for part in parts)
    print(*shown, sep="", end=end, flush=flush, file=file)


def say(*parts: str) -> None:
    """Print a line of news on stderr, out of the way of pipes."""
    out(*parts, file=sys.stderr)


def draw(view: "RenderableType") -> None:
    """Print a view of `live`, which is made of visible text."""
    console().print(view)


def json_text(value: Any, indent: int | None = None) -> str:
    """Return the value as JSON that a terminal may show."""
    return visible(json.dumps(value, indent=indent, ensure_ascii=False, default=str))


def print_json(value: Any) -> None:
    """Print one JSON document."""
    out(json_text(value, indent=2))


def print_yaml(*values: Any) -> None:
    """Print YAML documents; code and other long texts as blocks."""
    out("---\n".join(yaml_text(value) for value in values), end="")


def yaml_text(value: Any) -> str:
    """Return one YAML document in the order of its keys. What is not printable is in double quotes, as an escape."""
    return visible(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def print_rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns. On a terminal phases have colours."""
    from mlrun_operator.cli.rows import PHASE_COLOURS

    for cells in _aligned(head, rows):
        out(*(painted(cell, PHASE_COLOURS.get(cell.strip(), "")) for cell in cells))


def rows_text(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return aligned columns, as kubectl prints them."""
    return "\n".join("".join(cells) for cells in _aligned(head, rows))


def _aligned(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return the lines as cells that begin below each other; nothing follows the last text of a line."""
    lines = [[name.upper() for name in head], *([cell_text(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return [_padded(line, widths) for line in lines]


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    filled = max((i for i, cell in enumerate(line) if cell), default=0)
    return [cell.ljust(width + 3) for cell, width in zip(line[:filled], widths, strict=False)] + [line[filled]]


def cell_text(text: str) -> str:
    """Return the text as a table's cell holds it: one line, its white space as single blanks."""
    return one_line(" ".join(text.split()))


def colours(file: TextIO | None = None) -> bool:
    """Whether colours may be printed."""
    return (file or sys.stdout).isatty() and "NO_COLOR" not in os.environ


def painted(text: str, colour: str, file: TextIO | None = None) -> str:
    """Return the text in a colour, where there is a colour and a terminal."""
    return Painted(ansi(text, colour)) if colour and colours(file) else text


def ansi(text: str, colour: str) -> str:
    """Return the visible text in a colour, as terminals read it."""
    return f"\033[{_ANSI[colour]}m{visible(text)}\033[0m"


_ANSI = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "bold": 1, "dim": 2}


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = text.split("\n")
    if not all(line.isprintable() or line.replace("\t", "").isprintable() for line in lines):
        style: str | None = '"'
    else:
        style = "|" if len(lines) > 1 and all(line == line.rstrip() for line in lines) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+.0123456789"))
_Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
