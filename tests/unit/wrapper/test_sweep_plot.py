"""The picture of a sweep: what is drawn, and where."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from mlrun_wrapper.point_summary import Summary
from mlrun_wrapper.sweep.best import Selector, best_of
from mlrun_wrapper.sweep.plot import drawn
from mlrun_wrapper.sweep.scale import Numbers, Words, scale_of

SVG = "{http://www.w3.org/2000/svg}"


def summary(iteration: int, parameters: dict[str, Any], results: dict[str, Any] | None = None) -> Summary:
    state = "error" if results is None else "completed"
    return Summary(iteration=iteration, parameters=parameters, state=state, results=results or {})  # type: ignore[arg-type]


GRID = [
    summary(1, {"depth": 2, "kind": "a"}, {"loss": 3.0, "f1": 0.1, "note": "text"}),
    summary(2, {"depth": 4, "kind": "a"}, {"loss": 1.0, "f1": 0.9, "note": "text"}),
    summary(3, {"depth": 2, "kind": "<b>"}, {"loss": 2.0, "f1": 0.5, "note": "text"}),
    summary(4, {"depth": 4, "kind": "<b>"}),
]


def parsed(points: list[Summary], selector: str | None = None) -> ET.Element:
    chosen = Selector.parse(selector) if selector else None
    text = drawn("my-run", points, chosen, best_of(points, chosen) if chosen else None)
    assert text is not None
    return ET.fromstring(text)


def classes(root: ET.Element, tag: str, kind: str) -> list[set[str]]:
    found = [set(each.attrib.get("class", "").split()) for each in root.iter(f"{SVG}{tag}")]
    return [each - {kind} for each in found if kind in each]


def texts(root: ET.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def test_each_point_is_a_line_across_all_axes_and_the_best_one_is_on_top() -> None:
    root = parsed(GRID, "min.loss")

    assert classes(root, "path", "line") == [{"failed"}, {"s0"}, {"s3"}, {"best"}]
    names = [each for each in texts(root) if each in ("depth", "kind", "f1", "loss", "note")]
    assert names == ["depth", "kind", "f1", "loss"]
    paths = [each.attrib["d"] for each in root.iter(f"{SVG}path") if "line" in each.attrib["class"].split()]
    assert [path.count("L") for path in paths] == [1, 3, 3, 3]


def test_it_says_what_is_seen_and_escapes_names() -> None:
    root = parsed(GRID, "min.loss")

    assert "4 points · 3 succeeded · 1 failed · best by min.loss: point 2 with 1" in texts(root)
    assert "<b>" in texts(root)
    assert "my-run" in texts(root)


def test_with_one_parameter_its_values_stand_against_the_result() -> None:
    points = [summary(n, {"rate": 10.0**-n}, {"loss": n}) for n in range(1, 5)] + [summary(5, {"rate": 1.0})]
    root = parsed(points, "min.loss")

    assert classes(root, "circle", "dot") == [{"s0"}, {"s2"}, {"s4"}, {"best"}]
    assert classes(root, "path", "cross") == [{"failed"}]
    places = [float(each.attrib["cx"]) for each in root.iter(f"{SVG}circle")]
    gaps = {round(a - b) for a, b in zip(places[1:], places, strict=False)}
    assert len(gaps) == 1, "by logarithms the points are equally far apart"


def test_nothing_to_compare_gives_no_picture() -> None:
    assert drawn("my-run", [summary(1, {"a": 1}, {"note": "x"})], None, None) is None
    assert drawn("my-run", [], None, None) is None
    assert drawn("my-run", [Summary(iteration=1, parameters={"a": 1}, state="skipped")], None, None) is None


def test_it_needs_nothing_from_elsewhere_and_knows_light_and_dark() -> None:
    text = drawn("my-run", GRID, None, None)

    assert text is not None
    assert "prefers-color-scheme:dark" in text
    assert re.findall(r'https?://[^"<]+', text) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in text


def test_a_thousand_points_fit_into_a_file_that_opens_at_once() -> None:
    points = [summary(n, {"a": n % 10, "b": n % 7, "c": n / 3}, {"loss": n % 13}) for n in range(1, 1001)]
    text = drawn("my-run", points, None, None)

    assert text is not None
    assert len(text) < 500_000
    assert 'class="many"' in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 3, 2.5], Numbers(1, 3)),
        ([0.0001, 0.1], Numbers(0.0001, 0.1, log=True)),
        ([0, 0.0001, 100], Numbers(0, 100)),
        ([1, "1", None], Words(("1",))),
        ([True, False], Words(("true", "false"))),
        ([[1, 2], [3]], Words(("[1, 2]", "[3]"))),
        ([None], None),
    ],
)
def test_the_scale_of_an_axis_follows_its_values(values: list[Any], expected: Any) -> None:
    assert scale_of(values) == expected


@pytest.mark.parametrize(
    ("scale", "labels"),
    [
        (Numbers(0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Numbers(0.61, 0.94), ["0.7", "0.8", "0.9"]),
        (Numbers(-3, 12), ["0", "5", "10"]),
        (Numbers(5, 5), ["5"]),
        (Numbers(0.001, 1, log=True), ["0.001", "0.01", "0.1", "1"]),
        (Words(("a", "b")), ["a", "b"]),
    ],
)
def test_an_axis_names_round_values(scale: Any, labels: list[str]) -> None:
    assert [text for _, text in scale.ticks()] == labels
    assert all(0 <= place <= 1 for place, _ in scale.ticks())
