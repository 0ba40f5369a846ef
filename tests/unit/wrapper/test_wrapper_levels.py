"""Values that are nested too deeply to be written (BEHAVIOUR J1)."""

import json
from typing import Any

import pytest

from mlrun_wrapper.executor.levels import CYCLE, MAX_LEVELS, cut_levels


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def itself() -> Any:
    value: Any = [1]
    value += [value, {"again": value}]
    return value


def test_an_ordinary_value_stays_the_object_that_it_is() -> None:
    value = {"a": [1, (2, 3)], "b": nested(MAX_LEVELS - 5)}
    assert cut_levels(value) is value


@pytest.mark.parametrize("depth", [MAX_LEVELS + 1, 900, 100_000])
def test_what_is_nested_too_deeply_is_cut(depth: int) -> None:
    """A result that was nested 900 deep ended the handler with a RecursionError, which was tried again."""
    assert json.dumps(cut_levels(nested(depth))).count("[") == MAX_LEVELS


def test_a_value_that_contains_itself_is_cut() -> None:
    assert cut_levels(itself()) == [1, CYCLE, {"again": CYCLE}]
