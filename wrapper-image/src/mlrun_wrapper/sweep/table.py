"""All points as one table: `iter`, `state`, `param.<name>`, `output.<result>` as mlrun calls them, and `error`."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api import bounds
from mlrun_wrapper.inputs.parquet import parquet
from mlrun_wrapper.point_summary import Summary

# As of every table that is stored.
_ROWS: Final = bounds.PREVIEW_ROWS.limit
_BYTES: Final = bounds.PREVIEW.limit
_CELL: Final = bounds.PREVIEW_CELL.limit
# The types of a column in the words of `executor/parquet.py`, and those of a Frictionless schema.
_WORDS: Final = {"bool": "boolean", "int64": "integer", "float64": "number", "text": "string"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column; values that JSON knows and Parquet does not are texts."""

    name: str
    type: str
    values: list[Any]


def columns_of(summaries: Sequence[Summary], *, in_pods: bool) -> list[Column]:
    """The table; that of a fan-out says in `run_path` where each point's own log is."""
    parameters = _names(each.parameters for each in summaries)
    results = _names(each.results for each in summaries)
    columns = [
        Column("iter", "int64", [each.iteration for each in summaries]),
        Column("state", "text", [each.state for each in summaries]),
        *(_column(f"param.{name}", [each.parameters.get(name) for each in summaries]) for name in parameters),
        *(_column(f"output.{name}", [each.results.get(name) for each in summaries]) for name in results),
        Column("error", "text", [each.message or None for each in summaries]),
    ]
    if in_pods:
        columns.append(Column("run_path", "text", [each.run_path for each in summaries]))
    return columns


def write(columns: Sequence[Column], python: str, file: Path) -> None:
    """As Parquet, by the function's interpreter. Raises NotWrittenError."""
    with parquet(python, [(column.name, column.type) for column in columns], file) as target:
        for row in zip(*(column.values for column in columns), strict=True):
            target.write(f"{','.join(map(_cell, row))}\n".encode())


def described(columns: Sequence[Column]) -> dict[str, Any]:
    """Schema, number of rows and preview."""
    fields = [{"name": column.name, "type": _WORDS[column.type]} for column in columns]
    return {"schema": {"fields": fields}, "rows": len(columns[0].values), "preview": _preview(columns, _ROWS)}


def _preview(columns: Sequence[Column], rows: int) -> dict[str, Any] | None:
    """As many rows as fit; None where not even one does."""
    preview = {"cols": [{"name": each.name, "value": [_shown(v) for v in each.values[:rows]]} for each in columns]}
    if len(json.dumps(preview)) <= _BYTES:
        return preview
    return _preview(columns, rows // 2) if rows > 1 else None


def _names(rows: Iterable[dict[str, Any]]) -> list[str]:
    """In the order in which they first come."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _column(name: str, values: list[Any]) -> Column:
    """Of the narrowest type that holds all values; a column of nothing is one of numbers."""
    held = [value for value in values if value is not None]
    if held and all(isinstance(value, bool) for value in held):
        return Column(name, "bool", values)
    if held and all(_is_integer(value) for value in held):
        return Column(name, "int64", values)
    if all(isinstance(value, float) or _is_integer(value) for value in held):
        return Column(name, "float64", [None if value is None else float(value) for value in values])
    return Column(name, "text", [_text(value) for value in values])


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(value: Any) -> str:
    """In PostgreSQL's CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, str):
        return '"{}"'.format(value.replace('"', '""'))
    return repr(value)


def _shown(value: Any) -> Any:
    return f"{value[:_CELL]}…" if isinstance(value, str) and len(value) > _CELL else value
