"""W3C Trace Context: which trace a run belongs to, as its annotations say it. https://www.w3.org/TR/trace-context/"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mlrun_operator.api import constants

_PARENT = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")
_STATE = re.compile(r"[\x20-\x7e]{1,512}")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The span that asked for a run."""

    parent: str
    state: str | None
    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> Self | None:
        """What the annotations of an object say; None for nothing and for what is no trace context.

        Tracing never keeps anything from running, so a malformed one is as good as none.
        """
        notes = meta.get("annotations") or {}
        parent, state = notes.get(constants.ANNOTATION_TRACE_PARENT), notes.get(constants.ANNOTATION_TRACE_STATE)
        found = _PARENT.fullmatch(parent) if isinstance(parent, str) else None
        if found is None or found["version"] == "ff" or not int(found["trace"], 16) or not int(found["span"], 16):
            return None
        usable = state if isinstance(state, str) and _STATE.fullmatch(state) else None
        return cls(found[0], usable, found["trace"], found["span"], bool(int(found["flags"], 16) & 1))

    @property
    def environment(self) -> dict[str, str]:
        """The variables that libraries of tracing read."""
        state = {} if self.state is None else {constants.ENV_TRACE_STATE: self.state}
        return {constants.ENV_TRACE_PARENT: self.parent, **state}
