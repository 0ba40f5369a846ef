"""Run by path in the function's interpreter, which has pyarrow: a CSV on stdin becomes a Parquet file, piece by piece.

The first line of stdin is a JSON list of [name, type], the types in the words of `_TYPES`; the rest is PostgreSQL's own
CSV, in which NULL is nothing and an empty text is `""`. The one argument is the file to write.
"""

from __future__ import annotations

import json
import os
import sys
from io import BufferedReader
from typing import Any

# A row must fit into one piece.
_PIECE = 16 << 20
_TYPES = {
    "bool": "bool_",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "float32": "float32",
    "float64": "float64",
    "date": "date32",
    "text": "string",
    "bytes": "string",
}
# What pandas calls an integer that may be missing: it would else become a float, and not every one fits.
_NULLABLE = {"int16": "Int16", "int32": "Int32", "int64": "Int64"}


def main(source: BufferedReader, file: str) -> None:
    """Convert. Raises pyarrow's errors."""
    import pyarrow as pa  # noqa: PLC0415 - only where it is run
    import pyarrow.csv as reader  # noqa: PLC0415 - as above
    import pyarrow.parquet as writer  # noqa: PLC0415 - as above

    columns = json.loads(source.readline())
    parsed = pa.schema([(name, _type(pa, kind)) for name, kind in columns])
    binary = [name for name, kind in columns if kind == "bytes"]
    schema = pa.schema([pa.field(each.name, pa.binary()) if each.name in binary else each for each in parsed])
    missing = dict.fromkeys(schema.names, 0)
    # Without Arrow's own schema, whose metadata would stand in the place of what is known only at the end.
    with writer.ParquetWriter(file, schema, store_schema=False) as target:
        if source.peek(1):
            with reader.open_csv(source, *_options(reader, parsed)) as batches:
                for batch in batches:
                    whole = _with_bytes(pa, batch, binary, schema)
                    for name in schema.names:
                        missing[name] += whole.column(name).null_count
                    target.write_batch(whole)
        gaps = [name for name, _ in columns if missing[name]]
        if hasattr(target, "add_key_value_metadata"):  # since pyarrow 16
            target.add_key_value_metadata({"pandas": json.dumps(_pandas(columns, gaps))})


def _options(reader: Any, schema: Any) -> tuple[Any, Any, Any]:
    return (
        reader.ReadOptions(column_names=schema.names, block_size=_PIECE, use_threads=False),
        reader.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        reader.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def _type(pa: Any, kind: str) -> Any:
    if kind.startswith("decimal"):
        return pa.decimal128(*map(int, kind.split()[1:]))
    if kind == "time":
        return pa.time64("us")
    if kind in ("moment", "moment UTC"):
        return pa.timestamp("us", tz="UTC" if kind.endswith("UTC") else None)
    return getattr(pa, _TYPES[kind])()


def _with_bytes(pa: Any, batch: Any, binary: list[str], schema: Any) -> Any:
    r"""The batch with bytes for their `\x…` text."""
    if not binary:
        return batch
    found = []
    for field, column in zip(schema, batch.columns, strict=True):
        if field.name in binary:
            values = [None if text is None else bytes.fromhex(text[2:]) for text in column.to_pylist()]
            found.append(pa.array(values, pa.binary()))
        else:
            found.append(column)
    return pa.RecordBatch.from_arrays(found, schema=schema)


def _pandas(columns: list[list[str]], gaps: list[str]) -> dict[str, Any]:
    """What tells pandas to read integers with gaps as integers."""
    described = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": _NULLABLE[kind], "metadata": None}
        for name, kind in columns
        if name in gaps and kind in _NULLABLE
    ]
    return {"index_columns": [], "column_indexes": [], "columns": described, "pandas_version": "2.0"}


if __name__ == "__main__":
    try:
        main(sys.stdin.buffer, sys.argv[1])  # type: ignore[arg-type]
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)  # the threads with which pyarrow reads ahead may crash an ordinary end
