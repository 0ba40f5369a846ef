"""A bucket that keys share: a burst at once, then its rate, and for each key its part of it."""

from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.controller.rate_limiter import SharedBucket


def taken(bucket: SharedBucket, key: str, count: int) -> int:
    return sum(bucket.try_acquire(key) for _ in range(count))


def test_a_burst_is_spent_and_comes_back_with_time() -> None:
    now = [0.0]
    bucket = SharedBucket(2.0, 6, lambda: now[0])
    assert taken(bucket, "a", 5) == 3
    now[0] = 1.0
    assert taken(bucket, "a", 5) == 2
    now[0] = 1000.0
    assert taken(bucket, "a", 5) == 3


def test_one_that_asks_for_much_leaves_the_others_theirs() -> None:
    now = [0.0]
    bucket = SharedBucket(2.0, 20, lambda: now[0])
    taken(bucket, "greedy", 1000)
    assert taken(bucket, "b", 3) == 3
    found = {"greedy": 0, "b": 0, "c": 0}
    for second in range(1, 301):
        now[0] = float(second)
        for key, count in (("greedy", 100), ("b", 1), ("c", 1)):
            found[key] += taken(bucket, key, count)
    assert min(found.values()) >= 0.8 * 300 * 2 / 3


def test_who_asks_no_more_has_no_share() -> None:
    now = [0.0]
    bucket = SharedBucket(2.0, 20, lambda: now[0])
    for number in range(100):
        bucket.try_acquire(f"ns-{number}")
    now[0] = 100.0
    assert taken(bucket, "a", 100) == 10
    now[0] = 105.0
    assert taken(bucket, "a", 100) == 10


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(0, 5)), max_size=300))
def test_all_together_never_take_more_than_the_rate_and_the_burst(asked: list[tuple[str, float]]) -> None:
    now = [0.0]
    bucket = SharedBucket(2.0, 4, lambda: now[0])
    taken_in_all = 0
    for key, passed in asked:
        now[0] += passed
        taken_in_all += bucket.try_acquire(key)
        assert taken_in_all <= 4 + 2.0 * now[0] + 1e-6
