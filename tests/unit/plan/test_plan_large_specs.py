"""Specs that are larger than the operator keeps: refused as a whole, in the same words everywhere, until an edit."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlrun_operator.api import bounds
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.spec import UNREADABLE
from mlrun_operator.api.words import in_words
from mlrun_operator.cluster.codec import json_bytes
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.plan.function import FunctionReview

Object = dict[str, Any]
WORDS = "the spec has 512 KiB as JSON; the limit is 512 KiB"


def spec_of_size(size: int, letter: str = "x") -> Object:
    """Return a run's spec with so many bytes as JSON."""
    spec: Object = {"functionRef": {"name": "fn"}, "parameters": {"p": ""}}
    spec["parameters"]["p"] = letter * ((size - json_bytes(spec)) // len(letter.encode()))
    return spec


def stored(spec: Object) -> Object:
    """Return the spec as the index gives it back."""
    index = Index()
    index.put(RUNS, {"metadata": {"name": "a", "namespace": "b", "uid": "u", "resourceVersion": "1"}, "spec": spec})
    return (index.get(RUNS, "b", "a") or {})["spec"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("letter", ["x", "ü", "\U0001f600"])
def test_model_and_index_have_the_same_limit(letter: str) -> None:
    largest, larger = spec_of_size(bounds.SPEC.limit, letter), spec_of_size(bounds.SPEC.limit + 4, letter)
    assert stored(largest) == largest
    RunSpec.model_validate(largest)
    for refused in (larger, stored(larger)):
        with pytest.raises(ValidationError) as error:
            RunSpec.model_validate(refused)
        assert WORDS in in_words(error.value)
    assert list(stored(larger)) == [UNREADABLE]


def test_a_large_spec_is_an_invalid_run_until_it_is_edited(world: Any) -> None:
    world.run["spec"] = stored(spec_of_size(bounds.SPEC.limit + 4))
    world.settle()
    assert (world.status["phase"], world.status["reason"], world.created) == ("Failed", "InvalidRun", 0)
    assert WORDS in world.status["message"]
    world.run["spec"] = spec_of_size(100)
    world.run["metadata"]["generation"] += 1
    world.settle()
    assert world.created == 1


def test_a_run_that_has_a_job_is_followed_whatever_its_size(world: Any) -> None:
    """An operator without this limit has started it."""
    world.settle()
    world.run["spec"] = stored(spec_of_size(bounds.SPEC.limit + 4))
    world.pod_runs()
    world.settle()
    assert (world.status["phase"], world.created) == ("Running", 1)
    world.succeed()
    world.settle()
    assert (world.status["phase"], world.created) == ("Succeeded", 1)


def test_a_large_function_is_invalid() -> None:
    spec = {"source": {"code": "x = 1"}, "run": {"podTemplate": {"spec": {"x": "y" * bounds.SPEC.limit}}}}
    assert "the limit is 512 KiB" in FunctionReview.of({"metadata": {"name": "fn"}, "spec": spec}).error
    with pytest.raises(ValidationError, match="nested too deeply"):
        FunctionSpec.model_validate({UNREADABLE: "the spec is nested too deeply"})
