"""What mlrun's server would leave of a list of artifacts."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_CATEGORIES = {"model": ("model",), "dataset": ("dataset",), "document": ("document",), "llm-prompt": ("llm-prompt",)}


def matches(name: str | None, key: str) -> bool:
    """Return whether a key is asked for: `~` in front asks for a part of it, in any case."""
    if not name:
        return True
    return name[1:].lower() in key.lower() if name.startswith("~") else name == key


def conditions_of(  # noqa: PLR0913, PLR0917 - mlrun's conditions
    labels: Any = None,
    since: Any = None,
    until: Any = None,
    iteration: int | None = None,
    kind: str | None = None,
    category: Any = None,
    tree: str | None = None,
) -> dict[str, Any]:
    """Return the arguments of `filtered` as JSON has them: times as texts, a category by its name."""
    return {
        "labels": _wanted(labels),
        "since": _text(since),
        "until": _text(until),
        "iteration": iteration,
        "kind": kind,
        "category": str(getattr(category, "value", category)) if category else None,
        "tree": tree,
    }


def filtered(  # noqa: PLR0913 - as above
    artifacts: Iterable[dict[str, Any]],
    *,
    labels: Mapping[str, str | None],
    since: str | None,
    until: str | None,
    iteration: int | None,
    kind: str | None,
    category: str | None,
    tree: str | None,
) -> Iterator[dict[str, Any]]:
    """Yield the artifacts that meet every condition that is given."""
    kinds = _kinds(kind, category)
    for artifact in artifacts:
        metadata = artifact["metadata"]
        if (
            has_labels(metadata, labels)
            and _within(metadata.get("updated") or metadata.get("created"), since, until)
            and iteration in (None, metadata.get("iter") or 0)
            and (kinds is None or kinds(artifact.get("kind") or "artifact"))
            and tree in (None, "", metadata.get("tree"))
        ):
            yield artifact


def has_labels(metadata: Mapping[str, Any], labels: Any) -> bool:
    """Return whether all labels are there: `name`, or `name=value`."""
    held = metadata.get("labels") or {}
    return all(name in held and value in (None, str(held[name])) for name, value in _wanted(labels).items())


def _kinds(kind: str | None, category: str | None) -> Any:
    """The condition on an artifact's kind; None where there is none."""
    if kind:
        return lambda held: held == kind
    if not category:
        return None
    named = [each for kinds in _CATEGORIES.values() for each in kinds]
    return lambda held: held in _CATEGORIES.get(category, ()) or (category == "other" and held not in named)


def _wanted(labels: Any) -> dict[str, str | None]:
    """By name, with None where only the name is asked for."""
    if isinstance(labels, dict):
        return {name: None if value is None else str(value) for name, value in labels.items()}
    texts = labels.split(",") if isinstance(labels, str) else list(labels or ())
    parts = [text.strip().partition("=") for text in texts if text.strip()]
    return {name: value if equals else None for name, equals, value in parts}


def _text(moment: Any) -> str | None:
    return (moment.isoformat() if isinstance(moment, datetime.datetime) else str(moment)) if moment else None


def _within(moment: Any, since: Any, until: Any) -> bool:
    if not since and not until:
        return True
    at = _time(moment)
    return at is not None and (not since or at >= _time(since)) and (not until or at <= _time(until))  # type: ignore[operator]


def _time(value: Any) -> datetime.datetime | None:
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        return value.replace(tzinfo=datetime.timezone.utc)  # noqa: UP017 - of Python 3.9
    return value if isinstance(value, datetime.datetime) else None
