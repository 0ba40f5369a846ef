"""Token buckets for requests that cost the API server much."""

import time
from collections.abc import Callable, Hashable
from typing import Final

# How long a key that asks no more keeps its share, in seconds.
_KEPT_SECONDS: Final = 60.0


class TokenBucket:
    """Allows `rate` acquisitions a second in the long run, and at most `burst` at once."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self._burst = burst
        self._tokens = burst
        self.updated_at = now

    def refill(self, now: float) -> float:
        """Add what has come since; return how many tokens there are. It is negative where more were taken."""
        self._tokens = min(self._burst, self._tokens + (now - self.updated_at) * self.rate)
        self.updated_at = now
        return self._tokens

    def take(self, tokens: float = 1.0) -> None:
        """Take tokens, also those that have not come yet."""
        self._tokens -= tokens


class SharedBucket:
    """A bucket that keys share: each that asks gets an equal part of the rate, and half of the burst at most.

    Whoever asks for much can so not leave the others without.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._clock = clock
        self._all = TokenBucket(rate, burst, clock())
        self._of: dict[Hashable, TokenBucket] = {}
        self._swept_at = clock()

    def try_acquire(self, key: Hashable) -> bool:
        """Take a token for this key; return whether there was one."""
        now = self._clock()
        self._forget(now)
        bucket = self._of.setdefault(key, TokenBucket(0.0, max(1, self._burst // 2), now))
        bucket.rate = self._all.rate / len(self._of)
        if min(bucket.refill(now), self._all.refill(now)) < 1:
            return False
        bucket.take()
        self._all.take()
        return True

    def _forget(self, now: float) -> None:
        """Forget those that have not asked for a minute, once a minute."""
        if now - self._swept_at >= _KEPT_SECONDS:
            self._of = {key: bucket for key, bucket in self._of.items() if now - bucket.updated_at < _KEPT_SECONDS}
            self._swept_at = now
