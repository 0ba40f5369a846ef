"""What the store has of earlier runs, as mlrun's artifacts. The wrapper is asked: it alone speaks to the store."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import mlrun

Ask = Callable[[dict[str, Any]], dict[str, Any]]


class Entities:
    """The entities of the store that this process knows, by their keys; the others are asked for."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self.ask: Ask | None = None

    def of_key(self, key: str) -> dict[str, Any]:
        """Return the artifact of a key, its data fetched now unless the run has it. Raises MLRunNotFoundError."""
        if key not in self.known:
            self.known[key] = self._asked({"key": key})["artifact"]
        return copy.deepcopy(self.known[key])

    def find(self, key: str, project: str, version: str | None) -> dict[str, Any]:
        """Return the artifact of that name, its data fetched now. Raises MLRunNotFoundError.

        `version` is a uuid or a tag; the latest without.
        """
        found = self._asked({"find": {"name": key, "project": project, "version": version}})["artifact"]
        self.known[found["spec"]["producer"]["key"]] = found
        return copy.deepcopy(found)

    def listed(self, project: str, name: str, tag: str) -> list[dict[str, Any]]:
        """Return the artifacts of a project without their data: of each name the latest, those of a tag, or all."""
        if self.ask is None:
            return []
        answer = self._asked({"list": {"project": project, "name": name, "tag": tag}})
        if answer.get("cut"):
            print(f"list_artifacts: {answer['cut']}", flush=True)
        return list(answer["artifacts"])

    def _asked(self, question: dict[str, Any]) -> dict[str, Any]:
        if self.ask is None:
            raise mlrun.errors.MLRunNotFoundError("the store cannot be asked here")
        answer = self.ask(question)
        if "error" in answer:
            raise mlrun.errors.MLRunNotFoundError(answer["error"])
        return answer
