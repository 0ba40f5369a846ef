"""A budget for requests that cost the API server much."""

import time
from collections.abc import Callable


class TokenBucket:
    """So many a second in the long run, and no more than `burst` at once."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left = float(burst)
        self._at = clock()

    def try_acquire(self) -> bool:
        """Whether there was something left to spend."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
