"""SIGTERM: the pod is to end within its grace period.

Installed before everything else. One that comes while Python itself starts is beyond us: it ends an ordinary process,
and the kernel drops it for the first process of a container. Only the standard library here.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

# What a process ends with that SIGTERM has ended.
EXIT_CODE: Final = 128 + signal.SIGTERM
_REPEAT_SECONDS: Final = 1.0


class Terminated(BaseException):
    """SIGTERM came while nothing was made that is worth keeping."""


class Sigterm:
    """Remembers a signal until somebody says what to do about it. Only the first one counts.

    `time` is when it came, on the monotonic clock; None while it has not.
    """

    def __init__(self) -> None:
        self.time: float | None = None
        self._ending = False
        self._action: Callable[[], None] | None = None
        signal.signal(signal.SIGTERM, self._handle)

    @property
    def came(self) -> bool:
        """Return whether the pod has been told to end."""
        return self.time is not None

    def seconds_left(self, share: float) -> float:
        """Return the seconds until so many have passed since the signal; 0 where they have."""
        return share if self.time is None else max(self.time + share - time.monotonic(), 0.0)

    @contextmanager
    def doing(self, action: Callable[[], None]) -> Iterator[None]:
        """Within the block, SIGTERM means this; one that came earlier does so at once."""
        self._action = action
        try:
            if self.came:
                action()
            yield
        finally:
            self._action = None

    def end(self) -> NoReturn:
        """Raise Terminated, and again until the block is left: Python drops an exception that comes while it cleans up.

        A time limit that ends in between takes the repetition with it; `check` catches what got through.
        """
        self._ending = True
        signal.signal(signal.SIGALRM, self._insist)
        signal.setitimer(signal.ITIMER_REAL, _REPEAT_SECONDS, _REPEAT_SECONDS)
        raise Terminated

    def check(self) -> None:
        """Raise Terminated where it was raised before and got lost."""
        if self._ending:
            raise Terminated

    def _insist(self, signum: int, frame: FrameType | None) -> None:
        if self._action is not None:
            raise Terminated

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if not self.came:
            self.time = time.monotonic()
            if self._action is not None:
                self._action()
