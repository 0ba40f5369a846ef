"""DigitalHub's cron expressions, Quartz' six or seven fields, as the five that a CronJob takes. Pure.

Quartz counts weekdays from 1 (Sunday), a CronJob from 0; Quartz has seconds and years, `?`, `L`, `W` and `#`.
"""

import re
from typing import Final

MACROS: Final = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST: Final = {"minute": 59, "hour": 23, "day of the month": 31, "month": 12}
_PART: Final = re.compile(r"(?:(\*)|([0-9]+|[A-Z]{3})(?:-([0-9]+|[A-Z]{3}))?)(?:/([0-9]+))?")


def five_fields(text: str) -> tuple[str, list[str]]:
    """The CronJob's expression, and what of the original's meaning is not in it.

    Raises ValueError that says what a CronJob cannot do.

    >>> five_fields("0 0/15 8-18 ? * MON-FRI")
    ('0-59/15 8-18 * * MON-FRI', [])
    >>> five_fields("30 0 9 ? * 2")
    ('0 9 * * 1', ['it fires at second 0, not at second 30'])
    """
    if text.strip().startswith("@"):
        return _macro(text.strip())
    fields = text.upper().split()
    if len(fields) == 5:
        return " ".join(text.split()), []
    if len(fields) not in (6, 7):
        raise ValueError(f"{text!r} has {len(fields)} fields; a CronJob takes 5, Quartz 6 or 7")
    second, minute, hour, day, month, weekday, *year = fields
    notes = _seconds(second, text)
    if year and year[0] != "*":
        raise ValueError(f"{text!r} names years, which a CronJob does not know; end the schedule with `suspend`")
    if "?" not in (day, weekday) and "*" not in (day, weekday):
        raise ValueError(f"{text!r} names days of the month and of the week: a CronJob would fire on either of them")
    return (
        " ".join(
            (
                _field(minute, "minute", text),
                _field(hour, "hour", text),
                _field("*" if day == "?" else day, "day of the month", text),
                _field(month, "month", text),
                _weekdays("*" if weekday == "?" else weekday, text),
            )
        ),
        notes,
    )


def _macro(text: str) -> tuple[str, list[str]]:
    if text not in MACROS:
        raise ValueError(f"{text!r} is no macro of a CronJob; there are {', '.join(MACROS)}")
    return text, []


def _seconds(field: str, text: str) -> list[str]:
    if not field.isdigit():
        raise ValueError(f"{text!r} fires more than once a minute, which a CronJob cannot")
    return [f"it fires at second 0, not at second {int(field)}"] if int(field) else []


def _field(field: str, name: str, text: str) -> str:
    parts = []
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{text!r}: {part!r} as {name} is nothing that a CronJob knows")
        star, first, last, step = match.groups()
        from_there_on = step and not star and not last
        parts.append(f"{first}-{_LAST[name]}/{step}" if from_there_on else part)
    return ",".join(parts)


def _weekdays(field: str, text: str) -> str:
    if field in ("*", "1-7"):
        return "*"
    parts = []
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None or (match[1] and match[4]):
            raise ValueError(f"{text!r}: {part!r} as day of the week is nothing that a CronJob knows")
        first, last, step = _day(match[2], text), match[3] and _day(match[3], text), match[4]
        if step and not last:
            last = "6"
        if last is None:
            parts.append(first)
        elif _number(first) <= _number(last):
            parts.append(f"{first}-{last}" + (f"/{step}" if step else ""))
        elif step:
            raise ValueError(f"{text!r}: {part!r} steps over the end of the week")
        else:  # Friday to Monday: a CronJob's ranges only go up
            parts += [f"{first}-6", f"0-{last}"]
    return ",".join(parts)


def _day(word: str, text: str) -> str:
    if word in _DAYS:
        return word
    if not word.isdigit() or not 1 <= int(word) <= 7:
        raise ValueError(f"{text!r}: {word!r} is no day of the week; Quartz has 1 (Sunday) to 7 (Saturday)")
    return str(int(word) - 1)


def _number(day: str) -> int:
    return _DAYS.index(day) if day in _DAYS else int(day)
