"""SIGTERM: the pod is to end within its grace period.

Installed before everything else; one that comes even earlier ends the process. Only the standard library here.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

_AGAIN: Final = 1.0


class Terminated(BaseException):
    """SIGTERM came while nothing was made that is worth keeping."""


class Sigterm:
    """Remembers a signal until somebody says what to do about it. Only the first one counts."""

    def __init__(self) -> None:
        self._came = False
        self._ending = False
        self._action: Callable[[], None] | None = None
        signal.signal(signal.SIGTERM, self._handle)

    @contextmanager
    def doing(self, action: Callable[[], None]) -> Iterator[None]:
        """Within the block, SIGTERM means this; one that came earlier does so at once."""
        self._action = action
        try:
            if self._came:
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
        signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
        raise Terminated

    def check(self) -> None:
        """Raise Terminated where it was raised before and got lost."""
        if self._ending:
            raise Terminated

    def _insist(self, signum: int, frame: FrameType | None) -> None:
        if self._action is not None:
            raise Terminated

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if not self._came:
            self._came = True
            if self._action is not None:
                self._action()
