"""The schemes of inputs that a run may have are those that the wrapper reads."""

import pytest

from mlrun_operator.api.v1alpha1.inputs import SCHEMES
from mlrun_wrapper.inputs.fetching import PROVIDERS


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_known_scheme_has_a_provider(scheme: str) -> None:
    assert any(provider.serves(f"{scheme}:///x") for provider in PROVIDERS)


@pytest.mark.parametrize("scheme", ["ftp", "gs", "HTTP", "s3a"])
def test_an_unknown_scheme_has_none(scheme: str) -> None:
    assert scheme not in SCHEMES
    assert not any(provider.serves(f"{scheme}:///x") for provider in PROVIDERS)
