"""Points in a file, by mlrun's rules."""

from pathlib import Path
from typing import Any

import pytest

from mlrun_operator.api.v1alpha1.sweep import SweepInfo
from mlrun_wrapper.sweep.point_file import points_in


def found(tmp_path: Path, name: str, text: str, **more: Any) -> list[dict[str, Any]]:
    file = tmp_path / name
    file.write_text(text)
    return points_in(str(file), SweepInfo(seed=3, **more))


def test_a_csv_file_has_a_point_a_line_and_columns_have_types(tmp_path: Path) -> None:
    text = 'depth,rate,kind,deep\n2,0.5,"a,b",true\n4,,c,False\n'

    assert found(tmp_path, "points.csv", text) == [
        {"depth": 2, "rate": 0.5, "kind": "a,b", "deep": True},
        {"depth": 4, "rate": None, "kind": "c", "deep": False},
    ]


def test_a_json_file_is_a_grid_whose_first_parameter_changes_fastest(tmp_path: Path) -> None:
    assert found(tmp_path, "points.json", '{"a": [1, 2], "b": ["x", "y"]}') == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "y"},
    ]


def test_a_json_file_is_a_list_where_that_is_asked_for(tmp_path: Path) -> None:
    expected = [{"a": 1, "b": 2.5}, {"a": 3, "b": 4}]

    assert found(tmp_path, "a.json", '{"a": [1, 3], "b": [2.5, 4]}', strategy="list") == expected
    assert found(tmp_path, "b.json", '[{"a": 1, "b": 2.5}, {"a": 3, "b": 4}]', strategy="list") == expected


def test_a_json_file_can_be_drawn_from(tmp_path: Path) -> None:
    drawn = found(tmp_path, "a.json", '{"a": [1, 2, 3]}', strategy="random", max_iterations=20)

    assert len(drawn) == 20
    assert {point["a"] for point in drawn} == {1, 2, 3}
    assert drawn == found(tmp_path, "a.json", '{"a": [1, 2, 3]}', strategy="random", max_iterations=20)


@pytest.mark.parametrize(
    ("name", "text", "more", "words"),
    [
        ("a.csv", "a,b\n1,2\n", {"strategy": "grid"}, "its strategy is list, not grid"),
        ("a.csv", "a,b\n", {}, "has no points"),
        ("a.csv", "", {}, "has no points"),
        ("a.csv", "a,b\n1,2\n3\n", {}, "row 3 of the paramFile has not as many values as names"),
        ("a.csv", "a,a\n1,2\n", {}, "'a' in the paramFile is no name, or is there twice"),
        ("a.csv", "a\n" + "1\n" * 1001, {}, "1001 points in the paramFile; at most 1000"),
        ("a.json", "[1", {}, "the paramFile is not JSON"),
        ("a.json", '{"a": 1}', {}, "has to be an object of lists"),
        ("a.json", '{"a": []}', {}, "'a' has no values"),
        ("a.json", "[]", {"strategy": "list"}, "not one of objects with parameters"),
        ("a.json", '{"a": [1, 2], "b": [1]}', {"strategy": "list"}, "lists of one length"),
        ("a.json", f'{{"a": {list(range(40))}, "b": {list(range(40))}}}', {}, "40 x 40 = 1600 points; at most 1000"),
        ("points", "a;b", {}, "is not CSV (.csv) or JSON (.json), by its name 'points'"),
        ("a.parquet", "PAR1", {}, "is not CSV (.csv) or JSON (.json)"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, name: str, text: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match="hyperparameters: ") as failure:
        found(tmp_path, name, text, **more)

    assert words in str(failure.value)


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ValueError, match="the paramFile cannot be read"):
        points_in(str(file), SweepInfo(seed=3))
