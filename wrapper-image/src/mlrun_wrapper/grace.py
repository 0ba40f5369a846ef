"""How the time between SIGTERM and the pod's death is shared. Pure."""

from dataclasses import dataclass
from typing import Final

# What storing gets at most, and what the report needs of it at most, in seconds.
_STORING: Final = 60.0
_REPORT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Grace:
    """`seconds` as the pod has them: half for the handler and half, but at most a minute, for storing what it made."""

    seconds: float

    @property
    def handler(self) -> float:
        """Seconds from SIGTERM until a handler that still runs is killed."""
        return max(self.seconds / 2, self.seconds - _STORING)

    @property
    def stored(self) -> float:
        """Seconds from SIGTERM until storing ends, so that the report still gets out."""
        return self.seconds - min(self.seconds / 6, _REPORT)
