import datetime
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_wrapper.executor.limits import PREVIEW_BYTES, PREVIEW_ROWS
from mlrun_wrapper.executor.tables import described_table
from mlrun_wrapper.executor.values import Cleaner

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=15,
)


@given(ANY)
def test_whatever_comes_is_json_that_every_reader_understands(value: Any) -> None:
    text = json.dumps(Cleaner().clean(value, "x"), allow_nan=False)

    def checked(number: str) -> int:
        assert abs(int(number)) <= 2**53
        return int(number)

    json.loads(text, parse_int=checked)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.datetime64("2024-01-02"), "2024-01-02"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (pd.Series([1.5, None]), [1.5, None]),
        (pd.Timestamp("2024-01-02", tz="UTC"), "2024-01-02T00:00:00+00:00"),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.DataFrame({"a": [1]}), {"a": [1]}),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (2**53, 2**53),
        (-(2**53) - 1, str(-(2**53) - 1)),
        ({1: (2, {3})}, {"1": [2, [3]]}),
        (Path("/x"), "/x"),
    ],
)
def test_what_becomes_of(value: Any, expected: Any) -> None:
    assert Cleaner().clean(value, "x") == expected


def test_names_with_nan_or_infinity_are_remembered() -> None:
    cleaner = Cleaner()

    assert cleaner.clean(math.nan, "loss") is None
    assert cleaner.clean({"deep": [1.0, -math.inf]}, "curve") == {"deep": [1.0, None]}
    assert cleaner.clean(1.0, "fine") == 1.0
    assert cleaner.nonfinite == {"loss", "curve"}


def described(frame: pd.DataFrame, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "t.parquet"
    frame.to_parquet(file)
    return described_table(file, None)


def test_a_table_s_schema_is_frictionless(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "int": [1, 2],
            "float": [1.5, None],
            "bool": [True, False],
            "text": ["a", None],
            "when": pd.to_datetime(["2024-01-01", "2024-01-02"]),
            "zoned": pd.to_datetime(["2024-01-01", "2024-01-02"]).tz_localize("Europe/Berlin"),
            "span": pd.to_timedelta([1, 2], unit="h"),
            "category": pd.Categorical(["x", "y"]),
            "nullable": pd.array([1, None], dtype="Int64"),
            "list": [[1], [2]],
            "struct": [{"a": 1}, {"a": 2}],
            "empty": [None, None],
        }
    )

    found = described(frame, tmp_path)

    assert {field["name"]: field["type"] for field in found["schema"]["fields"]} == {
        "int": "integer",
        "float": "number",
        "bool": "boolean",
        "text": "string",
        "when": "datetime",
        "zoned": "datetime",
        "span": "duration",
        "category": "string",
        "nullable": "integer",
        "list": "array",
        "struct": "object",
        "empty": "string",
    }
    json.dumps(found, allow_nan=False)
    values = {column["name"]: column["value"] for column in found["preview"]["cols"]}
    assert values["float"] == [1.5, None]
    assert values["nullable"] == [1, None]
    assert values["struct"] == [{"a": 1}, {"a": 2}]


def test_an_index_that_says_something_is_a_column_and_a_counted_one_is_not(tmp_path: Path) -> None:
    plain = described(pd.DataFrame({"a": [1]}, index=[7]), tmp_path)
    named = described(pd.DataFrame({"a": [1]}, index=pd.Index([7], name="id")), tmp_path)

    assert [field["name"] for field in plain["schema"]["fields"]] == ["a"]
    assert [field["name"] for field in named["schema"]["fields"]] == ["id", "a"]


def test_a_preview_has_at_most_fifty_rows_and_32_kib(tmp_path: Path) -> None:
    long = described(pd.DataFrame({"n": range(1000)}), tmp_path)
    wide = described(pd.DataFrame({f"c{n}": ["x" * 200] * 100 for n in range(20)}), tmp_path)
    huge = described(pd.DataFrame({f"c{n}": ["x" * 200] for n in range(1000)}), tmp_path)

    assert len(long["preview"]["cols"][0]["value"]) == PREVIEW_ROWS
    assert long["rows"] == 1000
    assert 0 < len(wide["preview"]["cols"][0]["value"]) < PREVIEW_ROWS
    assert len(json.dumps(wide["preview"])) <= PREVIEW_BYTES
    assert huge["preview"] is None
    assert len(huge["schema"]["fields"]) == 1000


def test_an_empty_table_has_a_schema(tmp_path: Path) -> None:
    found = described(pd.DataFrame({"a": pd.Series([], dtype="int64")}), tmp_path)

    assert found["rows"] == 0
    assert found["schema"] == {"fields": [{"name": "a", "type": "integer"}]}
    assert found["preview"] == {"cols": [{"name": "a", "value": []}]}


def test_a_csv_is_described_too(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b\n1,x\n")

    found = described_table(file, 1)

    assert found["rows"] == 1
    assert found["schema"]["fields"][0] == {"name": "a", "type": "integer"}


def test_what_is_no_table_says_so(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    file.write_bytes(b"nothing")

    assert "error" in described_table(file, None)
