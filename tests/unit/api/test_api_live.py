"""Frames of live results: bounded where they are written, and read without trust."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api import bounds
from mlrun_operator.api.contract.live import PREFIX, LiveIteration, LiveResults, decode, encode

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
TEXTS = st.text(max_size=400)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
RESULTS = st.dictionaries(TEXTS, VALUES, max_size=30)


def live(**more: Any) -> LiveResults:
    return LiveResults.model_validate({"pod": "r-1-abcde", "time": NOW, **more})


@given(results=RESULTS, names=st.lists(TEXTS, max_size=20), limit=st.sampled_from([1024, 32 * 1024]))
def test_a_frame_fits_and_tells_what_was_logged(results: dict[str, Any], names: list[str], limit: int) -> None:
    iterations = [LiveIteration(number=n, state="completed", results=results) for n in range(1, 4)]
    told = live(results=results, nonfinite=names, iterations=iterations, progress=33.3, total=3, ended=3)
    text = encode(told, limit)
    assert text.isascii()
    assert "\n" not in text
    assert len(text) < limit
    found = decode(text, limit)
    assert found is not None
    assert found.results.items() <= results.items()
    assert found.omitted == len(results) - len(found.results)
    assert all(each in told.iterations for each in found.iterations)
    assert (found.pod, found.time, found.progress) == (told.pod, NOW, 33.3)


def test_a_frame_is_a_line_of_json_with_the_newest_results() -> None:
    text = encode(live(results={f"r{n}": n for n in range(500)} | {"large": "x" * 1000, "null": None}))
    assert text.startswith(PREFIX)
    told = json.loads(text)
    assert list(told["results"])[-2:] == ["r499", "null"]
    assert told["omitted"] == 502 - len(told["results"])
    assert 900 < len(text) <= bounds.LIVE_FRAME.limit


def test_an_iterations_missing_value_stays_null() -> None:
    iteration = LiveIteration(number=1, state="running", results={"loss": None})
    found = decode(encode(live(iterations=[iteration])))
    assert found is not None
    assert found.iterations == [iteration]


HEAD = PREFIX + '"pod":"p","time":"2026-11-30T12:00:00Z",'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "epoch 1",
        '{"pod":"p"}',
        PREFIX,
        PREFIX + '"pod":"p"}',
        HEAD + '"results":{"a":NaN}}',
        HEAD + '"results":{"a":1e999}}',
        HEAD + '"results":[1]}',
        HEAD + '"progress":101}',
        HEAD + '"progress":"NaN"}',
        HEAD + '"omitted":-1}',
        HEAD + '"results":{"a":' + "[" * 20 + "]" * 20 + "}}",
        HEAD + '"results":{"a":' + "[" * 400,
        HEAD + '"results":{"a":' + "9" * 900 + "}",
        HEAD + '"results":{"a":"' + "x" * 1024 + '"}}',
        HEAD + '"iterations":[{"number":1}]}',
    ],
)
def test_what_is_no_frame_of_ours_is_only_text(text: str) -> None:
    assert decode(text) is None


def test_a_frame_of_a_newer_wrapper_is_read() -> None:
    found = decode(HEAD + '"surprise":[1],"results":{"a":1}}')
    assert found is not None
    assert found.results == {"a": 1}
