"""A bucket: a burst at once, then its rate."""

from mlrun_operator.controller.rate_limiter import TokenBucket


def test_a_burst_is_spent_and_comes_back_with_time() -> None:
    now = [0.0]
    bucket = TokenBucket(2.0, 3, lambda: now[0])
    assert [bucket.try_acquire() for _ in range(4)] == [True, True, True, False]
    now[0] = 1.0
    assert [bucket.try_acquire() for _ in range(3)] == [True, True, False]
    now[0] = 1000.0
    assert [bucket.try_acquire() for _ in range(4)] == [True, True, True, False]
