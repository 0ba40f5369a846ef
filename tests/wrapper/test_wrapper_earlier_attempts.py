"""A retry of what had succeeded, by the real wrapper process: it exits 0 with the first attempt's results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweep_runs import run_json, sweep
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import Envelope, StoreInfo
from mlrun_wrapper.earlier_attempts import WARNING

CODE = """
    import pandas as pd

    def handler(context, calls, depth=0):
        with open(calls, "a") as file:
            file.write("called\\n")
        context.log_dataset("table", df=pd.DataFrame({"a": [1, 2]}))
        context.log_result("accuracy", 0.5)
"""
INDEX: dict[str, dict[str, str]] = {
    "plain": {},
    "replica": {"MLRUN_REPLICA_INDEX": "0"},
    "point": {"MLRUN_SWEEP_INDEX": "0"},
    "sweep": {},
}


def content(kind: str, store: StoreInfo, calls: Path) -> Envelope:
    """An envelope whose handler writes down that it was called."""
    parameters = {"calls": str(calls)}
    if kind == "point":
        return sweep(store, CODE, parameters=parameters, params={"depth": [1]}, info={"part": "point"})
    if kind == "sweep":
        return sweep(store, CODE, parameters=parameters, params={"depth": [1]}, selector="max.accuracy")
    return envelope(CODE, store=store, parameters=parameters)


@pytest.mark.parametrize("kind", INDEX)
def test_a_retry_does_not_call_the_handler_again(
    kind: str, run: Callable[..., Ended], s3_store: StoreInfo, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    first, retry = (
        run(content(kind, s3_store, calls), {**INDEX[kind], "MLRUN_POD_UID": uid}) for uid in ("first", "second")
    )

    assert calls.read_text() == "called\n", retry.log
    assert (first.code, retry.code, retry.reason) == (0, 0, "Succeeded"), retry.log
    assert retry.result.outputs == first.result.outputs
    assert retry.result.results == first.result.results != {}
    assert retry.result.sweep == first.result.sweep
    assert retry.result.warnings == [*first.result.warnings, WARNING]
    assert "mlrun-wrapper: source" not in retry.log
    told: list[dict[str, Any]] = [run_json(s3_store, ended) for ended in (first, retry)]
    assert told[1]["mlrun"] == told[0]["mlrun"]
    assert told[1].get("points") == told[0].get("points")
    assert first.result.run_path != retry.result.run_path


def test_a_retry_of_a_failure_calls_the_handler_again(
    run: Callable[..., Ended], file_store: StoreInfo, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    code = f"{CODE}        raise ValueError('boom')\n"
    for uid in ("first", "second"):
        env = {"MLRUN_POD_UID": uid}
        assert run(envelope(code, store=file_store, parameters={"calls": str(calls)}), env).code == 1

    assert calls.read_text() == "called\ncalled\n"
