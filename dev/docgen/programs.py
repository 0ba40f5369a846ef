"""The programs of the conformance suite: what they are, how they run, and where their outcome may differ.

They are read as text, never imported: a program needs mlrun, and the page about them does not.
"""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from devcluster import paths

FOLDER: Final = paths.REPOSITORY / "tests" / "conformance" / "programs"
SCRIPTS: Final = "scripts"
SAME: Final = "same"
_TABLES: Final = ("RUN", "FILES", "DIFFERS", "EXERCISES")


@dataclass(frozen=True, slots=True)
class Program:
    """One program. `steps` are its runs in order, with mlrun's own names of arguments.

    `differs` maps a place of the outcome to its value under mlrun and to its value here.
    """

    area: str
    name: str
    summary: str
    file: Path
    steps: list[dict[str, Any]]
    files: dict[str, str]
    verdict: str = SAME
    why: str = ""
    differs: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name that tests and the page show."""
        return f"{self.area}/{self.name}"


@dataclass(frozen=True, slots=True)
class Area:
    """The programs of one module; its docstring is the title."""

    name: str
    title: str
    programs: list[Program]


def areas() -> list[Area]:
    """Return all areas by name, scripts last. Raises ValueError for a declaration without its program."""
    modules = [_of_module(file) for file in sorted(FOLDER.glob("*.py"))]
    return [*modules, _of_scripts(FOLDER / SCRIPTS)]


def programs() -> list[Program]:
    """Return all programs."""
    return [program for area in areas() for program in area.programs]


def _of_module(file: Path) -> Area:
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    tables = _tables(tree)
    runs = {name: run if isinstance(run, list) else [run] for name, run in tables["RUN"].items()}
    later = {step["handler"] for name, steps in runs.items() for step in steps if step.get("handler", name) != name}
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    names = [name for name in functions if not name.startswith("_") and name not in later]
    names += [name for name in runs if name not in functions]
    _check(file, set(names), {*runs, *tables["DIFFERS"]})
    made = [
        _program(file, name, ast.get_docstring(functions[name]) if name in functions else None, runs, tables)
        for name in names
    ]
    return Area(file.stem, ast.get_docstring(tree) or "", made)


def _of_scripts(folder: Path) -> Area:
    made = []
    for file in sorted(folder.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
        tables = _tables(tree)
        run = {**tables["RUN"], "handler": None}
        differs = {file.stem: tables["DIFFERS"]} if tables["DIFFERS"] else {}
        made.append(
            _program(file, file.stem, ast.get_docstring(tree), {file.stem: [run]}, {**tables, "DIFFERS": differs})
        )
    return Area(SCRIPTS, "Files that run as scripts, without a handler.", made)


def _program(
    file: Path, name: str, docstring: str | None, runs: dict[str, list[dict[str, Any]]], tables: dict[str, Any]
) -> Program:
    differs = tables["DIFFERS"].get(name, {})
    return Program(
        area=SCRIPTS if file.parent.name == SCRIPTS else file.stem,
        name=name,
        summary=(docstring or f"{name.replace('_', ' ').capitalize()}.").strip().split("\n")[0],
        file=file,
        steps=[{"handler": name, **step} for step in runs.get(name, [{}])],
        files=tables["FILES"],
        verdict=differs.get("verdict", SAME),
        why=differs.get("why", ""),
        differs=differs.get("differs", {}),
    )


def _tables(tree: ast.Module) -> dict[str, Any]:
    """The module's literals that say how its programs run."""
    found: dict[str, Any] = {name: {} for name in _TABLES}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in _TABLES:
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def _check(file: Path, names: set[str], declared: set[str]) -> None:
    if unknown := sorted(declared - names):
        raise ValueError(f"{file.name} declares {unknown[0]!r} and has no such program")
