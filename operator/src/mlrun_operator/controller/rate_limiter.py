"""A token bucket for requests that cost the API server much."""

import time
from collections.abc import Callable


class TokenBucket:
    """Allows `rate` acquisitions a second in the long run, and at most `burst` at once."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._updated_at = clock()

    def try_acquire(self) -> bool:
        """Take a token; return whether there was one."""
        time_now = self._clock()
        self._tokens = min(self._burst, self._tokens + (time_now - self._updated_at) * self._rate)
        self._updated_at = time_now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
