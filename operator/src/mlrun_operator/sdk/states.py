"""The phases of a run in DigitalHub's words."""

from typing import Final

# Scheduled and Suspended are told apart by `run.phase`; DigitalHub has no words for them.
STATES: Final = {
    None: "CREATED",
    "": "CREATED",
    "Pending": "PENDING",
    "Running": "RUNNING",
    "Scheduled": "RUNNING",
    "Succeeded": "COMPLETED",
    "Failed": "ERROR",
    "Stopped": "STOPPED",
    "Suspended": "STOPPED",
}

FINISHED: Final = ("Succeeded", "Failed", "Stopped")


def state_of(phase: str | None) -> str:
    """CREATED, PENDING, RUNNING, COMPLETED, ERROR or STOPPED.

    >>> state_of("Succeeded"), state_of(None)
    ('COMPLETED', 'CREATED')
    """
    return STATES.get(phase, "RUNNING")
