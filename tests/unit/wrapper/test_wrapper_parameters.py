"""Which names of parameters and inputs fit a handler, and what is said of those that do not."""

import inspect
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_wrapper.executor.failure import InvalidRunError
from mlrun_wrapper.executor.parameters import check, says_nothing, with_hinted_floats


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


@pytest.mark.parametrize("hint", [np.zeros(2), pd.Series([1.0, 2.0]), pd.DataFrame({"a": [1]})])
def test_a_hint_that_cannot_be_compared_is_no_float(hint: Any) -> None:
    def handler(rows: Any, share: float) -> None: ...

    handler.__annotations__["rows"] = hint
    assert repr(with_hinted_floats(handler, {"rows": 1, "share": 1})) == "{'rows': 1, 'share': 1.0}"
    assert not says_nothing(hint)


@pytest.mark.parametrize("hint", [inspect.Parameter.empty, Any, object, "Any", "typing.Any", "object"])
def test_some_hints_say_nothing_about_an_input(hint: Any) -> None:
    assert says_nothing(hint)
