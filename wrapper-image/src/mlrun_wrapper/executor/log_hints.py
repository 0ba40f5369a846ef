"""Log hints that only newer versions of mlrun know. The older ones would fail on them after the handler's work."""

from __future__ import annotations

from typing import Any

# What those before 1.11 take for an option of the packager.
_NEWER_FIELDS = {"packing_kwargs", "itemized", "tag"}


def refuse_newer(hint: Any, version: str) -> None:
    """Raise ValueError for what an mlrun of this version, before 1.11, does not know."""
    if isinstance(hint, str) and "[" in hint:
        words = "options in brackets; write {key: df, artifact_type: dataset, file_format: csv}"
    elif isinstance(hint, dict) and _NEWER_FIELDS & hint.keys():
        field = min(_NEWER_FIELDS & hint.keys())
        words = f"{field!r}; write options of the type beside key and artifact_type"
    else:
        return
    raise ValueError(f"mlrun {version}, which the function's image has, does not know {words}")
