"""Schedules as rows, and their slots. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mlrun_operator.assess.times import format_duration, parse_time
from mlrun_operator.cli import rows

if TYPE_CHECKING:
    from mlrun_operator.api.cron import Cron

Object = dict[str, Any]

MACROS: Final = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
HEADS: Final = (
    "name",
    "schedule",
    "zone",
    "phase",
    "next",
    "last",
    "active",
    "succeeded",
    "failed",
    "missed",
    "backfill",
)


def row(run: Object, now: datetime) -> list[str]:
    """A schedule's row of `schedule list`."""
    spec, said = run["spec"], rows.status(run).get("schedule") or {}
    counts = [str(said.get(name) or 0) for name in ("active", "succeeded", "failed", "missed")]
    following, last = parse_time(said.get("next")), parse_time(said.get("last"))
    return [
        rows.name(run),
        str(spec["schedule"]),
        str(spec.get("timeZone") or "UTC"),
        rows.phase(run),
        f"in {format_duration(following - now)}" if following else "",
        f"{format_duration(now - last)} ago" if last else "",
        *counts,
        str((said.get("backfill") or {}).get("progress") or ""),
    ]


def slots_after(cron: "Cron", moment: datetime) -> Iterator[datetime]:
    """The slots after the moment, without end but for expressions whose day never comes."""
    slot = cron.next(moment)
    while slot is not None:
        yield slot
        slot = cron.next(slot)


def past_slots(cron: "Cron", begin: datetime, end: datetime, now: datetime) -> list[datetime]:
    """The slots of a range that are before the next firing."""
    return list(cron.slots(begin, min(end, now)))
