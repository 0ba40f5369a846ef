"""Which of an image's packages no requirement may replace."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from mlrun_wrapper.executor.installed import kept, plain


def packages(**requirements: Sequence[str]) -> Any:
    """Return packages of version 1 with what each asks for."""
    return {plain(name): SimpleNamespace(version="1", requires=list(asked)) for name, asked in requirements.items()}


def test_what_mlrun_needs_stays_and_the_rest_is_free() -> None:
    image = packages(mlrun=["pandas<2.2,>=1.2"], pandas=["numpy (>=1.26)"], numpy=(), plotly=["narwhals"], narwhals=())
    assert set(kept(image)) == {"mlrun", "pandas", "numpy"}


def test_what_an_extra_of_mlrun_asks_for_is_free() -> None:
    image = packages(
        mlrun=['plotly~=5.23; extra == "plotly"', "tabulate; python_version > '3'"], plotly=(), tabulate=()
    )
    assert set(kept(image)) == {"mlrun", "tabulate"}


@pytest.mark.parametrize("requirement", ["Nest_AsyncIO~=1.0", "nest.asyncio[x]", "NEST-asyncio (>=1)", "nest-asyncio"])
def test_a_name_is_known_in_every_spelling(requirement: str) -> None:
    image = packages(mlrun=[requirement], nest_asyncio=())
    assert set(kept(image)) == {"mlrun", "nest-asyncio"}


def test_what_mlrun_takes_where_it_is_there_stays() -> None:
    image = packages(mlrun=(), boto3=["botocore"], botocore=(), cloudpickle=(), s3fs=(), pip=(), torch=())
    assert set(kept(image)) == set(image) - {"torch"}


def test_packages_that_need_each_other_stay_once() -> None:
    image = packages(mlrun=["a"], a=["b"], b=["a"])
    assert kept(image) == {"mlrun": "1", "a": "1", "b": "1"}


def test_all_stays_where_mlrun_is_no_package() -> None:
    assert set(kept(packages(torch=(), plotly=()))) == {"torch", "plotly"}
