"""What mlrun fails on while it stores a handler's values: told by name, and the rest is kept."""

from collections.abc import Callable

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
