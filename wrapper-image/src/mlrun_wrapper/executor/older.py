"""What differs between the versions of mlrun: images of users have older ones than ours.

Tried are 1.7 on Python 3.9 and 1.10 on 3.11, so the executor keeps to what Python 3.9 knows. Before 1.11 a log hint was
a dictionary, and several values were unbundled by `*` and `**` without a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlrun
from mlrun import package
from mlrun.runtimes import local

from .log_hints import refuse_newer

_LogHint = getattr(package, "LogHint", None)


def parsed_hint(hint: Any) -> Any:
    """A log hint as the packagers take it. Raises what mlrun raises for one that is none."""
    if _LogHint is not None:
        return _LogHint.parse_obj(hint)
    from mlrun.package.utils import LogHintUtils  # noqa: PLC0415 - only older ones have it

    refuse_newer(hint, mlrun.__version__)
    return LogHintUtils.parse_log_hint(hint)


def hint_part(hint: Any, name: str) -> Any:
    """The `key`, `artifact_type`, `artifact_path` or `labels` of a parsed hint; None where it says none."""
    return hint.get(name) if isinstance(hint, dict) else getattr(hint, name, None)


def itemised(key: str, value: Any) -> str:
    """The hint that packs what is in a collection one by one, as `<key>_0` and so on."""
    if _LogHint is not None:
        return f"1*{key}"
    if isinstance(value, dict):
        return f"**{key}_"
    return f"*{key}_" if isinstance(value, (list, tuple)) else key


def packed_artifact(artifact: Any, hint: Any) -> Any:
    """An artifact as the packagers' manager keeps it until it is logged."""
    if _LogHint is None:
        return artifact
    path = hint_part(hint, "artifact_path")
    return artifact, {"artifact_path": path} if path else {}


def normalised(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler as mlrun calls it: coroutines are run to their end. Before 1.12 it knew only plain functions."""
    normalise = getattr(local, "_normalize_handler_output", None)
    return handler if normalise is None else normalise(handler)
