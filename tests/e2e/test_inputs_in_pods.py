"""Inputs that need what only the built image has: the driver of PostgreSQL in one environment, pyarrow in the other."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kube import Kube, run
from support.postgres import PASSWORD, USER, Postgres, programs

from devcluster import paths

CODE = """
def handler(orders):
    frame = orders.as_df()
    return [orders.suffix, [str(dtype) for dtype in frame.dtypes], str(frame["price"].sum())]
"""


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    folder = programs()
    if folder is None:
        pytest.skip("NOT TESTED: PostgreSQL in pods; Debian's package `postgresql` is not here")
    with tempfile.TemporaryDirectory(prefix="pg-") as home:
        server = Postgres(folder, Path(home), paths.BRIDGE_IP)
        yield server
        server.stop()


def test_a_table_of_postgresql_keeps_its_types(kube: Kube, postgres: Postgres) -> None:
    with postgres.connect() as connection:
        connection.execute("CREATE TABLE orders (id bigint, at timestamptz, price numeric(10, 2))")
        connection.execute("INSERT INTO orders VALUES (1, now(), 1.10), (NULL, NULL, 2.25)")
    given = {"POSTGRES_USER": USER, "POSTGRES_PASSWORD": PASSWORD}
    kube.kubectl("create", "secret", "generic", "shop", *(f"--from-literal={n}={v}" for n, v in given.items()))
    made = run(
        "from-sql", secrets=["shop"], inputs={"orders": f"postgresql://{paths.BRIDGE_IP}:{postgres.port}/shop/orders"}
    )
    made["spec"].pop("functionRef")
    made["spec"]["function"] = {"source": {"code": CODE}, "handler": "handler"}
    kube.apply(made)

    status = kube.finished("from-sql")
    assert status["phase"] == "Succeeded", status["message"]
    assert status["results"]["return"] == [".parquet", ["Int64", "datetime64[us, UTC]", "object"], "3.35"]
    assert PASSWORD not in str(status)
