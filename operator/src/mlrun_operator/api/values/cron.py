"""Cron expressions: when a schedule fires, to the minute the same answer as the CronJob controller's.

The grammar is the CronJob API's: five fields or a macro. Day of month and day of week both restricted mean either, as
ever in cron. Around a change of the clock the controller walks the local time in its own way (robfig/cron v3), which is
followed here step by step: a time that is skipped does not fire, one that comes twice fires twice.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mlrun_operator.api.rules import Rule

DEFAULT_ZONE: Final = "Etc/UTC"
_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTH_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAMES: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS: Final = {name: n for n, name in enumerate(_MONTH_NAMES, 1)}
_DAYS: Final = {name: n for n, name in enumerate(_DAY_NAMES)}
_YEARS: Final = 5

_NUMBERS: Final = {
    "minute": "[0-5]?[0-9]",
    "hour": "([01]?[0-9]|2[0-3])",
    "day of month": "(0?[1-9]|[12][0-9]|3[01])",
    "month": "(0?[1-9]|1[0-2]|" + "|".join(f"[{n[0]}{n[0].upper()}]{n[1:]}|{n.upper()}" for n in _MONTHS) + ")",
    "day of week": "([0-6]|" + "|".join(f"[{n[0]}{n[0].upper()}]{n[1:]}|{n.upper()}" for n in _DAYS) + ")",
}


def _field(value: str) -> str:
    item = rf"([*?]|{value}(-{value})?)(/[1-9][0-9]*)?"
    return f"{item}(,{item})*"


_MACRO: Final = f"@({'|'.join(macro[1:] for macro in _MACROS)})"
CRON_RULES: Final = (
    Rule(
        "schedule: the time zone goes into timeZone, not into the expression",
        never="TZ",
    ),
    Rule(
        "schedule: @every is not supported, since runs are named by the minute; write five fields: '*/5 * * * *'",
        never="^@every",
    ),
    Rule(
        "schedule: write five fields (minute hour day-of-month month day-of-week), such as '30 6 * * 1-5', or one of "
        f"{', '.join(_MACROS)}",
        must=f"^({_MACRO}|{' +'.join(_field(value) for value in _NUMBERS.values())})$",
    ),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression in a time zone. All moments are aware datetimes; answers are in UTC."""

    text: str
    zone: ZoneInfo
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @property
    def ever_fires(self) -> bool:
        """Return whether any month of the expression has one of its days; `0 0 31 2 *` never fires."""
        a_leap_year = 2000
        last_days = (calendar.monthrange(a_leap_year, month)[1] for month in self.months)
        return self.either_day or any(min(self.days) <= last_day for last_day in last_days)

    def next(self, after: datetime) -> datetime | None:
        """The first slot after that moment; None where there is none within five years."""
        found = self._walk((int(after.timestamp()) // 60 + 1) * 60)
        return None if found is None else datetime.fromtimestamp(found, UTC)

    def previous(self, before: datetime) -> datetime | None:
        """The last slot before that moment; None where there is none within five years."""
        found, empty = self.next(before - timedelta(days=366 * _YEARS)), before
        if found is None or found >= before:
            return None
        while empty - found > timedelta(minutes=1):  # a slot stands at `found`, none from `empty` on
            middle = found + (empty - found) / 2
            later = self.next(middle - timedelta(seconds=1))
            if later is not None and later < before:
                found = later
            else:
                empty = middle
        return found

    def slots(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The slots from `start` on, before `end`, in order."""
        slot = self.next(start - timedelta(seconds=1))
        while slot is not None and slot < end:
            yield slot
            slot = self.next(slot)

    def _walk(self, moment: int) -> int | None:
        """The first matching minute from this Unix time on, unit by unit, as the controller's library walks."""
        limit = self._local(moment).year + _YEARS
        aligned = False
        while (now := self._local(moment)).year <= limit:
            if now.month not in self.months:
                first = now if aligned else now.replace(day=1, hour=0, minute=0)
                year, month = (first.year, first.month + 1) if first.month < 12 else (first.year + 1, 1)
                moment = self._moment(_clamped(first, year, month))
            elif not self._day_matches(now):
                moment = self._next_midnight(now if aligned else now.replace(hour=0, minute=0))
            elif now.hour not in self.hours:
                moment = (moment if aligned else self._moment(now.replace(minute=0))) + 3600
            elif now.minute not in self.minutes:
                moment += 60
            else:
                return moment
            aligned = True
        return None

    def _next_midnight(self, day: datetime) -> int:
        """The start of the next day, also where the clock changes at midnight."""
        moment = self._moment(day + timedelta(days=1))
        hour = self._local(moment).hour
        if hour:
            moment += (24 - hour if hour > 12 else -hour) * 3600
        return moment

    def _day_matches(self, now: datetime) -> bool:
        day, weekday = now.day in self.days, now.isoweekday() % 7 in self.weekdays
        return (day or weekday) if self.either_day else (day and weekday)

    def _local(self, moment: int) -> datetime:
        """The wall clock, without its zone."""
        return datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None)

    def _moment(self, wall: datetime) -> int:
        """The Unix time of a wall clock; of one that is skipped or comes twice the one that Go's time.Date picks."""
        moment = calendar.timegm(wall.timetuple())
        if (offset := self._offset(moment)) == 0:
            return moment
        return moment - self._offset(moment - offset)

    def _offset(self, moment: int) -> int:
        offset = datetime.fromtimestamp(moment, self.zone).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0


@lru_cache(maxsize=1024)
def parse_cron(text: str, time_zone: str | None = None) -> Cron:
    """The schedule of an expression and an IANA time zone. Raises ValueError with what to write instead."""
    for rule in CRON_RULES:
        rule.check(text)
    parts = _MACROS.get(text, text).split()
    names: dict[str, dict[str, int]] = {"month": _MONTHS, "day of week": _DAYS}
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    sets, stars = [], []
    for part, field, (low, high) in zip(parts, _NUMBERS, bounds, strict=True):
        values, star = _values(part, field, low, high, names.get(field, {}))
        sets.append(values)
        stars.append(star)
    minutes, hours, days, months, weekdays = sets
    return Cron(text, _zone(time_zone), minutes, hours, days, months, weekdays, not stars[2] and not stars[4])


def _values(part: str, field: str, low: int, high: int, names: dict[str, int]) -> tuple[frozenset[int], bool]:
    """The numbers of one field, and whether a star leaves it open."""
    values: set[int] = set()
    star = False
    for item in part.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        if first in "*?":
            begin, end, every = low, high, int(step or 1)
            star = star or every == 1
        else:
            begin = names.get(first.lower(), -1) if first.isalpha() else int(first)
            end = begin if not last else names.get(last.lower(), -1) if last.isalpha() else int(last)
            end, every = (high if step and not last else end), int(step or 1)
        if begin > end:
            raise ValueError(f"schedule: {item!r} in the field {field} begins after its end")
        values.update(range(begin, end + 1, every))
    return frozenset(values), star


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or DEFAULT_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"timeZone: {name!r} is no IANA time zone; write one such as Europe/Rome") from None


def _clamped(first: datetime, year: int, month: int) -> datetime:
    """The same day and time in that month; a day it has not runs over into the next month, as in Go."""
    over = first.day - calendar.monthrange(year, month)[1]
    if over > 0:
        return first.replace(year=year, month=month, day=1) + timedelta(days=first.day - 1)
    return first.replace(year=year, month=month)
