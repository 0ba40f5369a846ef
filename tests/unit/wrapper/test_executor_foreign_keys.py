"""What a handler is told that asks for something of an MLRun server."""

import pytest

from mlrun_wrapper.executor.foreign_keys import unavailable


@pytest.mark.parametrize(
    "method", ["get_feature_vector", "store_feature_set", "delete_feature_vector", "verify_authorization"]
)
def test_the_feature_store_is_named_with_what_to_do(method: str) -> None:
    assert f"{method} needs MLRun's feature store" in unavailable(method)
    assert "to_parquet" in unavailable(method)


def test_any_other_method_needs_a_server() -> None:
    assert unavailable("submit_pipeline").startswith("submit_pipeline needs an MLRun API server")
