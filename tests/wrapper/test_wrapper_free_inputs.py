"""An input that only **kwargs takes reaches the handler (fault A10), where mlrun itself ends with a KeyError."""

from collections.abc import Callable
from pathlib import Path

import pytest
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo

PLAIN = """
    def handler(context, x, **kwargs):
        return {name: f"{type(value).__name__} {value.as_df().shape[0]}" for name, value in kwargs.items()}
"""
DECORATED = """
    import mlrun

    @mlrun.handler(outputs=["return"])
    def handler(context, x, **kwargs):
        return {name: f"{type(value).__name__} {value.as_df().shape[0]}" for name, value in kwargs.items()}
"""
ANNOTATED = """
    from typing import Any

    def handler(context, x, **kwargs: Any):
        return {name: f"{type(value).__name__} {value.as_df().shape[0]}" for name, value in kwargs.items()}
"""
TYPED = """
    import mlrun
    import pandas as pd

    @mlrun.handler(outputs=["return"])
    def handler(context, x, **frames: pd.DataFrame):
        return {name: f"{type(value).__name__} {value.shape[0]}" for name, value in frames.items()}
"""


@pytest.fixture
def table(tmp_path: Path) -> str:
    file = tmp_path / "table.csv"
    file.write_text("a\n1\n2\n")
    return str(file)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(PLAIN, "DataItem"), (DECORATED, "DataItem"), (ANNOTATED, "DataItem"), (TYPED, "DataFrame")],
)
def test_an_input_that_only_kwargs_takes_arrives(
    run: Callable[..., Ended], file_store: StoreInfo, table: str, code: str, kind: str
) -> None:
    inputs = {"d": table, "my-data": table}
    ended = run(envelope(code, store=file_store, parameters={"x": 1}, inputs=inputs))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == {"d": f"{kind} 2", "my-data": f"{kind} 2"}


def test_the_runs_own_hint_wins(run: Callable[..., Ended], file_store: StoreInfo, table: str) -> None:
    code = """
        def handler(context, **kwargs):
            return type(kwargs["d"]).__name__
    """
    ended = run(envelope(code, store=file_store, inputs={"d: pandas.DataFrame": table}))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == "DataFrame"
