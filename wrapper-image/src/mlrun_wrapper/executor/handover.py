"""What was logged so far, handed over while the handler runs.

Written whenever something is logged, so it survives whatever ends the process: the kernel for memory, a crash in C
code, a handler that does not react to SIGTERM.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final

# At most this share of the run's time goes into it, after a first half second. A burst's last state comes later, by a
# thread.
_SHARE: Final = 0.05
_FREE_SECONDS: Final = 0.5


class Handover:
    """Writes the outcome so far; a process that the handler forked writes nothing.

    `changes` counts what was logged.
    """

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._later: threading.Timer | None = None
        self._began = time.monotonic()
        self._spent = 0.0
        self._process = os.getpid()
        self.changes = 0

    def install(self) -> None:
        """Have every context of mlrun's tell what it logs."""
        from mlrun.execution import MLClientCtx  # noqa: PLC0415 - so that the rest can be tested without mlrun

        update = MLClientCtx._update_run

        def updating(context: Any, *args: Any, **kwargs: Any) -> Any:
            answer = update(context, *args, **kwargs)
            self.changed()
            return answer

        MLClientCtx._update_run = updating

    def changed(self) -> None:
        """Something was logged: write it now, or soon where much is logged."""
        if os.getpid() != self._process:
            return
        self.changes += 1
        wait = (self._spent - _FREE_SECONDS) / _SHARE - (time.monotonic() - self._began)
        if wait <= 0:
            self._now()
        elif self._later is None:
            self._later = threading.Timer(wait, self._now)
            self._later.daemon = True
            self._later.start()

    def _now(self) -> None:
        """Unless another thread is at it. What it cannot describe because it is just changing comes with the next."""
        self._later = None
        if not self._lock.acquire(blocking=False):
            return
        start = time.monotonic()
        try:
            self._write()
        except Exception:  # noqa: S110 - the handler's own work must not fail by it
            pass
        finally:
            self._spent += time.monotonic() - start
            self._lock.release()
