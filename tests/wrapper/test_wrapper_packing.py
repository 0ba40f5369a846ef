"""What mlrun fails on while it stores a handler's values: told by name, and the rest is kept."""

from collections.abc import Callable
from typing import Any

import pytest
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo


def test_a_table_that_parquet_cannot_hold_is_named_and_the_others_are_stored(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        import mlrun
        import pandas as pd

        @mlrun.handler(outputs=["mixed", "good", "count"])
        def handler():
            return pd.DataFrame({"a": [1, "x"]}), pd.DataFrame({"a": [1, 2]}), 2
    """
    ended = run(envelope(code, store=file_store))

    assert (ended.code, ended.reason) == (65, "OutputInvalid"), ended.log
    assert "mixed: ArrowInvalid: " in ended.result.message
    assert "column a" in ended.result.message
    assert set(ended.result.outputs) == {"good"}
    assert ended.result.results == {"count": 2}


def test_keys_of_results_become_texts(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = """
        import pandas as pd

        def handler(context):
            frame = pd.DataFrame({"a": ["x", "x", "y"], "b": [1, 1, 2]})
            context.log_result("groups", frame.groupby(["a", "b"]).size().to_dict())
            context.log_results({"counts": dict(frame["b"].value_counts()), "nested": [{(1, 2): 3}]})
            return dict(frame["b"].value_counts())
    """
    ended = run(envelope(code, store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results == {
        "groups": {"('x', 1)": 2, "('y', 2)": 1},
        "counts": {"1": 2, "2": 1},
        "nested": [{"(1, 2)": 3}],
        "return": {"1": 2, "2": 1},
    }


def test_what_was_logged_survives_a_failure_of_mlrun_itself(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = """
        import sys

        def handler(context):
            context.log_result("accuracy", 0.5)
            context.log_artifact("note", body="kept")
            sys.stdout.close()
            sys.stderr.close()
    """
    ended = run(envelope(code, store=file_store))

    assert (ended.code, ended.reason) == (70, "WrapperError")
    assert ended.result.results == {"accuracy": 0.5}
    assert set(ended.result.outputs) == {"note"}


@pytest.mark.parametrize(
    ("returned", "hints", "warning"),
    [
        ("1, 2, 3", ["a", "b"], "the handler returned 3 values for 2 log hints; the last 1 value is not stored"),
        ("1, 2, 3", ["a"], "the handler returned 3 values for 1 log hint; the last 2 values are not stored"),
        (
            "1",
            ["a", "b:result", {"key": "c"}],
            "the handler returned 1 value for 3 log hints; there is none for 'b', 'c'",
        ),
    ],
)
def test_values_and_log_hints_that_do_not_match_are_a_warning(
    run: Callable[..., Ended], file_store: StoreInfo, returned: str, hints: list[Any], warning: str
) -> None:
    """Fault A12."""
    ended = run(envelope(f"def handler():\n    return {returned}", store=file_store, returns=hints))

    assert ended.code == 0, ended.log
    assert ended.result.warnings == [warning]


def test_a_decorated_handlers_values_without_a_hint_are_a_warning(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        import mlrun

        @mlrun.handler(outputs=["a"])
        def handler():
            return 1, 2
    """
    ended = run(envelope(code, store=file_store))

    assert ended.result.results == {"a": 1}
    assert "the last 1 value is not stored" in ended.result.warnings[0]


FRAME = """
    import pandas as pd

    def handler():
        return pd.DataFrame({"a": [1, 2]}), {"x": 1}
"""


@pytest.mark.parametrize(
    "hint",
    [
        "df: dataset[file_format='csv']",
        {"key": "df", "artifact_type": "dataset", "file_format": "csv"},
        {"key": "df", "artifact_type": "dataset", "packing_kwargs": {"file_format": "csv"}},
    ],
)
def test_log_hints_are_those_of_mlrun(run: Callable[..., Ended], file_store: StoreInfo, hint: Any) -> None:
    """Fault A11."""
    ended = run(envelope(FRAME, store=file_store, returns=[hint, {"key": "made", "labels": {"l": "1"}}]))

    assert ended.code == 0, ended.log
    assert ended.result.outputs["df"].path.endswith(".csv")
    assert ended.result.results == {"made": {"x": 1}}


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        ("df: dataset[file_format=csv]", "not a valid Python literal"),
        ("df: dataset[csv]", "should be given in the format '<packing_kwarg>=<value>'"),
        ({"key": "df", "itemized": "yes"}, "'itemized' must be bool or int"),
    ],
)
def test_mlrun_says_what_is_wrong_with_a_log_hint(
    run: Callable[..., Ended], file_store: StoreInfo, hint: Any, words: str
) -> None:
    ended = run(envelope(FRAME, store=file_store, returns=[hint]))

    assert (ended.code, ended.reason) == (64, "InvalidRun"), ended.log
    assert words in ended.result.message
