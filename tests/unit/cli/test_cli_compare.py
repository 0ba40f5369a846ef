"""`compare`: what makes one run another than the other."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.cli import comparing
from mlrun_operator.cli.comparing import SECTIONS, Pair, cell, facts, pairs
from mlrun_operator.cli.errors import Exit

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
FACTS = st.dictionaries(st.tuples(st.sampled_from(SECTIONS), st.text(max_size=6)), VALUES, max_size=8)


@given(FACTS, FACTS)
def test_every_fact_of_both_runs_is_told_once_and_in_order(left: Any, right: Any) -> None:
    told = pairs(left, right)
    assert sorted((pair.section, pair.name) for pair in told) == sorted({*left, *right})
    assert [SECTIONS.index(pair.section) for pair in told] == sorted(SECTIONS.index(pair.section) for pair in told)
    swapped = {(pair.section, pair.name): pair.differs for pair in pairs(right, left)}
    assert {(pair.section, pair.name): pair.differs for pair in told} == swapped


@given(FACTS)
def test_a_run_does_not_differ_from_itself(same: Any) -> None:
    assert not any(pair.differs for pair in pairs(same, dict(reversed(same.items()))))


@given(VALUES)
def test_a_cell_is_one_short_text(value: Any) -> None:
    assert len(cell(value)) <= comparing._MAX_CELL


@pytest.mark.parametrize(
    ("left", "right", "differs"),
    [(1, 1.0, True), (1, True, True), ("1", 1, True), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False)],
)
def test_values_differ_by_type_too(left: Any, right: Any, differs: bool) -> None:
    assert Pair("parameters", "x", left, right).differs is differs


def run(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "r"}, "spec": {"functionRef": {"name": "f"}, "env": [{"name": "A"}]}, "status": status}


def test_equal_bytes_from_elsewhere_and_other_bytes_from_there_are_told() -> None:
    def read(path: str, sha256: str) -> Any:
        return facts(run(inputs=[{"name": "x", "path": path, "size": 3, "sha256": sha256 * 64}]), None)["inputs", "x"]

    assert read("s3://b/x", "a") == "s3://b/x, 3 B, sha256 aaaaaaaaaaaa"
    assert len({read("s3://b/x", "a"), read("s3://b/x", "b"), read("s3://b/y", "a")}) == 3


def test_the_report_has_what_the_status_has_no_room_for() -> None:
    short, whole = (
        run(results={"a": 1}),
        {"results": {"a": 1, "b": 2}, "versions": {"mlrun": "1.12.1"}, "parameters": {"p": 1}},
    )
    assert ("results", "b") not in facts(short, None)
    assert {("results", "b"), ("environment", "mlrun"), ("parameters", "p"), ("options", "env")} <= set(
        facts(short, whole)
    )


def test_two_runs_of_a_file(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "def half(context, n):\n    context.log_artifact('note', body='x' * n, format='txt')\n    return n / 2\n"
    (tmp_path / "half.py").write_text(code)
    monkeypatch.setenv("MLRUN_OPERATOR_HOME", str(tmp_path / "home"))
    for name, n in (("one", "2"), ("two", "3"), ("same", "2")):
        words = ["-p", f"n={n}", "-o", "note=note", "--project", "demo", "--name", name, "--local"]
        assert cli("run", f"{tmp_path}/half.py:half", *words).code == 0
    monkeypatch.setenv("MLRUN_OPERATOR_BACKEND", "local")
    (head, *rows) = cli("compare", "one", "two").out.splitlines()
    assert head.split() == ["WHAT", "ONE", "TWO"]
    told = {tuple(row.split()[:2]): row.split()[2:] for row in rows if not row.startswith("run")}
    assert told.keys() == {("parameters", "n"), ("results", "return"), ("outputs", "note")}
    assert (told["parameters", "n"], told["results", "return"]) == (["2", "3"], ["1.0", "1.5"])
    found = json.loads(cli("compare", "one", "same", "--json").out)
    assert [each for each in found if each["section"] != "run"] == []
    everything = cli("compare", "one", "same", "--all").out
    assert "environment   mlrun" in everything
    assert cli("compare", "one", "one").out == "one and one do not differ\n"
    assert cli("compare", "one", "tow").code == Exit.NOT_FOUND
