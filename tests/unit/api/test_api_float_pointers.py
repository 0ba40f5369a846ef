"""Which numbers of a run are floats survives Kubernetes, which stores 1.0 as 1 (fault F4)."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.values.float_pointers import float_pointers, has_whole_number, portable, with_floats

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(-(2**53), 2**53) | FLOATS | st.sampled_from([1.0, -0.0, 0.0, 1e3, -2.0, 1e22])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def stored(value: Any) -> Any:
    """The value as the API server returns it: Go writes a whole float below 1e21 without a point."""
    if isinstance(value, float) and value.is_integer():
        return int(value) if abs(value) < 1e21 else value
    if isinstance(value, dict):
        return {key: stored(member) for key, member in value.items()}
    return [stored(member) for member in value] if isinstance(value, list) else value


def typed(value: Any) -> str:
    """A text that differs for 1, 1.0 and True, and for 0.0 and -0.0."""
    return json.dumps(value, sort_keys=True)


@given(parameters=st.dictionaries(st.text(min_size=1, max_size=3), JSON, max_size=4))
def test_every_float_comes_back_through_the_api_server(parameters: dict[str, Any]) -> None:
    assume('"-0.0"' not in typed(parameters))
    pointers = float_pointers(parameters, "/parameters")
    spec = stored({"parameters": portable(parameters)})
    restored, warnings = with_floats(spec, pointers)
    assert typed(restored["parameters"]) == typed(parameters)
    assert warnings == []
    RunSpec.model_validate({"functionRef": {"name": "f"}, "parameters": {}, "floatParameters": pointers[:256]})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1.0}, ["/p/a"]),
        ({"a": 1, "b": True, "c": 0.5, "d": "1.0", "e": None}, []),
        ({"a": [0.5, 1.0]}, ["/p/a"]),
        ({"a": [1, 1.0, True]}, ["/p/a/1"]),
        ({"a": [1.0, True, "x", None]}, ["/p/a"]),
        ({"a": {"x": 1.0, "y": {"z": [2.0]}}}, ["/p/a"]),
        ({"a/b": {"c~d": 1.0, "n": 1}}, ["/p/a~1b/c~0d"]),
        ({"a": ["-0.0", -0.0, 1.0]}, ["/p/a/1", "/p/a/2"]),
        ({"": 1.0}, ["/p/"]),
        ([], []),
        ("text", []),
    ],
)
def test_pointers_are_as_short_as_they_can_be(value: Any, expected: list[str]) -> None:
    assert float_pointers(value, "/p") == expected


@pytest.mark.parametrize(
    ("pointer", "warning"),
    [
        ("/parameters/none", "is not in the run"),
        ("/parameters/list/7", "is not in the run"),
        ("/parameters/list/-", "is not in the run"),
        ("/parameters/n/deeper", "is not in the run"),
        ("/parameters/text", "is not a number"),
        ("/parameters/flag", "is not a number"),
        ("/parameters/empty", "is not a number"),
        ("/parameters/huge", "is not a number"),
        ("/hyperparameters/params/x", "is not in the run"),
    ],
)
def test_a_pointer_of_no_use_is_a_warning_and_changes_nothing(pointer: str, warning: str) -> None:
    spec = {"parameters": {"n": 1, "list": [1], "text": "1.0", "flag": True, "empty": {}, "huge": 10**400}}
    restored, (told,) = with_floats(spec, [pointer])
    assert typed(restored) == typed(spec)
    assert pointer in told
    assert warning in told


def test_the_spec_itself_stays_as_it_was() -> None:
    spec = {"parameters": {"a": [1, {"b": 2}]}}
    restored, _ = with_floats(spec, ["/parameters/a"])
    assert (typed(restored["parameters"]), typed(spec["parameters"])) == (
        '{"a": [1.0, {"b": 2.0}]}',
        '{"a": [1, {"b": 2}]}',
    )


@pytest.mark.parametrize("value", [1, 1.0, -0.0, [{"a": 2}]])
def test_whole_numbers_can_be_of_either_type(value: Any) -> None:
    assert has_whole_number(value)


@pytest.mark.parametrize("value", [True, 0.5, "1", None, [], {"a": [0.5]}])
def test_no_other_value_can_be_taken_for_another_type(value: Any) -> None:
    assert not has_whole_number(value)


NO_POINTERS = ["", "/", "/parameters", "parameters/a", "/inputs/a", "/parameters/~2", "/parameters/a~"]


@pytest.mark.parametrize("pointer", NO_POINTERS)
def test_what_is_no_pointer_to_a_parameter_is_refused(pointer: str) -> None:
    with pytest.raises(ValidationError):
        RunSpec.model_validate({"functionRef": {"name": "f"}, "floatParameters": [pointer]})
