"""How a call of the run's own handler ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Ending:
    """How a call of the run's own handler ended, and what mlrun was given to pack in it."""

    error: dict[str, Any] | None = None
    stopped: bool = False
    returned: bool = False
    packing_errors: list[dict[str, str]] = field(default_factory=list)
    nones: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """Return one word for it."""
        if self.stopped or self.error:
            return "stopped" if self.stopped else "error"
        return "completed" if self.returned else "running"
