"""The list of advisories that are passed over: what each entry must say, and for how long it counts."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name

FIELDS: Final[Mapping[str, type]] = {"id": str, "package": str, "reason": str, "until": date}
# The longest time for which somebody may say that an advisory does no harm.
LONGEST: Final = timedelta(days=184)


@dataclass(frozen=True, slots=True)
class Ignored:
    """An advisory of a package that is passed over until a day, that day included."""

    id: str
    package: str
    reason: str
    until: date


def read_ignored(file: Path, today: date) -> tuple[list[Ignored], list[str]]:
    """Return the entries that count today, and a sentence for each fault of the list."""
    document = tomllib.loads(file.read_text())
    faults = [f"{file.name}: there is no [{name}], only [[ignored]]" for name in document.keys() - {"ignored"}]
    entries: list[Ignored] = []
    for number, entry in enumerate(document.get("ignored", []), 1):
        wrong = list(_faults(entry, today))
        faults += [f"{file.name}, entry {number} ({entry.get('id', 'no id')}): {fault}" for fault in wrong]
        entries += [] if wrong else [Ignored(**{**entry, "package": canonicalize_name(entry["package"])})]
    return entries, faults


def _faults(entry: Mapping[str, Any], today: date) -> Iterator[str]:
    yield from (f"there is no field {name}" for name in sorted(entry.keys() - FIELDS.keys()))
    yield from (f"{name} is missing" for name in FIELDS if not _says(entry.get(name)))
    wrong = [name for name, kind in FIELDS.items() if _says(entry.get(name)) and type(entry[name]) is not kind]
    yield from (f"{name} is not a {'day, as 2027-03-31' if name == 'until' else 'text'}" for name in wrong)
    until = entry.get("until")
    if type(until) is not date:
        return
    if until < today:
        yield f"expired on {until}. Upgrade the package, or think it through again"
    if until > today + LONGEST:
        yield f"{until} is too far ahead. The latest day is {today + LONGEST}"


def _says(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None
