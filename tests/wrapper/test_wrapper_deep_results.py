"""Results that a status or JSON cannot hold: the run succeeds, once, and says so (BEHAVIOUR J1)."""

from collections.abc import Callable

import pytest
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo

DEEP = """
    def handler():
        value = 1
        for _ in range({depth}):
            value = [value]
        return value
"""
ITSELF = """
    def handler():
        value = [1]
        value.append(value)
        return value
"""


@pytest.mark.parametrize("depth", [300, 900])
def test_a_result_that_is_too_deep_ends_in_success(
    run: Callable[..., Ended], file_store: StoreInfo, depth: int
) -> None:
    """It failed with a RecursionError, and was tried again."""
    ended = run(envelope(DEEP.format(depth=depth), store=file_store))
    assert (ended.code, ended.reason, ended.result.truncated) == (0, "Succeeded", True), ended.log


def test_a_result_that_contains_itself_ends_in_success(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope(ITSELF, store=file_store))
    assert (ended.code, ended.result.results) == (0, {"return": [1, "… (contains itself)"]}), ended.log
