"""The points of a sweep: as many as are said, in mlrun's order, and the same everywhere."""

import warnings
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlrun_operator.api.v1alpha1.sweep import MAX_POINTS, Hyperparameters, count_of, points, sweep_info

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # mlrun's own
    from mlrun.runtimes.generators import GridGenerator

PARAMS = st.dictionaries(
    st.text("abcxyz", min_size=1, max_size=4), st.lists(st.integers(), min_size=1, max_size=4), min_size=1, max_size=4
)


def hyper(**said: Any) -> Hyperparameters:
    return Hyperparameters.model_validate(said)


def points_of(said: Hyperparameters) -> list[dict[str, Any]]:
    info = sweep_info(said, "uid", 1)
    assert info.params is not None
    return points(info.params, info.strategy, info.max_iterations, info.seed)


def test_in_a_grid_the_first_parameter_changes_fastest() -> None:
    assert points_of(hyper(params={"a": [1, 2], "b": ["x", "y"]})) == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "y"},
    ]


@given(PARAMS)
def test_a_grid_has_mlruns_points_in_mlruns_order(params: dict[str, list[int]]) -> None:
    by_mlrun = GridGenerator(params).grid_to_list()
    rows = [dict(zip(by_mlrun, row, strict=True)) for row in zip(*by_mlrun.values(), strict=True)]
    assert points_of(hyper(params=params)) == rows
    assert count_of(hyper(params=params)) == len(rows) == prod(map(len, params.values()))


@given(PARAMS, st.integers(0, 2**31 - 1), st.integers(1, 50))
def test_a_random_sweep_is_the_same_for_the_same_seed(params: dict[str, list[int]], seed: int, count: int) -> None:
    said = hyper(params=params, strategy="random", seed=seed, maxIterations=count)
    found = points_of(said)
    assert found == points_of(said)
    assert len(found) == count == count_of(said)
    assert all(point[name] in params[name] for point in found for name in params)


def test_a_random_sweep_without_a_seed_has_one_of_its_own_for_each_execution() -> None:
    said = hyper(params={"a": [1]}, strategy="random")
    assert sweep_info(said, "uid", 1).seed == sweep_info(said, "uid", 1).seed != sweep_info(said, "uid", 2).seed


def test_a_list_takes_the_first_values_then_the_second() -> None:
    assert points_of(hyper(params={"a": [1, 2], "b": [3, 4]}, strategy="list")) == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "exactly one of params and paramFile"),
        ({"params": {"a": [1]}, "paramFile": "s3://b/points.csv"}, "exactly one of params and paramFile"),
        ({"params": {}}, "params names no parameter"),
        ({"params": {"a": []}}, "'a' has no values"),
        ({"params": {"a": [1, 2], "b": [1]}, "strategy": "list"}, "a has 2, b has 1"),
        (
            {"params": {"a": list(range(101)), "b": list(range(10))}},
            f"101 x 10 = 1010 points; at most {MAX_POINTS} are run",
        ),
        ({"params": {"a": list(range(1001))}, "strategy": "list"}, "1001 points"),
        ({"paramFile": "s3://b/points.csv", "placement": "FanOut"}, "FanOut needs params"),
        ({"params": {"a": [1]}, "parallelism": 2}, "parallelism needs placement FanOut"),
        ({"params": {"a": [1]}, "seed": 2}, "need strategy random"),
        ({"params": {"a": [1]}, "selector": "best of all"}, "pattern"),
        ({"params": {"a": [1]}, "selector": "max."}, "pattern"),
        ({"params": {"a": [1]}, "selector": "mean.loss"}, "pattern"),
    ],
)
def test_what_is_no_sweep_is_refused_with_words(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words.replace(".", r"\.")):
        hyper(**said)
