"""Kubernetes' timestamps."""

from datetime import UTC, datetime, timedelta
from typing import Final

# Beyond these years no deadline can be added to a moment; a hostile status may name any.
_YEARS: Final = range(2, 9000)


def parse_time(text: str | None) -> datetime | None:
    """Return the moment in an RFC 3339 text; None for none, for what is none, and for one beyond all use."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def format_time(moment: datetime) -> str:
    """The moment as metav1.Time writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_duration(length: timedelta) -> str:
    """A duration as kubectl's columns show it: 9s, 2m5s, 3h7m, 4d2h."""
    seconds = max(0, int(length.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 1:
        return f"{seconds}s"
    if hours < 1:
        return f"{minutes}m{seconds % 60}s"
    if days < 1:
        return f"{hours}h{minutes % 60}m"
    return f"{days}d{hours % 24}h"
