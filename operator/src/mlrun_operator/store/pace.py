"""The least rate of a download: a server that drips bytes never runs into a socket's time limit, but holds a run up.

The numbers are those that Git gets (`http.lowSpeedLimit`, `http.lowSpeedTime`).
"""

import time
from typing import Final

RATE: Final = 1000
SECONDS: Final = 60.0


class TooSlowError(Exception):
    """Less came than the least rate allows; its text says how little."""


class Pace:
    """Told of every piece of one stream, also over several connections. Only the time of reading counts.

    Raises TooSlowError where a minute of it has brought less than 1,000 bytes a second.
    """

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._waited = 0.0
        self._came = 0

    def begin(self) -> None:
        """Reading begins, after a pause."""
        self._since = time.monotonic()

    def __call__(self, size: int) -> None:
        """So many bytes more; none where a read ended without any."""
        now = time.monotonic()
        self._waited += now - self._since
        self._since, self._came = now, self._came + size
        if self._waited < SECONDS:
            return
        waited, came = self._waited, self._came
        self._waited, self._came = 0.0, 0
        if came < RATE * waited:
            raise TooSlowError(f"{waited:.0f} s brought {came} bytes, less than {RATE} a second")
