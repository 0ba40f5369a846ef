"""The code of a notebook, with the marks that mlrun's `code_to_function` reads. Pure."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mlrun_operator.sdk.errors import InvalidArgument

_MARK: Final = re.compile(r"[ \t]*#[ \t]*(?:nuclio|mlrun):[ \t]*(ignore|start-code|end-code)\b")
_MAGIC: Final = re.compile(r"[ \t]*[%!]")
_IGNORED_TAGS: Final = frozenset({"mlrun-ignore", "nuclio-ignore"})


def notebook_code(path: Path, data: bytes) -> tuple[str, list[str]]:
    """The code cells in their order, and the lines of magics and shell commands that were taken out.

    Cells marked or tagged to be ignored are left out; of a notebook with `start-code` or `end-code`, what is between.
    Raises InvalidArgument where the file is no notebook, or holds no code.
    """
    found: list[str] = []
    magics: list[str] = []
    started, ended = False, False
    for cell in _cells(path, data):
        is_python = _is_python(cell)
        for line in [*cell.splitlines(), ""]:
            mark = _MARK.match(line)
            if mark and mark[1] == "start-code" and not started:
                found, magics, started, ended = [], [], True, False
            elif mark and mark[1] == "end-code":
                ended = True
            elif not ended:
                (magics if not is_python and _is_magic(line, cell) else found).append(line)
    text = "\n".join(found).strip("\n")
    if not text:
        raise InvalidArgument("source.source", f"{path} holds no code")
    return f"{text}\n", [line.strip() for line in magics if line.strip()]


def _is_python(cell: str) -> bool:
    """Whether Python itself reads the cell: then a line that begins with % goes on with an expression or a text."""
    try:
        ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_magic(line: str, cell: str) -> bool:
    """Whether IPython alone understands it: a line with a magic, or any of a cell that begins with `%%`."""
    return cell.lstrip().startswith("%%") or bool(_MAGIC.match(line))


def _cells(path: Path, data: bytes) -> Iterator[str]:
    try:
        cells: Any = json.loads(data)["cells"]
        for cell in cells:
            tags = cell.get("metadata", {}).get("tags", [])
            text = "".join(cell["source"])
            is_ignored = any(mark[1] == "ignore" for mark in map(_MARK.match, text.splitlines()) if mark)
            if cell["cell_type"] == "code" and not is_ignored and _IGNORED_TAGS.isdisjoint(tags):
                yield text
    except (ValueError, KeyError, TypeError, AttributeError):
        hint = "Save it with Jupyter in the format 4 of notebooks."
        raise InvalidArgument("source.source", f"{path} is no notebook", hint=hint) from None
