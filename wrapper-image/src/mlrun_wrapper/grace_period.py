"""How the time between SIGTERM and the pod's death is shared. Pure."""

from dataclasses import dataclass
from typing import Final

# The most that storing outputs, and then writing the report, may take of it, in seconds.
_STORING_SECONDS: Final = 60.0
_REPORT_SECONDS: Final = 5.0
# What is left at the end for the termination message and the process's exit, in seconds.
_EXIT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class GracePeriod:
    """`seconds` as the pod has them: half for the handler and half, but at most a minute, for storing what it made."""

    seconds: float

    @property
    def handler(self) -> float:
        """Return the seconds from SIGTERM until a handler that still runs is killed."""
        return max(self.seconds / 2, self.seconds - _STORING_SECONDS)

    @property
    def stored(self) -> float:
        """Return the seconds from SIGTERM until storing ends, so that the report still gets out."""
        return self.seconds - min(self.seconds / 6, _REPORT_SECONDS)

    @property
    def reported(self) -> float:
        """Return the seconds from SIGTERM until run.json and log.txt are given up, so that the process still exits."""
        return self.seconds - min(self.seconds / 12, _EXIT_SECONDS)
