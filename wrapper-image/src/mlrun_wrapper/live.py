"""Live results: what the executor leaves of them while the handler runs, published in the log and in the store.

Two threads, so that a store that hangs does not keep the log's lines. Neither waits for the other or for the handler,
and what fails is tried again with the next state. The last state is not published: the report says all.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from mlrun_operator.api import bounds
from mlrun_operator.api.contract.live import LIVE_FILE, LiveResults, encode
from mlrun_wrapper.context import Context

_LOOK_SECONDS: Final = 1.0
_SECONDS: Final = bounds.LIVE_SECONDS.limit
# A frame is published again after so much of other output, so that the end of the log always has one.
_REPEAT_BYTES: Final = 64 << 10
# For how long an open line of the handler's is waited for before it is broken.
_OPEN_LINE_SECONDS: Final = 30
_MAX_DOCUMENT_BYTES: Final = 2 * bounds.LIVE_DOCUMENT.limit


@contextlib.contextmanager
def publishing_live_results(context: Context) -> Iterator[None]:
    """Publish the live results while the block runs."""
    over = threading.Event()
    for publisher in (LogPublisher(context), StorePublisher(context)):
        threading.Thread(target=publisher.watch, args=(over,), daemon=True).start()
    try:
        yield
    finally:
        over.set()


class Publisher:
    """Publishes each new state that the executor leaves, at most every few seconds."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._file = context.settings.exchange / LIVE_FILE
        self._published: int | None = None
        self._published_at = float("-inf")

    def watch(self, over: threading.Event) -> None:
        """Look for new states until it is over."""
        while not over.wait(_LOOK_SECONDS):
            with contextlib.suppress(Exception):  # such as a store that cannot be reached now
                self.look()

    def look(self) -> None:
        """Publish the newest state, where it is new or the last frame is far up in the log."""
        if time.monotonic() - self._published_at < _SECONDS:
            return
        try:
            version = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if version == self._published and not self._is_far_up():
            return
        live = self._read(datetime.fromtimestamp(version / 1e9, UTC))
        if live is None or live.is_empty:
            self._published = version
        elif self._publish(live):
            self._published, self._published_at = version, time.monotonic()

    def _read(self, time_left: datetime) -> LiveResults | None:
        """Return the state of that time; None for what is not one, since the user's own code may write the file."""
        with self._file.open("rb") as file:
            data = file.read(_MAX_DOCUMENT_BYTES + 1)
        if len(data) > _MAX_DOCUMENT_BYTES:
            return None
        try:
            return _live_results(json.loads(data), self._context.settings.pod_name, time_left)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None

    def _publish(self, live: LiveResults) -> bool:
        """Return whether it was published."""
        raise NotImplementedError

    def _is_far_up(self) -> bool:
        return False


class LogPublisher(Publisher):
    """Publishes them as lines of the log, which log.txt does not keep."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._passed = 0
        self._waiting_since: float | None = None

    def _publish(self, live: LiveResults) -> bool:
        now = time.monotonic()
        self._waiting_since = now if self._waiting_since is None else self._waiting_since
        breaks = now - self._waiting_since >= _OPEN_LINE_SECONDS
        if not self._context.log.pass_on_line(f"{encode(live)}\n".encode(), break_line=breaks):
            return False
        self._passed, self._waiting_since = self._context.log.passed, None
        return True

    def _is_far_up(self) -> bool:
        return self._context.log.passed - self._passed > _REPEAT_BYTES


class StorePublisher(Publisher):
    """Publishes them as a document beside run.json."""

    def _publish(self, live: LiveResults) -> bool:
        if self._context.store is None:
            return False
        text = encode(live, bounds.LIVE_DOCUMENT.limit)
        self._published_at = time.monotonic()  # also where it fails: a store that is down is not asked each second
        self._context.store.write(f"{self._context.run_folder}/{LIVE_FILE}", text.encode())
        return True


def _live_results(document: dict[str, Any], pod: str, time_left: datetime) -> LiveResults:
    done = document.pop("done", None)
    progress = None if done is None else round(100 * done, 1)
    return LiveResults.model_validate({**document, "pod": pod, "time": time_left, "progress": progress})
