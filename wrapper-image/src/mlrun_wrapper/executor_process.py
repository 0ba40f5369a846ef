"""The executor seen from the wrapper: a process, its output, and the documents both exchange.

Only the standard library and our own log here: this is loaded before everything else.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from mlrun_wrapper.log import Log, pump
from mlrun_wrapper.settings import Settings

BOOT: Final = Path(__file__).parent / "executor" / "boot.py"
# How long output may still come after the process is gone, from processes that it left behind.
_DRAIN_SECONDS: Final = 2.0
# How often we look for what a process leaves that has closed our pipes.
_POLL_SECONDS: Final = 0.1
# How long the user's own exit handlers and threads may take.
EXIT_SECONDS: Final = 5.0


# What the handler's process asks for while it runs, and what it gets.
ASK: Final = "ask"
REPLY: Final = "reply"
Answer = Callable[[dict[str, Any]], dict[str, Any]]


class ExecutorGoneError(Exception):
    """The process ended without the answer. `code` is its exit code, negative for a signal."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the executor ended with {code}")
        self.code = code


class ExecutorProcess:
    """The process, in a session of its own, so that everything it starts can be ended with it.

    Its stdout and stderr go to the log as they come. `problem` tells why it could not be started.
    """

    def __init__(self, settings: Settings, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._commands: IO[str] | None = None
        self._reports = -1
        self._buffer = b""
        self._pump: threading.Thread | None = None
        self.problem: OSError | None = None

    def start(self) -> None:
        """Start it. It imports mlrun at once."""
        try:
            self._settings.prepare_folders()
            self._start()
        except OSError as error:
            self.problem = error

    def send(self, name: str, document: dict[str, Any]) -> None:
        """Hand over a command. A process that is gone is noticed by `receive`."""
        file = self._settings.exchange / f"{name}.json"
        file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8", errors="replace")
        if self._commands is not None:
            with contextlib.suppress(BrokenPipeError):
                self._commands.write(f"{name}\n")

    def receive(self, name: str, answer: Answer | None = None) -> dict[str, Any]:
        """Wait for the document of that name, and `answer` what is asked until then. Raises ExecutorGoneError."""
        while True:
            line = self._next_line()
            if line == name:
                return self._document(name)
            if line == ASK and answer is not None:
                self.send(REPLY, answer(self._document(ASK)))
            if line is None:
                return self._left_at_last(name)

    def _left_at_last(self, name: str) -> dict[str, Any]:
        """The document of a process that has closed our pipes, or is gone. Raises ExecutorGoneError for none."""
        while self._process is not None and self._process.poll() is None and not self._has_left(name):
            time.sleep(_POLL_SECONDS)
        if not self._has_left(name):
            raise ExecutorGoneError(self.wait())
        return self._document(name)

    def _has_left(self, name: str) -> bool:
        return (self._settings.exchange / f"{name}.json").exists()

    def left(self, name: str) -> dict[str, Any]:
        """A document that the process left without waking us; empty where there is none."""
        try:
            return self._document(name)
        except FileNotFoundError:
            return {}

    def _document(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self._settings.exchange / f"{name}.json").read_text(encoding="utf-8"))
        return document

    def terminate(self) -> None:
        """Ask the process to end: it reports what it has."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def finish(self, seconds: float = EXIT_SECONDS) -> None:
        """Let the process come to its own end, with the user's exit handlers; after so many seconds it is killed."""
        if self._process is not None and self._commands is not None:
            with contextlib.suppress(OSError):
                self._commands.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End the process and everything it started, and wait for it."""
        self.kill_now()
        self.wait()

    def kill_now(self) -> None:
        """End the process and everything it started, without waiting."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, after its output has been passed on."""
        code = self._process.wait() if self._process is not None else 1
        if self._pump is not None:
            self._pump.join(_DRAIN_SECONDS)
        return code

    def _start(self) -> None:
        commands, commands_write = os.pipe()
        self._reports, reports = os.pipe()
        output_read, output = os.pipe()
        arguments = [str(BOOT), str(self._settings.exchange), str(commands), str(reports)]
        try:
            self._process = subprocess.Popen(
                [self._settings.executor_python, "-u", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(commands, reports),
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"},
            )
        finally:
            for end in (commands, reports, output):
                os.close(end)
        self._commands = os.fdopen(commands_write, "w", encoding="utf-8", buffering=1)
        self._pump = threading.Thread(target=pump, args=(output_read, self._log), daemon=True)
        self._pump.start()

    def _next_line(self) -> str | None:
        """The next report; None when the process is gone and has left none."""
        while b"\n" not in self._buffer:
            data = self._next_data()
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def _next_data(self) -> bytes:
        """What it reports next; nothing once it is gone, even where a process that it left holds the pipe open."""
        if self._process is None:
            return b""
        alive = self._process.poll() is None
        gone = _pidfd(self._process.pid) if alive else None
        try:
            watched = [self._reports] if gone is None else [self._reports, gone]
            ready, _, _ = select.select(watched, [], [], None if alive else 0)
            return os.read(self._reports, 4096) if self._reports in ready else b""
        finally:
            if gone is not None:
                os.close(gone)


def _pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None where the kernel has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
