"""A stored table described: Frictionless schema, number of rows, and a preview of the first ones."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from .limits import PREVIEW_BYTES, PREVIEW_CELL_CHARACTERS, PREVIEW_ROWS
from .values import Cleaner

_KINDS = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "M": "datetime", "m": "duration"}

# Of what pandas holds as objects; a datetime is a date as well, so it comes first.
_OBJECTS = {
    dict: "object",
    decimal.Decimal: "number",
    datetime.datetime: "datetime",
    datetime.date: "date",
    datetime.time: "time",
}


def described_table(file: Path, length: int | None) -> dict[str, Any]:
    """Schema, rows and preview; only the error where the file cannot be read as a table."""
    try:
        head, rows = _head(file)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    schema = {"fields": [{"name": str(name), "type": _type(column)} for name, column in head.items()]}
    return {"schema": schema, "rows": length if rows is None else rows, "preview": _preview(head)}


def _head(file: Path) -> tuple[pd.DataFrame, int | None]:
    """The first rows, and how many there are where that is cheap to know."""
    if file.suffix == ".csv":
        return pd.read_csv(file, nrows=PREVIEW_ROWS), None
    with pq.ParquetFile(file) as parquet:
        batch = next(parquet.iter_batches(batch_size=PREVIEW_ROWS), None)
        table = parquet.schema_arrow.empty_table() if batch is None else batch
        return _flat(table.to_pandas()), parquet.metadata.num_rows


def _flat(head: pd.DataFrame) -> pd.DataFrame:
    """With an index that says something as a column."""
    plain = head.index.nlevels == 1 and head.index.name is None
    return head.reset_index(drop=plain)


def _type(column: pd.Series) -> str:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "string"
    kind = _KINDS.get(getattr(column.dtype, "kind", "O"))
    if kind is not None:
        return kind
    first = next((value for value in column if value is not None), None)
    for type_, name in _OBJECTS.items():
        if isinstance(first, type_):
            return name
    return "array" if hasattr(first, "__len__") and not isinstance(first, (str, bytes)) else "string"


def _preview(head: pd.DataFrame) -> dict[str, Any] | None:
    """DigitalHub's form, with as many rows as fit; None where not even one does."""
    rows = min(len(head), PREVIEW_ROWS)
    while True:
        cleaner = Cleaner()
        columns = [
            {"name": str(name), "value": [_cell(cleaner.clean(v, "")) for v in column.iloc[:rows].tolist()]}
            for name, column in head.items()
        ]
        preview = {"cols": columns}
        if len(json.dumps(preview)) <= PREVIEW_BYTES:
            return preview
        if rows <= 1:
            return None
        rows //= 2


def _cell(value: Any) -> Any:
    is_long = isinstance(value, str) and len(value) > PREVIEW_CELL_CHARACTERS
    return f"{value[:PREVIEW_CELL_CHARACTERS]}…" if is_long else value
