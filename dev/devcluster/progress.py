"""Progress on the terminal: one line for each finished step, with the seconds it took."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

STILL_WORKING_AFTER_SECONDS = 60.0


@contextmanager
def step(done: str, *, during: str = "") -> Iterator[None]:
    """Print `✓ <done> <seconds> s` when the block ends without an exception.

    `during` is for steps that last: it is printed at the start, and again once a minute so that a log of a CI run
    does not look stuck.
    """
    started = time.monotonic()
    finished = threading.Event()
    if during:
        say(f"… {during}")
        threading.Thread(target=_remind, args=(during, started, finished), daemon=True).start()
    try:
        yield
    finally:
        finished.set()
    say(f"✓ {done} {time.monotonic() - started:.1f} s")


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, file=sys.stdout, flush=True)


def _remind(during: str, started: float, finished: threading.Event) -> None:
    while not finished.wait(STILL_WORKING_AFTER_SECONDS):
        say(f"… {during}: {time.monotonic() - started:.0f} s so far")
