"""The bounds of what comes from outside: each is used, and told on a page (BEHAVIOUR J1)."""

import ast
from pathlib import Path

import pytest

from docgen.bounds_page import bounds_page
from mlrun_operator.api import bounds
from mlrun_operator.api.bounds import GROUPS, Bound
from mlrun_wrapper.executor.levels import MAX_LEVELS

_REPOSITORY = Path(__file__).resolve().parents[3]
NAMES = [name for name, value in vars(bounds).items() if isinstance(value, Bound)]


def _used() -> set[str]:
    """Return the names of bounds that the product reads."""
    names = set()
    for folder in ("operator/src", "wrapper-image/src"):
        for file in (_REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bounds":
                    names.add(node.attr)
    return names


@pytest.mark.parametrize("name", NAMES)
def test_a_bound_is_used_and_on_the_page(name: str) -> None:
    bound = getattr(bounds, name)
    assert name in _used() or name == "RESULT_LEVELS", "the executor, which knows nothing of the operator, has it"
    assert [bound in group for group in GROUPS.values()].count(True) == 1
    assert f"| {bound.of} |" in bounds_page()


def test_the_executor_cuts_where_the_bound_says() -> None:
    assert bounds.RESULT_LEVELS.limit == MAX_LEVELS


def test_what_is_reported_fits_into_a_status() -> None:
    parts = (value.limit for name, value in vars(bounds).items() if name.startswith("STATUS_"))
    assert sum(parts) < 256 * bounds.KIB
    assert bounds.REPORT.limit <= bounds.STATUS_REPORT.limit
