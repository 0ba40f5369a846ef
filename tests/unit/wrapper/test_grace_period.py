"""How a grace period is shared between the handler, storing and the report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_wrapper.grace_period import GracePeriod


@pytest.mark.parametrize(("seconds", "handler", "stored"), [(0, 0, 0), (6, 3, 5), (30, 15, 25), (600, 540, 595)])
def test_the_shares_of_some_grace_periods(seconds: int, handler: float, stored: float) -> None:
    grace = GracePeriod(seconds)

    assert (grace.handler, grace.stored) == (handler, stored)


@given(st.integers(1, 86_400))
def test_the_handler_ends_before_storing_does_and_storing_before_the_pod(seconds: int) -> None:
    grace = GracePeriod(seconds)

    assert seconds / 2 <= grace.handler < grace.stored < seconds
