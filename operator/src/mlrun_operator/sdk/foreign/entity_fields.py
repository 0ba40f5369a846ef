"""The fields of what `convert` reads by their shapes. What has another shape is refused by its path. Pure."""

from collections.abc import Mapping
from typing import Any


class RefusalError(ValueError):
    """Why something has no place in our resources."""


def mapping_of(value: Any, path: str) -> Mapping[Any, Any]:
    """Return the map; an empty one where nothing is set. Raises RefusalError."""
    if not value:
        return {}
    if not isinstance(value, Mapping):
        raise _refusal(path, "a map", value)
    return value


def list_of(value: Any, path: str) -> list[Any]:
    """Return the list; an empty one where nothing is set. Raises RefusalError."""
    if not value:
        return []
    if not isinstance(value, list):
        raise _refusal(path, "a list", value)
    return value


def maps_of(value: Any, path: str) -> list[Mapping[Any, Any]]:
    """Return the list of maps. Raises RefusalError."""
    return [mapping_of(entry, f"{path}[{index}]") for index, entry in enumerate(list_of(value, path))]


def texts_of(value: Any, path: str) -> list[str]:
    """Return the list of texts; a text is a list of one. Raises RefusalError."""
    entries = [value] if isinstance(value, str) else list_of(value, path)
    texts = [text_of(entry, f"{path}[{index}]") for index, entry in enumerate(entries)]
    return [text for text in texts if text.strip()]


def text_of(value: Any, path: str) -> str:
    """Return the text; an empty one where nothing is set. Raises RefusalError."""
    if not value:
        return ""
    if not isinstance(value, str):
        raise _refusal(path, "a text", value)
    return value


def _refusal(path: str, shape: str, value: Any) -> RefusalError:
    return RefusalError(f"{path} must be {shape}, not {value!r:.60}")
