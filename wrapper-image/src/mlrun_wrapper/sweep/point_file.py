"""Points in a file, by mlrun's rules: a CSV file has one a line, a JSON file names the values of each parameter.

Values of a CSV file are what all of their column can be: whole numbers, numbers, true and false, else texts.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api import bounds
from mlrun_operator.api.v1alpha1.sweep import MAX_POINTS, Strategy, SweepInfo, check_params, points
from mlrun_wrapper.texts import whole

MAX_BYTES: Final = bounds.POINTS_FILE.limit
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def points_in(path: str, sweep: SweepInfo) -> list[dict[str, Any]]:
    """The points. Raises ValueError with what is wrong."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"hyperparameters: the paramFile cannot be read: {error}") from error
    if file.suffix == ".csv":
        return _of_csv(text, sweep.strategy)
    try:
        found = json.loads(text)
    except ValueError as error:
        kind = "JSON" if file.suffix == ".json" else f"CSV (.csv) or JSON (.json), by its name {file.name!r}"
        raise ValueError(f"hyperparameters: the paramFile is not {kind}: {error}") from error
    return _of_json(json.loads(whole(json.dumps(found, ensure_ascii=False))), sweep)


def _of_csv(text: str, strategy: Strategy | None) -> list[dict[str, Any]]:
    if strategy not in (None, "list"):
        raise ValueError(
            f"hyperparameters: a CSV file has a point a line, so its strategy is list, not {strategy}; a JSON file of "
            "parameter → values can be a grid or random"
        )
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    if len(rows) < 2:
        raise ValueError("hyperparameters: the paramFile has no points; its first line has the names")
    names, *lines = rows
    if uneven := next((number for number, row in enumerate(lines, 2) if len(row) != len(names)), None):
        raise ValueError(f"hyperparameters: row {uneven} of the paramFile has not as many values as names")
    _check_names(names)
    _check_number(len(lines))
    columns = [_typed([row[index] for row in lines]) for index in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _of_json(found: Any, sweep: SweepInfo) -> list[dict[str, Any]]:
    if sweep.strategy == "list" and isinstance(found, list):
        if not found or not all(isinstance(point, dict) and point for point in found):
            raise ValueError("hyperparameters: the paramFile is a list, but not one of objects with parameters")
        _check_number(len(found))
        return found
    if not isinstance(found, dict) or not all(isinstance(values, list) for values in found.values()):
        raise ValueError('hyperparameters: the paramFile has to be an object of lists, as {"depth": [2, 4]}')
    _check_names(list(found))
    check_params(found, sweep.strategy or "grid")
    return points(found, sweep.strategy, sweep.max_iterations, sweep.seed)


def _check_names(names: list[str]) -> None:
    bad = next((name for name in names if not name.strip() or names.count(name) > 1), None)
    if bad is not None:
        raise ValueError(f"hyperparameters: {bad!r} in the paramFile is no name, or is there twice")


def _check_number(number: int) -> None:
    if number > MAX_POINTS:
        raise ValueError(f"hyperparameters: {number} points in the paramFile; at most {MAX_POINTS} are run")


def _typed(texts: list[str]) -> list[Any]:
    """An empty text is None."""
    readers: tuple[Callable[[str], Any], ...] = (int, float, _BOOLEANS.__getitem__)
    for reader in readers:
        try:
            return [None if text == "" else reader(text) for text in texts]
        except (ValueError, KeyError):
            continue
    return [None if text == "" else text for text in texts]
