"""Cron expressions, which fire at the same minutes as in the CronJob controller.

The grammar is that of the CronJob API: five fields or a macro. If both day of month and day of week are restricted, a
match of either fires, as always in cron. Around a clock change this module follows the algorithm of the controller
(robfig/cron v3) step by step: a skipped time does not fire, and a repeated time fires twice.
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
# The parts of the wall clock, in the order in which a search looks at them.
_MONTH, _DAY, _HOUR, _MINUTE, _SECOND = range(5)
# All zones are so many seconds, or a multiple, from UTC since 1972.
_SMALLEST_OFFSET: Final = 15 * 60

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
        "schedule: an expression cannot contain a time zone; set timeZone instead",
        never="TZ",
    ),
    Rule(
        "schedule: @every is not supported, because runs are named by their minute; write five fields: '*/5 * * * *'",
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
    """A parsed expression in a time zone. All times are aware datetimes, and results are in UTC."""

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
        """Return the first slot after that time; None if there is none within five years."""
        slot = self._first_match(int(after.timestamp()) + 1)
        return None if slot is None else datetime.fromtimestamp(slot, UTC)

    def previous(self, end: datetime) -> datetime | None:
        """Return the last slot before that time; None if there is none within five years."""
        slot, upper = self.next(end - timedelta(days=366 * _YEARS)), end
        if slot is None or slot >= end:
            return None
        while upper - slot > timedelta(minutes=1):  # There is a slot at `slot` and none from `upper` to `end`.
            middle = slot + (upper - slot) / 2
            later_slot = self.next(middle - timedelta(seconds=1))
            if later_slot is not None and later_slot < end:
                slot = later_slot
            else:
                upper = middle
        return slot

    def slots(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the slots from `start` until before `end`, in order."""
        slot = self.next(start - timedelta(seconds=1))
        while slot is not None and slot < end:
            yield slot
            slot = self.next(slot)

    def _first_match(self, moment: int) -> int | None:
        """Return the first match from this Unix time on, by the algorithm of the controller's library.

        It looks at month, day, hour, minute and second in turn, and at all of them again where one begins anew. The
        first step goes from the beginning of its part. Before a day that a zone has skipped, as Samoa 2011-12-30, that
        library steps back for ever. Here it goes on.
        """
        wall = self._local(moment)
        limit = wall.year + _YEARS
        part, is_first, passed = _MONTH, True, set[tuple[int, int]]()
        while wall.year <= limit:
            if (mismatch := self._mismatch(part, wall)) is None:
                return moment
            later = self._step(mismatch, self._beginning(mismatch, moment, wall) if is_first else moment)
            wall = self._local(later)
            part = _MONTH if _begins_anew(mismatch, wall) else mismatch
            if is_first := (later, part) in passed:
                later, part = moment + _SMALLEST_OFFSET, _MONTH
                wall = self._local(later)
            moment = later
            passed.add((moment, part))
        return None

    def _mismatch(self, part: int, wall: datetime) -> int | None:
        """Return the first part, from the given one on, in which the wall clock does not match; None if all match."""
        if part <= _MONTH and wall.month not in self.months:
            return _MONTH
        if part <= _DAY and not self._day_matches(wall):
            return _DAY
        if part <= _HOUR and wall.hour not in self.hours:
            return _HOUR
        if part <= _MINUTE and wall.minute not in self.minutes:
            return _MINUTE
        return _SECOND if wall.second else None

    def _beginning(self, part: int, moment: int, wall: datetime) -> int:
        """Return when the moment's month, day, hour or minute begins, as Go reads that wall clock."""
        if part >= _MINUTE:
            return moment // 60 * 60
        day = wall.day if part > _MONTH else 1
        hour = wall.hour if part > _DAY else 0
        return self._moment(wall.replace(day=day, hour=hour, minute=0, second=0))

    def _step(self, part: int, moment: int) -> int:
        """Return where the next month, day, hour or minute begins; that of seconds is the next minute."""
        if part >= _HOUR:
            return moment + (3600 if part == _HOUR else 60)
        wall = self._local(moment)
        if part == _DAY:
            return self._next_midnight(wall)
        year, month = (wall.year, wall.month + 1) if wall.month < 12 else (wall.year + 1, 1)
        return self._moment(_clamped(wall, year, month))

    def _next_midnight(self, day: datetime) -> int:
        """Return the start of the next day, even if the clock changes at midnight."""
        moment = self._moment(day + timedelta(days=1))
        hour = self._local(moment).hour
        if hour:
            moment += (24 - hour if hour > 12 else -hour) * 3600
        return moment

    def _day_matches(self, wall: datetime) -> bool:
        day, weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return (day or weekday) if self.either_day else (day and weekday)

    def _local(self, moment: int) -> datetime:
        """Return the wall clock at a Unix time, without its zone."""
        return datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None)

    def _moment(self, wall: datetime) -> int:
        """Return the Unix time of a wall clock; a skipped or repeated one is read as by Go's time.Date."""
        moment = calendar.timegm(wall.timetuple())
        if (offset := self._offset(moment)) == 0:
            return moment
        return moment - self._offset(moment - offset)

    def _offset(self, moment: int) -> int:
        offset = datetime.fromtimestamp(moment, self.zone).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0


def _begins_anew(part: int, wall: datetime) -> bool:
    """Return whether the first month, day, hour or minute is reached."""
    return (wall.month == 1, wall.day == 1, wall.hour == 0, wall.minute == 0, True)[part]


@lru_cache(maxsize=1024)
def parse_cron(text: str, time_zone: str | None = None) -> Cron:
    """Parse an expression with an IANA time zone. Raises ValueError that says what to write instead."""
    for rule in CRON_RULES:
        rule.check(text)
    field_texts = _MACROS.get(text, text).split()
    names: dict[str, dict[str, int]] = {"month": _MONTHS, "day of week": _DAYS}
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    sets, stars = [], []
    for field_text, field, (low, high) in zip(field_texts, _NUMBERS, bounds, strict=True):
        values, star = _values(field_text, field, low, high, names.get(field, {}))
        sets.append(values)
        stars.append(star)
    minutes, hours, days, months, weekdays = sets
    return Cron(text, _zone(time_zone), minutes, hours, days, months, weekdays, not stars[2] and not stars[4])


def _values(field_text: str, field: str, low: int, high: int, names: dict[str, int]) -> tuple[frozenset[int], bool]:
    """Return the numbers of one field, and whether a star leaves it unrestricted."""
    values: set[int] = set()
    star = False
    for item in field_text.split(","):
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
            raise ValueError(f"schedule: {item!r} in the field {field} begins after its end; swap the values")
        values.update(range(begin, end + 1, every))
    return frozenset(values), star


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or DEFAULT_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"timeZone: {name!r} is not an IANA time zone; write one such as Europe/Rome") from None


def _clamped(first: datetime, year: int, month: int) -> datetime:
    """Return the same day and time in that month.

    A day that the month does not have becomes a day of the next month, as in Go.
    """
    excess = first.day - calendar.monthrange(year, month)[1]
    if excess > 0:
        return first.replace(year=year, month=month, day=1) + timedelta(days=first.day - 1)
    return first.replace(year=year, month=month)
