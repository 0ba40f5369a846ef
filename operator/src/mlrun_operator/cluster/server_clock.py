"""The API server's time: what the operator reads was stamped by that clock, not by the one of its own node."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

log = logging.getLogger("mlrun_operator")

# A Date header is cut to the second and as old as its answer: a smaller difference says nothing.
_TOLERANCE: Final = timedelta(seconds=5)


def utc_now() -> datetime:
    """Return the time of this machine's clock."""
    return datetime.now(UTC)


class ServerClock:
    """Follows the Date headers of answers. Until there is one, and within 5 seconds, the machine's own clock counts."""

    def __init__(self, own_clock: Callable[[], datetime] = utc_now) -> None:
        self._own_clock = own_clock
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """Return the API server's time, in UTC."""
        return self._own_clock() + self._offset

    def observe(self, date_header: str | None) -> None:
        """Learn the API server's time from the Date header of an answer that has just come."""
        try:
            offset = parsedate_to_datetime(date_header or "").astimezone(UTC) - self._own_clock()
        except ValueError:
            return
        if abs(offset) <= _TOLERANCE:
            self._offset = timedelta(0)
        elif abs(offset - self._offset) > _TOLERANCE:
            self._offset = offset
            seconds, direction = abs(offset.total_seconds()), "behind" if offset > timedelta(0) else "ahead of"
            log.warning("this machine's clock is %.0f s %s the API server's, whose time is used", seconds, direction)
