"""Which point of a sweep is the best, and whether the sweep succeeded."""

from typing import Any

import pytest

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.sweep import SweepInfo
from mlrun_wrapper.point_summary import Summary
from mlrun_wrapper.sweep.best import Selector, best_of, status_of, verdict, warnings_of


def completed(*results: dict[str, Any]) -> list[Summary]:
    return [Summary(iteration=number, state="completed", results=each) for number, each in enumerate(results, 1)]


def failed(iteration: int, message: str = "ValueError: no", reason: Reason | None = Reason.HANDLER_FAILED) -> Summary:
    return Summary(iteration=iteration, state="error", reason=reason, message=message)


def sweep(**more: Any) -> SweepInfo:
    return SweepInfo(params={"a": [1, 2]}, seed=7, **more)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy", Selector("accuracy")),
        ("max.accuracy", Selector("accuracy")),
        ("min.loss", Selector("loss", smallest=True)),
        ("min.val.loss", Selector("val.loss", smallest=True)),
        ("val.loss", Selector("val.loss")),
        ("minimum", Selector("minimum")),
    ],
)
def test_a_selector_is_read_as_mlrun_reads_it(text: str, expected: Selector) -> None:
    assert Selector.parse(text) == expected


@pytest.mark.parametrize(("selector", "best"), [("max.loss", 2), ("min.loss", 3)])
def test_the_largest_or_the_smallest_result_wins(selector: str, best: int) -> None:
    points = completed({"loss": 0.5}, {"loss": 2}, {"loss": -1.0}, {"other": 9})

    found = best_of(points, Selector.parse(selector))

    assert found is not None
    assert found.iteration == best


def test_of_equal_points_the_first_wins() -> None:
    found = best_of(completed({"a": 1}, {"a": 2}, {"a": 2.0}), Selector("a"))

    assert found is not None
    assert found.iteration == 2


@pytest.mark.parametrize("value", [None, "NaN", "inf", float("nan"), "high", [3], {"a": 1}])
def test_what_is_no_finite_number_is_never_the_best(value: Any) -> None:
    points = completed({"a": value}, {"a": "0.5"})

    assert best_of(points, Selector("a")) is points[1]
    assert best_of(points[:1], Selector("a")) is None


def test_a_failed_point_is_not_the_best_whatever_it_logged() -> None:
    points = [*completed({"a": 1}), failed(2).model_copy(update={"results": {"a": 9}})]

    assert best_of(points, Selector("a")) is points[0]


def test_points_that_were_told_to_end_count_as_skipped_and_only_random_tells_a_seed() -> None:
    points = [*completed({}), failed(2), Summary(iteration=3, state="stopped"), Summary(iteration=4, state="skipped")]

    told = status_of(points, sweep(), None)

    assert (told.points, told.succeeded, told.failed, told.skipped, told.seed) == (4, 1, 1, 2, None)
    assert status_of(points, sweep(strategy="random"), None).seed == 7


def test_up_to_max_errors_points_may_fail() -> None:
    points = [*completed({}), failed(2), failed(3)]

    assert verdict(points, sweep(max_errors=2), None, last_word=False) is None
    found = verdict(points, sweep(max_errors=1), None, last_word=False)
    assert found is not None
    assert found.reason is Reason.HANDLER_FAILED
    assert found.message == "2 of 3 points failed, and maxErrors is 1; the first: point 2: ValueError: no"
    assert not found.final


def test_a_sweep_of_which_nothing_succeeded_failed() -> None:
    found = verdict([failed(1), Summary(iteration=2, state="skipped")], sweep(), None, last_word=True)

    assert found is not None
    assert found.message == "1 of 2 points failed, and none succeeded; the first: point 1: ValueError: no"
    assert found.exit_code == 2
    found = verdict([Summary(iteration=1, state="skipped")], sweep(), None, last_word=True)
    assert found is not None
    assert found.message == "none of the 1 points came to its end"


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ([Reason.INPUT_NOT_FOUND, Reason.INPUT_NOT_FOUND], Reason.INPUT_NOT_FOUND),
        ([Reason.INPUT_NOT_FOUND, Reason.OOM_KILLED], Reason.HANDLER_FAILED),
        ([None, None], Reason.HANDLER_FAILED),
    ],
)
def test_a_sweep_fails_for_the_reason_that_its_points_have_in_common(
    reasons: list[Reason | None], expected: Reason
) -> None:
    points = [failed(number, reason=reason) for number, reason in enumerate(reasons, 1)]

    found = verdict(points, sweep(), None, last_word=False)

    assert found is not None
    assert found.reason is expected


def test_a_selector_that_names_nothing_is_told_with_what_there_is() -> None:
    points = completed({"loss": 1, "note": "x"}, {"f1": 2})

    found = verdict(points, sweep(selector="max.accuracy"), None, last_word=False)

    assert found is not None
    assert found.reason is Reason.OUTPUT_MISSING
    assert found.message == (
        "selector 'max.accuracy': none of the 2 points that succeeded has such a number; their numbers are f1, loss"
    )


def test_failed_points_with_the_same_words_are_told_together() -> None:
    points = [failed(number) for number in range(1, 15)] + [failed(15, "KeyError: 'a'")]

    assert warnings_of(points) == [
        "points 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 4 more failed: ValueError: no",
        "point 15 failed: KeyError: 'a'",
    ]


def test_of_many_different_failures_the_first_are_told() -> None:
    told = warnings_of([failed(number, f"ValueError: {number}") for number in range(1, 9)])

    assert told[0] == "point 1 failed: ValueError: 1"
    assert told[-1] == "3 more points failed, for other reasons"
    assert len(told) == 6
