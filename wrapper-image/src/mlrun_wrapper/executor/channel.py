"""How wrapper and executor talk: JSON files in one folder, and a line on a pipe that names the file that is ready."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from .forked import is_forked, leave


class Channel:
    """The executor's end. Its pipes are not inherited by the user's subprocesses.

    A handler may close their descriptors, and open files of its own that get the same numbers. Then nothing is written
    there: documents are left in the folder, where the wrapper looks for them once its end of the pipe is closed.
    """

    def __init__(self, folder: Path, commands: int, reports: int) -> None:
        self._folder = folder
        self._asking = threading.Lock()
        for end in (commands, reports):
            os.set_inheritable(end, False)  # noqa: FBT003 - os has no keyword for it
        self._commands, self._reports = _Pipe(commands), _Pipe(reports)

    def receive(self) -> tuple[str, dict[str, Any]] | None:
        """The next command and its document; None when the wrapper is gone."""
        name = self._commands.read_line().strip()
        if not name:
            return None
        return name, json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))

    def send(self, name: str, document: dict[str, Any]) -> None:
        """Hand a document to the wrapper and wake it. A process that the user's code has forked ends here."""
        if is_forked():
            leave()
        self.leave(name, document)
        self._reports.write_line(name)

    def leave(self, name: str, document: dict[str, Any]) -> None:
        """Leave a document for the wrapper to read when it likes. Half a character, which UTF-8 cannot hold, is `?`."""
        temporary = self._folder / f"{name}.tmp"
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text, encoding="utf-8", errors="replace")
        temporary.replace(self._folder / f"{name}.json")

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The wrapper's answer, from any thread. Raises RuntimeError in a process that the handler has forked."""
        if is_forked():
            raise RuntimeError("only the handler's own process can ask the wrapper; look the entity up before forking")
        with self._asking:
            self.send("ask", question)
            answer = self.receive()
        if answer is None:
            raise RuntimeError("the wrapper is gone")
        return answer[1]


class _Pipe:
    """One end of a pipe, by its descriptor: a file object would close whatever has the number later."""

    def __init__(self, end: int) -> None:
        self._end = end
        self._identity = _identity(end)
        self._buffer = b""

    def read_line(self) -> str:
        """The next line; empty when there is none any more."""
        while b"\n" not in self._buffer:
            data = os.read(self._end, 4096) if self._is_open() else b""
            if not data:
                return ""
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def write_line(self, text: str) -> None:
        """Write the line; nothing where the handler has closed the pipe."""
        if self._is_open():
            os.write(self._end, f"{text}\n".encode())

    def _is_open(self) -> bool:
        return _identity(self._end) == self._identity


def _identity(end: int) -> tuple[int, int] | None:
    """What the descriptor stands for; None where it is closed."""
    try:
        found = os.fstat(end)
    except OSError:
        return None
    return found.st_dev, found.st_ino
