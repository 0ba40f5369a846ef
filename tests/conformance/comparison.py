"""Outcomes side by side: what differs, by its place."""

from __future__ import annotations

import ast
import contextlib
import re
from pathlib import Path
from typing import Any

from docgen.programs import Program

# What only one side tells.
_ASIDE = ("reason", "warnings", "outputs")
# mlrun has it as HTML and only with a library, we as SVG; both have it where there is something to compare.
_PICTURE = "parallel_coordinates"
_TABLE = "iteration_results"
# Of pages and pickles, which are others with each version of their library.
ANY_DIGEST = "sha256:*"
# What mlrun puts before every exception that is not raised in the handler itself.
_OUTSIDE = "Failed on pre-loading / post-running of the function"


def job_of(program: Program, folder: Path) -> dict[str, Any]:
    """What both sides need of the program; its files are made."""
    place = folder / program.area / program.name
    (place / "files").mkdir(parents=True)
    for name, text in program.files.items():
        (place / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "files" / name).write_text(text)
    return {"id": program.id, "folder": str(place), "file": str(program.file), "steps": program.steps}


def differences(plain: list[dict[str, Any]], ours: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Place → what plain mlrun has there, and what we have; of several runs a place begins with their number."""
    found: dict[str, list[Any]] = {}
    for number, (theirs, mine) in enumerate(zip(plain, ours, strict=True), 1):
        prefix = f"{number}." if len(plain) > 1 else ""
        left, right = _comparable(theirs), _comparable(mine)
        if not _is_ours_to_word(theirs, mine):
            right["error"] = _same_words(left["error"], right["error"])
        else:
            right["error"] = left["error"]
        found |= {f"{prefix}{place}": pair for place, pair in _compared(left, right).items()}
    return found


def as_declared(found: dict[str, list[Any]], declared: dict[str, list[Any]]) -> bool:
    """Whether the differences are exactly those; of an error some words are enough, of a digest that it is one."""
    return found.keys() == declared.keys() and all(
        all(map(_said if place.endswith("error") else _alike, found[place], pair)) for place, pair in declared.items()
    )


def _alike(found: Any, declared: Any) -> bool:
    if isinstance(found, dict) and isinstance(declared, dict):
        return found.keys() == declared.keys() and all(_alike(found[name], declared[name]) for name in found)
    return str(found).startswith("sha256:") if declared == ANY_DIGEST else _equal(found, declared)


def _said(found: str | None, declared: str | None) -> bool:
    return found == declared if found is None or declared is None else declared in found


def _is_ours_to_word(theirs: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Whether both failed before or after the handler: the words are each platform's own."""
    failed = all(outcome["state"] in ("error", "refused") for outcome in (theirs, mine))
    return failed and mine.get("reason") != "HandlerFailed"


def _comparable(outcome: dict[str, Any]) -> dict[str, Any]:
    kept = {"error": None, **{name: value for name, value in outcome.items() if name not in _ASIDE}}
    kept["state"] = "error" if kept["state"] == "refused" else kept["state"]
    kept = {"results": {}, "artifacts": {}, "iterations": {}, "nested": [], **kept}
    artifacts = dict(kept.get("artifacts") or {})
    artifacts |= {name: "a picture" for name in artifacts if name.endswith(_PICTURE)}
    if _TABLE in artifacts:
        artifacts[_TABLE] = _points(artifacts[_TABLE])
    return {**kept, "artifacts": artifacts}


def _points(artifact: dict[str, Any]) -> Any:
    """The rows of the table of iterations, by column; columns that only we have are left out."""
    files = artifact["files"] or {}
    table = next(iter(files.values()), None)
    if not isinstance(table, dict):
        return artifact
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    begun = [row for row in rows if row.get("state") != "skipped"]  # mlrun's has no others
    return [{name: _cell(value) for name, value in row.items() if _is_common(name)} for row in begun]


def _cell(value: Any) -> Any:
    """A cell as both tables have it: a CSV file knows no types, and Parquet no lists of any."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        with contextlib.suppress(SyntaxError, ValueError):
            return ast.literal_eval(value)
    return float(value) if isinstance(value, int | float) else value


def _is_common(column: str) -> bool:
    return column in ("iter", "state") or column.startswith(("param.", "output."))


def _same_words(theirs: str | None, mine: str | None) -> str | None:
    """Ours is mlrun's where it says the same, and more: each exception of a chain, `KeyError` for `KeyError()`."""
    if not theirs or not mine:
        return mine
    parts = [_squeezed(part.removesuffix("()")) for part in theirs.split(", caused by: ") if part != _OUTSIDE]
    return theirs if all(part in _squeezed(mine) for part in parts) else mine


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _compared(left: Any, right: Any, place: str = "") -> dict[str, list[Any]]:
    if isinstance(left, dict) and isinstance(right, dict):
        found: dict[str, list[Any]] = {}
        for name in [*left, *(name for name in right if name not in left)]:
            found |= _compared(left.get(name), right.get(name), f"{place}.{name}" if place else str(name))
        return found
    return {} if _equal(left, right) else {place: [left, right]}


def _equal(left: Any, right: Any) -> bool:
    """Equal as Python has it, but a whole number is no fraction and no truth value."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[name], right[name]) for name in left)
    return type(left) is type(right) and bool(left == right)
