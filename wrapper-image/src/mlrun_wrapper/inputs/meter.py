"""How far an input is: a line now and then, and the end of a download that nobody waits for any more."""

import threading
import time
from typing import Final

from mlrun_wrapper.log import Log
from mlrun_wrapper.progress import readable_size

# When the first line comes, and at most how long after it the next, in seconds.
_FIRST: Final = 2.0
_GAP: Final = 10.0


class CancelledError(Exception):
    """Another input has failed, or the pod is to end."""


class Meter:
    """Told of every piece of one input. Raises CancelledError once `cancelled` is set."""

    def __init__(self, log: Log, name: str, cancelled: threading.Event) -> None:
        self._log = log
        self._name = name
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._next = self._start + _FIRST
        self._size = 0

    def __call__(self, size: int) -> None:
        """So many bytes more."""
        if self._cancelled.is_set():
            raise CancelledError
        now = time.monotonic()
        with self._lock:
            self._size += size
            if now < self._next:
                return
            self._next = now + min(_GAP, now - self._start)
            rate = readable_size(int(self._size / (now - self._start)))
            self._log.line(f"input {self._name!r} {readable_size(self._size)} so far, {rate}/s")
