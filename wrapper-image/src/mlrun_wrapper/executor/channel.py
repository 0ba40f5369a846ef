"""How wrapper and executor talk: JSON files in one folder, and a line on a pipe that names the file that is ready."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any


class Channel:
    """The executor's end. Its pipes are not inherited by the user's subprocesses."""

    def __init__(self, folder: Path, commands: int, reports: int) -> None:
        self._folder = folder
        self._process = os.getpid()
        self._asking = threading.Lock()
        for end in (commands, reports):
            os.set_inheritable(end, False)  # noqa: FBT003 - os has no keyword for it
        self._commands = os.fdopen(commands, "r", encoding="utf-8")
        self._reports = os.fdopen(reports, "w", encoding="utf-8", buffering=1)

    def receive(self) -> tuple[str, dict[str, Any]] | None:
        """The next command and its document; None when the wrapper is gone."""
        name = self._commands.readline().strip()
        if not name:
            return None
        return name, json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))

    def send(self, name: str, document: dict[str, Any]) -> None:
        """Hand a document to the wrapper and wake it."""
        self.leave(name, document)
        self._reports.write(f"{name}\n")

    def leave(self, name: str, document: dict[str, Any]) -> None:
        """Leave a document for the wrapper to read when it likes. Half a character, which UTF-8 cannot hold, is `?`."""
        temporary = self._folder / f"{name}.tmp"
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text, encoding="utf-8", errors="replace")
        temporary.replace(self._folder / f"{name}.json")

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The wrapper's answer, from any thread. Raises RuntimeError in a process that the handler has forked."""
        if os.getpid() != self._process:
            raise RuntimeError("only the handler's own process can ask the wrapper; look the entity up before forking")
        with self._asking:
            self.send("ask", question)
            answer = self.receive()
        if answer is None:
            raise RuntimeError("the wrapper is gone")
        return answer[1]
