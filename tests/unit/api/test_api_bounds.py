"""The bounds of what comes from outside: each is used, and told on a page (BEHAVIOUR J1)."""

import ast
from functools import cache
from pathlib import Path

import pytest

from docgen.bounds_page import bounds_page
from mlrun_operator.api import bounds
from mlrun_operator.api.bounds import GROUPS, Bound
from mlrun_wrapper import log
from mlrun_wrapper.executor import limits

# The executor knows nothing of the operator, and the wrapper's log is loaded before it.
APART = {
    "RESULT_LEVELS": limits.RESULT_LEVELS,
    "TRACEBACK": limits.TRACEBACK_CHARACTERS,
    "PREVIEW": limits.PREVIEW_BYTES,
    "PREVIEW_ROWS": limits.PREVIEW_ROWS,
    "PREVIEW_CELL": limits.PREVIEW_CELL_CHARACTERS,
    "MLRUN_RECORD": limits.MLRUN_RECORD_BYTES,
    "ARTIFACT_RECORD": limits.ARTIFACT_RECORD_BYTES,
    "CHILDREN": limits.CHILDREN,
    "LIVE_SECONDS": limits.LIVE_SECONDS,
    "LIVE_DOCUMENT": limits.LIVE_BYTES,
    "LIVE_VALUE": limits.LIVE_VALUE_CHARACTERS,
    "LIVE_ITERATIONS": limits.LIVE_ITERATIONS,
    "LOG": log.HEAD,
    "REDRAWN_LINE": log.LONGEST_REDRAWN,
}
_REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = bounds_page()
NAMES = [name for name, value in vars(bounds).items() if isinstance(value, Bound)]


@cache
def _used() -> frozenset[str]:
    """Return the names of bounds that the product reads."""
    names = set()
    for folder in ("operator/src", "wrapper-image/src"):
        for file in (_REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bounds":
                    names.add(node.attr)
    return frozenset(names)


@pytest.mark.parametrize("name", NAMES)
def test_a_bound_is_used_and_on_the_page(name: str) -> None:
    bound = getattr(bounds, name)
    assert name in _used() | APART.keys()
    assert [bound in group for group in GROUPS.values()].count(True) == 1
    assert f"| {bound.of} |" in PAGE


@pytest.mark.parametrize("name", APART)
def test_what_is_a_constant_of_its_own_is_the_same(name: str) -> None:
    assert APART[name] == getattr(bounds, name).limit


def test_what_is_reported_fits_into_a_status() -> None:
    parts = (value.limit for name, value in vars(bounds).items() if name.startswith("STATUS_"))
    assert sum(parts) <= 256 * bounds.KIB
    assert bounds.REPORT.limit <= bounds.STATUS_REPORT.limit


def test_a_log_keeps_as_much_of_its_end() -> None:
    assert log.HEAD == log.TAIL


def test_a_report_is_no_deeper_than_a_result() -> None:
    assert bounds.REPORT_DEPTH.limit < bounds.RESULT_LEVELS.limit


def test_sizes_are_in_the_units_that_people_read() -> None:
    assert [row for row in PAGE.splitlines() if row.startswith("| what the writer of a Parquet file says |")] == [
        "| what the writer of a Parquet file says | 2,000 bytes | Its reasons come last. | only the end is kept |"
    ]
    assert "| an input's gzip data, unpacked, whatever their ratio | 1 GiB |" in PAGE
