"""The files of a verb, as words or by `-f`, as kubectl's users type it."""

from collections.abc import Sequence
from typing import Annotated

import typer

from mlrun_operator.cli.errors import CliError

Files = Annotated[
    list[str] | None, typer.Argument(metavar="FILE...", help="Files or folders of manifests; - is stdin.")
]
Filename = Annotated[
    list[str] | None, typer.Option("-f", "--filename", metavar="FILE", help="The same, as kubectl has it; repeatable.")
]


def files_of(files: Sequence[str] | None, filename: Sequence[str] | None) -> list[str]:
    """Return all files that were named, each once. Raises CliError where there is none."""
    found = list(dict.fromkeys([*(files or ()), *(filename or ())]))
    if not found:
        raise CliError("no file was named", "Name files or folders, or - for standard input: -f FILE.")
    return found
