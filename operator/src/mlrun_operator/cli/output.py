"""What verbs print: tables, JSON and YAML on stdout, news on stderr; colours on a terminal only."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import yaml

from mlrun_operator.cli.documents import EXPONENT

if TYPE_CHECKING:
    from rich.console import Console

# So wide that nothing is wrapped where no terminal says how wide it is.
_ENDLESS = 10_000


def console(file: TextIO | None = None) -> "Console":
    """A console on stdout or `file`: as wide as the terminal, without colours and limits elsewhere."""
    from rich.console import Console

    file = file or sys.stdout
    return Console(file=file, width=None if file.isatty() else _ENDLESS, highlight=False, soft_wrap=False)


def print_json(value: Any) -> None:
    """One JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_yaml(*values: Any) -> None:
    """YAML documents; code and other long texts as blocks."""
    print("---\n".join(yaml_text(value) for value in values), end="")


def yaml_text(value: Any) -> str:
    """One YAML document in the order of its keys."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def say(text: str) -> None:
    """A line of news on stderr, out of the way of pipes."""
    print(text, file=sys.stderr)


def rows_text(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Aligned columns, as kubectl prints them. On a terminal phases have colours."""
    lines = [[name.upper() for name in head], *([" ".join(cell.split()) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    in_colour = colours()
    return "\n".join(
        "   ".join(
            _painted(cell, cell.ljust(width)) if in_colour else cell.ljust(width)
            for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def colours(file: TextIO | None = None) -> bool:
    """Whether colours may be printed."""
    return (file or sys.stdout).isatty() and "NO_COLOR" not in os.environ


def painted(text: str, colour: str) -> str:
    """The text in a colour, on a terminal."""
    return ansi(text, colour) if colours() else text


def ansi(text: str, colour: str) -> str:
    """The text in a colour, as terminals read it."""
    return f"\033[{_ANSI[colour]}m{text}\033[0m"


def _painted(cell: str, shown: str) -> str:
    from mlrun_operator.cli.rows import PHASE_COLOURS

    return ansi(shown, PHASE_COLOURS[cell]) if cell in PHASE_COLOURS else shown


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
