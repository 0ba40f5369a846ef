"""Which names of parameters and inputs fit a handler, and what is said of those that do not."""

from typing import Any

import pytest

from mlrun_wrapper.executor.failure import InvalidRunError
from mlrun_wrapper.executor.parameters import check


def takes_context(context: Any, rows: int = 1) -> None: ...


def plain(rows: int = 1, n: int = 2) -> None: ...


@pytest.mark.parametrize(
    ("source", "warned"),
    [
        ("context.get_param('n')", False),
        ('context.parameters["n"]', False),
        ("def handler(context): return context.name", True),
    ],
)
def test_a_name_is_used_where_the_source_holds_it_as_a_text(source: str, warned: bool) -> None:
    warnings = check(takes_context, source, ["n"], [])

    assert bool(warnings) is warned
    if warned:
        assert warnings == ["takes_context has no parameter 'n'; it takes rows"]


@pytest.mark.parametrize("name", ["true", "false"])
def test_a_name_that_yaml_made_a_boolean_of_says_so(name: str) -> None:
    with pytest.raises(InvalidRunError, match=r"no parameter '(true|false)'.*YAML reads y, yes, on, n, no and off"):
        check(plain, "", [name], [])
    assert "in quotes" in check(takes_context, "", [name], [])[0]
