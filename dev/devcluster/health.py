"""Bounded waiting for a daemon to answer."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable

from devcluster import processes
from devcluster.errors import DevClusterError

POLL_SECONDS = 0.1
# A proxy from the caller's environment has no way to addresses that exist on this machine only.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wait_until(ready: Callable[[], bool], *, what: str, daemon: str, seconds: float) -> None:
    """Wait until `ready`. Raises DevClusterError with the end of the daemon's log if it dies or time is up."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not processes.running(daemon):
            raise _failure(f"{daemon} ended; expected was that {what}", daemon)
        if time.monotonic() > deadline:
            raise _failure(f"it is not so within {seconds:.0f} s that {what}", daemon)
        time.sleep(POLL_SECONDS)


def answers(url: str, *, timeout: float = 2.0) -> bool:
    """Whether an HTTP GET of a plain-text address is answered with success."""
    try:
        with _direct.open(url, timeout=timeout) as response:
            return bool(response.status < 400)
    except (OSError, urllib.error.URLError):
        return False


def _failure(message: str, daemon: str) -> DevClusterError:
    return DevClusterError(
        message,
        detail=processes.log_tail(daemon),
        hint=f"read {processes.log_file(daemon)}, then `make cluster-down` and `make cluster`",
    )
