"""Schedules as rows, and their slots. Pure."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.v1alpha1.schedule import MAX_BACKFILL, SCHEDULE_FIELDS, ScheduleOptions, firing_deadline
from mlrun_operator.assess.schedule import CronJobTimes
from mlrun_operator.assess.times import format_duration, parse_time
from mlrun_operator.cli import rows

if TYPE_CHECKING:
    from mlrun_operator.api.values.cron import Cron


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
    spec, said = run["spec"], status_of(run).get("schedule") or {}
    counts = [str(said.get(name) or 0) for name in ("active", "succeeded", "failed", "missed")]
    following, last = parse_time(said.get("nextScheduleTime")), parse_time(said.get("lastScheduleTime"))
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


def past_slots(run: Object, cron: "Cron", begin: datetime, end: datetime, now: datetime) -> list[datetime]:
    """The slots of a range that a backfill runs: those that the schedule can fire no more, as far as its status tells.

    One more than a backfill may have, where there are more.
    """
    known = status_of(run).get("schedule") or {}
    since = parse_time(run["metadata"].get("creationTimestamp")) or now
    options = {name: value for name, value in run["spec"].items() if name in ("schedule", *SCHEDULE_FIELDS)}
    deadline = firing_deadline(ScheduleOptions.model_validate(options))
    horizon = CronJobTimes(cron, since, parse_time(known.get("lastScheduleTime")), deadline).fire_horizon(now)
    return list(islice(cron.slots(begin, min(end, horizon)), MAX_BACKFILL + 1))
