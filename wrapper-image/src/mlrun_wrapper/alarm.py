"""Time limits of steps, by the process's alarm: whatever blocks in the main thread ends."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from mlrun_wrapper.errors import StepError

# The alarm comes again while the first one is still on its way through somebody's cleanup.
_REPEAT_SECONDS: Final = 5.0
_SOON_SECONDS: Final = 0.2  # where the pod's own end is near


class TimeIsUp(BaseException):
    """Not an Exception, so that no client takes it for one of its own failures and tries again."""


@contextmanager
def within(seconds: float, failure: StepError) -> Iterator[None]:
    """Raise the failure where the block takes longer. Only in the main thread, and not inside of another one."""
    previous = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _REPEAT_SECONDS)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeIsUp:
        raise failure from None
    finally:
        signal.signal(signal.SIGALRM, previous)


def interrupt_calls() -> None:
    """Interrupt blocking calls now and then, until the next limit or `silence`.

    A signal that comes just before such a call begins would be handled only after it: Python looks for signals between
    its own instructions, and when a call is interrupted.
    """
    signal.signal(signal.SIGALRM, _go_on)
    signal.setitimer(signal.ITIMER_REAL, _SOON_SECONDS, _SOON_SECONDS)


def ring_in(seconds: float) -> None:
    """Raise TimeIsUp in the main thread by then, unless `silence` comes first; not inside of `within`."""
    signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), _SOON_SECONDS)


def silence() -> None:
    """Let no alarm come any more."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _go_on(signum: int, frame: FrameType | None) -> None:
    """Let the interrupted call go on."""


def _ring(signum: int, frame: FrameType | None) -> None:
    raise TimeIsUp
