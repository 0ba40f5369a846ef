"""Whole floats reach the handler as floats: by the run's list, or else by the handler's own hints (fault F4)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.v1alpha1.sweep import SweepInfo

TELLS = """
    def handler(context, **given):
        return {name: repr(value) for name, value in given.items()}
"""
HINTS = """
    from __future__ import annotations

    def handler(
        context,
        hint: float,
        default=0.5,
        both: float | None = 0.5,
        whole: int | float = 1.0,
        flag: float = 0.1,
        plain=1,
        text: float = 0.1,
    ):
        return {name: repr(value) for name, value in locals().items() if name != "context"}
"""
GIVEN: dict[str, Any] = {"hint": 1, "default": 2, "both": 3, "whole": 4, "flag": True, "plain": 5, "text": "6"}


def results(ended: Ended) -> Any:
    assert ended.code == 0, ended.log
    return ended.result.results["return"]


def test_the_numbers_that_a_run_names_are_floats(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    given = {"a": 1, "b": "-0.0", "c": 1, "d": [0.5, 2, {"e": 3}], "f": True}
    pointers = ["/parameters/a", "/parameters/b", "/parameters/d", "/parameters/f", "/parameters/g"]
    ended = run(envelope(TELLS, store=file_store, parameters=given, float_parameters=pointers))

    assert results(ended) == {"a": "1.0", "b": "-0.0", "c": "1", "d": "[0.5, 2.0, {'e': 3.0}]", "f": "True"}
    assert ended.result.warnings == [
        "floatParameters: '/parameters/f' is not a number and contains none",
        "floatParameters: '/parameters/g' is not in the run",
    ]


def test_the_handlers_hints_decide_where_the_run_names_none(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope(HINTS, store=file_store, parameters=GIVEN))

    assert results(ended) == {
        "hint": "1.0",
        "default": "2.0",
        "both": "3.0",
        "whole": "4",
        "flag": "True",
        "plain": "5",
        "text": "'6'",
    }


def test_an_empty_list_says_that_integers_are_meant(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope(HINTS, store=file_store, parameters=GIVEN, float_parameters=[]))

    assert results(ended) == {name: repr(value) for name, value in GIVEN.items()}


@pytest.mark.parametrize(
    ("pointers", "expected"),
    [
        (["/hyperparameters/params/x", "/parameters/y"], ["1.0 2.0", "2.0 2.0"]),
        ([], ["1 2", "2 2"]),
        (None, ["1.0 2", "2.0 2"]),
    ],
)
def test_a_sweeps_points_have_the_floats_too(
    run: Callable[..., Ended], file_store: StoreInfo, pointers: list[str] | None, expected: list[str]
) -> None:
    code = """
        def handler(context, x: float, y=2):
            print(f"got {x!r} {y!r}")
            return 1
    """
    sweep = SweepInfo(params={"x": [1, 2]}, seed=1)
    ended = run(envelope(code, store=file_store, parameters={"y": 2}, float_parameters=pointers, sweep=sweep))

    assert ended.code == 0, ended.log
    assert re.findall(r"got (.*)", ended.log) == expected
