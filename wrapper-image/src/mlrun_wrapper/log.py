"""The pod's log: passed on at once, and kept within bounds for log.txt."""

import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

# The bounds of `mlrun_operator.api.bounds`, which is imported only when the executor is started.
HEAD: Final = 1 << 20
TAIL: Final = 1 << 20
LONGEST_REDRAWN: Final = 64 << 10
_CHUNK: Final = 64 << 10
_REDRAW_SECONDS: Final = 1.0


class Log:
    """Our own lines and the executor's output, in the order in which they came.

    The first and the last MiB are kept; what lies between is counted.
    """

    def __init__(self, output: int | None = None) -> None:
        self._output = sys.stdout.fileno() if output is None else output
        self._lock = threading.RLock()  # SIGTERM's own line may come while the main thread writes another one
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0
        self._at_line_start = True
        self.passed = 0  # bytes

    def line(self, text: str) -> None:
        """One line of the wrapper's own."""
        lines = "".join(f"mlrun-wrapper: {part}\n" for part in text.splitlines())
        self.write(lines.encode("utf-8", "replace"), whole_line=True)

    def write(self, data: bytes, *, whole_line: bool = False) -> None:
        """Pass on and keep. `whole_line` starts a new line first where the last one is open."""
        with self._lock:
            if whole_line and not self._at_line_start:
                data = b"\n" + data
            if data:
                self._at_line_start = data.endswith(b"\n")
            self.passed += len(data)
            self._pass_on(data)
            self._keep(data)

    def pass_on_line(self, line: bytes, *, break_line: bool = False) -> bool:
        """Pass on a line that is not kept; return whether it was. It waits for an open line, or breaks it."""
        with self._lock:
            if not self._at_line_start and not break_line:
                return False
            self.write(b"", whole_line=True)
            self._pass_on(line)
            return True

    def text(self) -> bytes:
        """The kept log, with a line that says how much is missing."""
        with self._lock:
            dropped = self._dropped + max(len(self._tail) - TAIL, 0)
            gap = b"\n... %d bytes left out ...\n" % dropped if dropped else b""
            return bytes(self._head) + gap + bytes(self._tail[-TAIL:])

    def _pass_on(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._output, view) :]
            except OSError:
                return  # nobody reads the log any more; the run goes on

    def _keep(self, data: bytes) -> None:
        room = HEAD - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        gone = len(self._tail) - TAIL
        if gone > _CHUNK:
            del self._tail[:gone]
            self._dropped += gone


class Redraws:
    r"""Thins out progress bars, which redraw a line by `\r`: a state a second becomes a line, and the last one.

    Text without `\r` passes as it is, at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._redrawing = False
        self._text = b""  # what is drawn since the last \r
        self._unshown = b""  # the state before it, where it came too soon
        self._shown = float("-inf")

    def thin(self, data: bytes) -> bytes:
        """What of the data to show now."""
        if not self._redrawing and b"\r" not in data:
            return data
        parts = re.findall(rb"[^\r\n]*[\r\n]|[^\r\n]+", data.replace(b"\r\n", b"\n"))
        return b"".join(self._part(part) for part in parts)

    def rest(self) -> bytes:
        """The last state; the line is over."""
        last = self._text or self._unshown
        self._redrawing, self._text, self._unshown = False, b"", b""
        return last + b"\n" if last else b""

    def _part(self, part: bytes) -> bytes:
        """One piece of text with the `\r` or newline that ends it, or without an end."""
        if not self._redrawing and not part.endswith(b"\r"):
            return part
        self._redrawing = True
        self._text += part.rstrip(b"\r\n")
        if part.endswith(b"\n") or len(self._text) > LONGEST_REDRAWN:
            return self.rest()
        return self._drawn() if part.endswith(b"\r") else b""

    def _drawn(self) -> bytes:
        """A state is complete."""
        state, self._text = self._text, b""
        if not state.strip():
            return b""
        now = self._clock()
        if now - self._shown < _REDRAW_SECONDS:
            self._unshown = state
            return b""
        self._shown, self._unshown = now, b""
        return state + b"\n"


def pump(source: int, log: Log) -> None:
    """Copy everything from a pipe to the log until its last writer is gone."""
    redraws = Redraws()
    while True:
        try:
            data = os.read(source, _CHUNK)
        except OSError:
            data = b""
        if not data:
            log.write(redraws.rest())
            os.close(source)
            return
        log.write(redraws.thin(data))
