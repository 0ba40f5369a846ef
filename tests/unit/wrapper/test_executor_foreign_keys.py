"""What a handler is told that asks for something of an MLRun server."""

import re

import pytest

from mlrun_operator.api.values.keys import Key
from mlrun_wrapper.executor.foreign_keys import unavailable, unknown_artifact


@pytest.mark.parametrize(
    "method", ["get_feature_vector", "store_feature_set", "delete_feature_vector", "verify_authorization"]
)
def test_the_feature_store_is_named_with_what_to_do(method: str) -> None:
    assert f"{method} needs MLRun's feature store" in unavailable(method)
    assert "to_parquet" in unavailable(method)


def test_any_other_method_needs_a_server() -> None:
    assert unavailable("submit_pipeline").startswith("submit_pipeline needs an MLRun API server")


def test_the_keys_that_are_named_are_keys() -> None:
    keys = re.findall(r"store://\S+", unknown_artifact("train", "pub"))
    assert [Key.parse(key).name for key in keys] == ["train"] * 3
    assert {Key.parse(key).type for key in keys} == {"dataitem", "model", "artifact"}


def test_a_key_without_a_project_has_a_place_for_it() -> None:
    assert "store://<project>/dataitem/table/train" in unknown_artifact("train", "")
