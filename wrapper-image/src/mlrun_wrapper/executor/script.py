"""A file without a handler: run as a script in this process, where mlrun's context of the run is at hand.

`mlrun.get_or_create_ctx` gives that context, so parameters, results and artifacts are those of a handler. mlrun itself
would start another Python, import itself there again, and need a server to bring artifacts back.
"""

from __future__ import annotations

import ast
import runpy
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .failure import InvalidRunError
from .load import syntax_error
from .parameters import is_named

_CONTEXTS = ("get_or_create_ctx", "get_current_context")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def script(file: Path) -> Callable[..., Any]:
    """The file as a handler. Raises InvalidRunError where it has a syntax error, or only defines what to call."""
    source = file.read_bytes()
    try:
        tree = ast.parse(source, str(file))
    except (SyntaxError, ValueError) as error:
        raise syntax_error(error, file) from None
    names = [node.name for node in tree.body if isinstance(node, _DEFINITIONS)]
    if names and not any(_works(node, names) for node in tree.body):
        raise InvalidRunError(_no_handler(file, tree))

    def run(context: Any) -> None:
        runpy.run_path(str(file), run_name="__main__")

    run.__name__ = file.name
    run.__annotations__ = {}  # texts here, by the import from the future: mlrun would look them up
    return run


def unread(file: Path, parameters: Iterable[str], inputs: Iterable[str]) -> list[str]:
    """Warnings about parameters and inputs that the script does not mention."""
    source = file.read_text(encoding="utf-8", errors="replace")
    return [
        f"{file.name} does not mention {name!r}, which the run gives it"
        for name in (*parameters, *inputs)
        if not is_named(name.partition(":")[0].strip(), source)
    ]


def _works(node: ast.stmt, names: list[str]) -> bool:
    """Whether the statement does more than define, import and assign."""
    if isinstance(node, (*_DEFINITIONS, ast.Import, ast.ImportFrom, ast.Pass)):
        return False
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        return any(name in (*names, *_CONTEXTS) for name in _called(node))
    if isinstance(node, ast.If) and not _asks_for_main(node):
        return any(_works(each, names) for each in (*node.body, *node.orelse))
    if isinstance(node, ast.Try):
        inner = [*node.body, *node.orelse, *node.finalbody, *(each for case in node.handlers for each in case.body)]
        return any(_works(each, names) for each in inner)
    return True


def _asks_for_main(node: ast.If) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))


def _called(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            function = part.func
            yield function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _no_handler(file: Path, tree: ast.Module) -> str:
    functions = [
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_")
    ]
    methods = [
        f"{node.name}::{method.name}"
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
    ]
    known = functions or methods
    text = f"no handler given, and {file.name} only defines what could be called"
    if not known:
        return text
    return f"{text}; did you mean {known[-1]!r}? It defines {', '.join(known)}"
