"""What the store has of earlier runs, as mlrun's artifacts. The wrapper is asked: it alone speaks to the store."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import mlrun

Ask = Callable[[dict[str, Any]], dict[str, Any]]
CANNOT_CHANGE = (
    "what is stored cannot be changed; get the artifact by project.get_artifact(…) or as an input, and update that: "
    "it becomes a new version"
)


class Entities:
    """The entities of the store that this process knows, by their keys; the others are asked for."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self.ask: Ask | None = None

    def of_key(self, key: str) -> dict[str, Any]:
        """Return the artifact of a key, its data fetched now unless the run has it. Raises MLRunNotFoundError."""
        if key not in self.known:
            self.known[key] = self._asked({"key": key})["artifact"]
        return _known_to_mlrun(copy.deepcopy(self.known[key]))

    def find(self, key: str, project: str, version: str | None) -> dict[str, Any]:
        """Return the artifact of that name, its data fetched now. Raises MLRunNotFoundError.

        `version` is a uuid or a tag; the latest without.
        """
        question = {"find": {"name": key, "project": project, "version": version}}
        found = _known_to_mlrun(self._asked(question)["artifact"])
        self.known[found["spec"]["producer"]["key"]] = found
        return copy.deepcopy(found)

    def listed(self, project: str, name: str, tag: str, conditions: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the artifacts of a project that meet the conditions of `filtered`, without their data.

        Of each name the latest, those of a tag, or all (`*`).
        """
        if self.ask is None:
            return []
        answer = self._asked({"list": {"project": project, "name": name, "tag": tag, "conditions": conditions}})
        return list(map(_known_to_mlrun, answer["artifacts"]))

    def _asked(self, question: dict[str, Any]) -> dict[str, Any]:
        if self.ask is None:
            raise mlrun.errors.MLRunNotFoundError("the store is not available in this process")
        answer = self.ask(question)
        if "error" in answer:
            raise mlrun.errors.MLRunNotFoundError(answer["error"])
        return answer


def _known_to_mlrun(artifact: dict[str, Any]) -> dict[str, Any]:
    """Return it with a kind that mlrun knows: one that the user's own class gave it is in none of mlrun's lists."""
    known = artifact["kind"] in mlrun.artifacts.manager.artifact_types
    return artifact if known else {**artifact, "kind": "artifact"}
