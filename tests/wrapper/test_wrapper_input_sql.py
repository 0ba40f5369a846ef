"""Tables of a real PostgreSQL as inputs."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.flaky import CutWire
from support.postgres import PASSWORD, USER, Postgres, programs
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.v1alpha1.inputs import InputRef


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    folder = programs()
    if folder is None:
        pytest.skip(
            "NOT TESTED: inputs from PostgreSQL; Debian's package `postgresql` is not here, nor can it be installed"
        )
    with tempfile.TemporaryDirectory(prefix="pg-") as home:
        server = Postgres(folder, Path(home))
        with server.connect() as connection:
            connection.execute('CREATE SCHEMA "Sales"')
            connection.execute('CREATE TABLE "Sales"."Big Orders" (id int, what text, paid boolean)')
            connection.execute("""INSERT INTO "Sales"."Big Orders" VALUES (1, 'tea; "ü"', true), (2, NULL, false)""")
            connection.execute("CREATE TABLE ages AS SELECT date '0044-03-15 BC' AS day")
            connection.execute("CREATE TABLE numbers AS SELECT n, n * 2 AS twice FROM generate_series(1, 200000) n")
        yield server
        server.stop()


def variables(server: Postgres, **more: str) -> dict[str, str]:
    return {
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(server.port),
        "POSTGRES_USER": USER,
        "POSTGRES_PASSWORD": PASSWORD,
        **more,
    }


TYPED = """
CREATE DOMAIN price AS numeric(10, 2);
CREATE TABLE typed (
    small int2, whole int4, big int8, single float4, double float8, price price, free numeric, yes boolean, day date,
    at timestamp, moment timestamptz, hour time, what text, data bytea, tags text[], more jsonb
);
INSERT INTO typed VALUES
    (1, 2, 9007199254740993, 0.5, 'NaN', 1.10, 3.5, true, '2024-02-29', '2024-01-01 10:00:00.123456',
     '2024-01-01 10:00:00+02', '10:11:12.5', '', 'ab', '{a,b}', '{"a": 1}'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (-1, -2, -3, -0.5, '-Infinity', 'NaN', -0.25, false, 'infinity', 'infinity', '-infinity', '00:00', E'a\n"b"', '',
     '{}', '[]');
CREATE TABLE lonely (x text);
INSERT INTO lonely VALUES (NULL), (''), (NULL);
CREATE TABLE empty (x int, y date);
"""


def test_every_type_of_a_column_survives(postgres: Postgres, run: Callable[..., Ended], file_store: StoreInfo) -> None:
    with postgres.connect() as connection:
        connection.execute(TYPED)
    code = """
        import pandas as pd

        def told(frame):
            return {name: [None if pd.isna(v) else str(v) for v in frame[name]] for name in frame}

        def handler(typed: pd.DataFrame, lonely: pd.DataFrame, empty: pd.DataFrame, csv):
            types = {name: str(dtype) for name, dtype in typed.dtypes.items()}
            lines = csv.get(encoding="utf-8").splitlines()
            return [told(typed), types, told(lonely), list(empty.dtypes.map(str)), len(empty), lines[:2]]
    """
    names = ("typed", "lonely", "empty")
    inputs: dict[str, Any] = {name: f"sql://shop/public/{name}" for name in names}
    inputs["csv"] = InputRef(path="sql://shop/Sales/Big Orders", format="csv")
    ended = run(envelope(code, store=file_store, inputs=inputs), variables(postgres))

    assert ended.code == 0, ended.log
    typed, types, lonely, empty, rows, lines = ended.result.results["return"]
    assert typed == {
        "small": ["1", None, "-1"],
        "whole": ["2", None, "-2"],
        "big": ["9007199254740993", None, "-3"],
        "single": ["0.5", None, "-0.5"],
        "double": [None, None, "-inf"],
        "price": ["1.10", None, None],
        "free": ["3.5", None, "-0.25"],
        "yes": ["True", None, "False"],
        "day": ["2024-02-29", None, None],
        "at": ["2024-01-01 10:00:00.123456", None, None],
        "moment": ["2024-01-01 08:00:00+00:00", None, None],
        "hour": ["10:11:12.500000", None, "00:00:00"],
        "what": ["", None, 'a\n"b"'],
        "data": ["b'ab'", None, "b''"],
        "tags": ["{a,b}", None, "{}"],
        "more": ['{"a": 1}', None, "[]"],
    }
    assert (types["big"], types["at"], types["moment"]) == ("Int64", "datetime64[us]", "datetime64[us, UTC]")
    assert lonely == {"x": [None, "", None]}
    assert (empty, rows) == (["int32", "object"], 0)
    assert lines == ["id,what,paid", '1,"tea; ""ü""",true']


def test_tables_come_in_every_form_of_their_address(
    postgres: Postgres, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        import pandas as pd

        def handler(orders, numbers: pd.DataFrame, short):
            frame = orders.as_df()
            missing, twice = int(frame["what"].isna().sum()), int(short.as_df()["twice"].sum())
            return [frame.values.tolist()[0], missing, len(numbers), twice]
    """
    url = f"postgresql://127.0.0.1:{postgres.port}/shop/Sales/Big%20Orders"
    inputs = {"orders": url, "numbers": "sql://shop/public/numbers", "short": "sql://shop/numbers"}
    ended = run(envelope(code, store=file_store, inputs=inputs), variables(postgres))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [[1, 'tea; "ü"', True], 1, 200_000, 200_000 * 200_001]
    assert [info.path for info in ended.result.inputs if info.name == "orders"] == [url]
    assert PASSWORD not in ended.log + ended.termination


@pytest.mark.parametrize(
    ("path", "more", "code", "words"),
    [
        ("sql://shop/none", {}, 66, 'relation "none" does not exist'),
        ("sql://nothing/none", {}, 66, 'database "nothing" does not exist'),
        ("sql://shop/numbers", {"POSTGRES_PASSWORD": "wrong"}, 77, "password authentication failed"),
        ("sql://shop/numbers", {"POSTGRES_PORT": "1"}, 69, "connections? (2 tries)"),
        ("sql://shop/numbers", {"PGSSLMODE": "require"}, 69, "server does not support SSL, but SSL was required"),
        ("sql://shop", {}, 64, "names no table"),
        ("sql://shop/ages", {}, 64, "no Parquet can be made of it"),
        ("postgresql://me:geheim@127.0.0.1/shop/numbers", {}, 64, "carries a user"),
    ],
)
def test_what_is_wrong_is_told(  # noqa: PLR0917 - a table
    path: str,
    more: dict[str, str],
    code: int,
    words: str,
    postgres: Postgres,
    run: Callable[..., Ended],
    file_store: StoreInfo,
) -> None:
    ended = run(envelope("def handler(x): pass", store=file_store, inputs={"x": path}), variables(postgres, **more))

    assert ended.code == code, ended.log
    assert words in ended.result.message
    assert "geheim" not in ended.log + ended.termination


@pytest.mark.parametrize("cut", [0, 200, 600_000], ids=["at once", "while it logs in", "in the middle of the rows"])
def test_a_connection_that_breaks_is_tried_again(
    cut: int, postgres: Postgres, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    wire = CutWire((postgres.address, postgres.port), [cut])
    port = wire.address.rpartition(":")[2]
    code = "def handler(numbers):\n    frame = numbers.as_df()\n    return [len(frame), int(frame['twice'].sum())]"
    try:
        ended = run(
            envelope(code, store=file_store, inputs={"numbers": f"postgresql://127.0.0.1:{port}/shop/numbers"}),
            variables(postgres),
        )
    finally:
        wire.close()
    assert ended.code == 0, ended.log
    assert ended.result.results == {"return": [200_000, 200_001 * 200_000]}


def test_a_server_that_never_lets_through_is_told_with_the_tries(
    postgres: Postgres, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    wire = CutWire((postgres.address, postgres.port), [0] * 20)
    port = wire.address.rpartition(":")[2]
    path = f"postgresql://127.0.0.1:{port}/shop/numbers"
    try:
        ended = run(envelope("def handler(x): pass", store=file_store, inputs={"x": path}), variables(postgres))
    finally:
        wire.close()
    assert ended.code == 69, ended.log
    assert "server closed the connection unexpectedly" in ended.result.message
    assert "(2 tries)" in ended.result.message
