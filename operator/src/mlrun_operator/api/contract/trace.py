"""The trace of a run, as W3C Trace Context in its annotations. See https://www.w3.org/TR/trace-context/."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mlrun_operator.api import constants

_PARENT = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")
_STATE = re.compile(r"[\x20-\x7e]{1,512}")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The span that created a run."""

    parent: str
    state: str | None
    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> Self | None:
        """Return the trace context in an object's annotations; None if there is none.

        Tracing never prevents a run, so a malformed context counts as none.
        """
        annotations = meta.get("annotations") or {}
        parent = annotations.get(constants.ANNOTATION_TRACE_PARENT)
        state = annotations.get(constants.ANNOTATION_TRACE_STATE)
        match = _PARENT.fullmatch(parent) if isinstance(parent, str) else None
        if match is None or match["version"] == "ff" or not int(match["trace"], 16) or not int(match["span"], 16):
            return None
        valid_state = state if isinstance(state, str) and _STATE.fullmatch(state) else None
        return cls(match[0], valid_state, match["trace"], match["span"], bool(int(match["flags"], 16) & 1))

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that tracing libraries read."""
        state = {} if self.state is None else {constants.ENV_TRACE_STATE: self.state}
        return {constants.ENV_TRACE_PARENT: self.parent, **state}
