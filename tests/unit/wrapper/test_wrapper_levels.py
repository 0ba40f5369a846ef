"""Values that are nested too deeply to be written (BEHAVIOUR J1)."""

import json
from typing import Any

import numpy as np
import pytest

from mlrun_wrapper.executor.levels import CYCLE, cut_levels
from mlrun_wrapper.executor.limits import RESULT_LEVELS
from mlrun_wrapper.executor.values import Cleaner


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
    value = {"a": [1, (2, 3)], "b": nested(RESULT_LEVELS - 5)}
    assert cut_levels(value) is value


@pytest.mark.parametrize("depth", [RESULT_LEVELS + 1, 900, 100_000])
def test_what_is_nested_too_deeply_is_cut(depth: int) -> None:
    """A result that was nested 900 deep ended the handler with a RecursionError, which was tried again."""
    assert json.dumps(cut_levels(nested(depth))).count("[") == RESULT_LEVELS


def test_a_value_that_contains_itself_is_cut() -> None:
    assert cut_levels(itself()) == [1, CYCLE, {"again": CYCLE}]


def test_who_asked_is_told_of_a_cut_only() -> None:
    told: list[str] = []
    cut_levels([1, {"a": ()}], lambda: told.append("shallow"))
    cut_levels(nested(900), lambda: told.append("deep"))
    assert told == ["deep"]


def test_sets_and_tuples_are_containers_too() -> None:
    value: Any = 1
    for _ in range(900):
        value = frozenset({(value,)})
    assert json.dumps(cut_levels(value)).count("[") == RESULT_LEVELS


def objects(depth: int) -> Any:
    """Arrays of objects within each other."""
    value: Any = 1
    for _ in range(depth):
        value = np.array([None, value], dtype=object)
    return value


@pytest.mark.parametrize("value", [nested(900), itself(), objects(900), {"a": {"b": nested(100)}}])
def test_whatever_is_deep_is_cleaned_to_json(value: Any) -> None:
    """A cyclic metric of a model ended the run as WrapperError, which was tried again."""
    cleaner = Cleaner()
    cleaned = cleaner.clean({"v": value}, "v")
    assert json.loads(json.dumps(cleaned)) == cleaned
    assert cleaner.cut == {"v"}
    assert cut_levels(cleaned) is cleaned


def test_what_is_there_twice_is_not_cut() -> None:
    cleaner, shared = Cleaner(), [1]
    assert cleaner.clean({"a": shared, "b": [shared, shared]}, "v") == {"a": [1], "b": [[1], [1]]}
    assert cleaner.cut == set()
