"""Tables: what a handler logs is what a reader of the store gets back, type by type."""

import datetime
import decimal
import io
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue, open_store

FRAMES = {
    "category": "pd.DataFrame({'x': pd.Categorical(['a', 'b', 'a'], categories=['b', 'a', 'c'], ordered=True)})",
    "zoned": "pd.DataFrame({'x': pd.to_datetime(['2024-01-01', None]).tz_localize('Europe/Berlin')})",
    "nullable": "pd.DataFrame({'i': pd.array([1, None], 'Int64'), 'b': pd.array([True, None], 'boolean'), "
    "'s': pd.array(['a', None], 'string')})",
    "nested": "pd.DataFrame({'l': [[1, 2], []], 'd': [{'a': 1, 'b': 'x'}, {'a': 2, 'b': None}]})",
    "named-index": "pd.DataFrame({'x': [1, 2]}, index=pd.Index(['r', 's'], name='id'))",
    "levels": "pd.DataFrame({'x': [1, 2]}, index=pd.MultiIndex.from_tuples([('a', 1), ('b', 2)], names=['p', 'q']))",
    "filtered": "pd.DataFrame({'x': range(9)})[lambda frame: frame.x > 5]",
    "integer-names": "pd.DataFrame({0: [1.5, None], 1: ['a', 'b']}).rename(columns=str)",
    "span": "pd.DataFrame({'x': pd.to_timedelta([1, 2], unit='h')})",
    "bytes": "pd.DataFrame({'x': [b'a', b'\\xff']})",
    "decimal": "pd.DataFrame({'x': [decimal.Decimal('1.10'), decimal.Decimal('2.25')]})",
    "day": "pd.DataFrame({'x': [datetime.date(2024, 2, 29), None]})",
    "empty": "pd.DataFrame({'x': pd.Series([], dtype='float32')})",
}
LOGS = "import datetime, decimal\nimport pandas as pd\ndef handler(context):\n" + "".join(
    f"  context.log_dataset({name!r}, df={frame})\n" for name, frame in FRAMES.items()
)
RETURNS = "import datetime, decimal\nimport pandas as pd\ndef handler():\n  return " + ", ".join(FRAMES.values())
TYPES = {
    "category": {"x": "string"},
    "zoned": {"x": "datetime"},
    "nullable": {"i": "integer", "b": "boolean", "s": "string"},
    "nested": {"l": "array", "d": "object"},
    "named-index": {"id": "string", "x": "integer"},
    "levels": {"p": "string", "q": "integer", "x": "integer"},
    "filtered": {"x": "integer"},
    "integer-names": {"0": "number", "1": "string"},
    "span": {"x": "duration"},
    "bytes": {"x": "string"},
    "decimal": {"x": "number"},
    "day": {"x": "date"},
    "empty": {"x": "number"},
}


@pytest.mark.parametrize("code", [LOGS, RETURNS], ids=["logged", "returned"])
def test_every_type_survives_the_store(code: str, run: Callable[..., Ended], s3_store: StoreInfo) -> None:
    ended = run(envelope(code, store=s3_store, returns=list(FRAMES) if code is RETURNS else None))

    assert ended.code == 0, ended.log
    catalogue = Catalogue(open_store(s3_store))
    assert set(ended.result.outputs) == set(FRAMES)
    for name, text in FRAMES.items():
        entity = catalogue.read(Key.parse(ended.result.outputs[name].key))
        assert {f["name"]: f["type"] for f in entity.spec["schema"]["fields"]} == TYPES[name], name
        read = pd.read_parquet(io.BytesIO(catalogue.store.read((entity.path or "").removeprefix(f"{s3_store.root}/"))))
        assert_frame_equal(plain(read), plain(made(text)), check_index_type=False)
        preview = entity.status["preview"]
        assert preview["rows"] == len(read)
        assert [column["name"] for column in preview["cols"]] == list(TYPES[name])
        json.dumps(preview, allow_nan=False)


def made(text: str) -> pd.DataFrame:
    frame: pd.DataFrame = eval(text, {"pd": pd, "decimal": decimal, "datetime": datetime})
    return frame


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """With a named index as columns and a counted one forgotten, arrays as lists and times in mlrun's microseconds."""
    named = frame.index.names != [None]
    flat = frame.reset_index(drop=not named)
    return flat.apply(plain_column)


def plain_column(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if column.dtype == object:
        return column.map(as_list)
    return column.dt.as_unit("us") if column.dtype.kind in "mM" else column


def as_list(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def test_the_same_table_has_the_same_hash_in_every_run(run: Callable[..., Ended], s3_store: StoreInfo) -> None:
    code = "import os, pandas as pd\ndef handler(context):\n  context.log_dataset('t', df=pd.DataFrame({'a': [1]}))\n"
    code += "  os.makedirs('d/e')\n  [open(p, 'w').write(p) for p in ('d/b', 'd/e/a')]\n"
    code += "  context.log_artifact('folder', local_path='d')\n"
    first, second = (run(envelope(code, store=s3_store, run={"execution": number})) for number in (1, 2))

    for name in ("t", "folder"):
        one, two = first.result.outputs[name], second.result.outputs[name]
        assert one.path != two.path
        assert one.sha256 == two.sha256
        assert one.sha256 is not None


def test_a_table_logged_as_a_file_has_its_suffix_once(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    """mlrun writes the second as y.csv.csv."""
    code = """
        import pandas as pd

        def handler(context):
            frame = pd.DataFrame({"a": [1]})
            context.log_dataset("x.csv", df=frame)
            context.log_dataset("y.csv", df=frame, format="csv")
    """
    outputs = run(envelope(code, store=file_store)).result.outputs
    assert [info.path.rpartition("/")[2] for info in outputs.values()] == ["x.csv", "y.csv"]
    assert all(info.preview for info in outputs.values())
