"""SIGTERM: the handler ends now. The processes that it forks end by it as any other process does."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from .failure import Stopped

_held = threading.local()
_came = threading.Event()


def listen() -> None:
    """Let SIGTERM raise Stopped, in this process only."""
    signal.signal(signal.SIGTERM, _stop)
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_be_ordinary)


def came() -> bool:
    """Return whether SIGTERM has come, also where the handler has swallowed what it raised."""
    return _came.is_set()


def _stop(signum: int, frame: Any) -> None:
    _came.set()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def _hold() -> None:
    """Python forgets a signal that comes before a fork's child is set up: a pool's worker would never end."""
    _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)


def _be_ordinary() -> None:
    if signal.getsignal(signal.SIGTERM) is _stop:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _release()
