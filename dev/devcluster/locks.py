"""One at a time: two checkouts must not start, stop or build over each other."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devcluster import progress


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Hold a lock file, waiting for whoever holds it. Daemons that are started meanwhile do not inherit it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("… waiting: another devcluster command is at work on this machine")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
