"""The list of ignored advisories: this repository's, and what an entry must say."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from audit.__main__ import REQUIREMENTS
from audit.ignored import read_ignored

TODAY = date(2026, 12, 1)
ENTRY = {"id": '"GHSA-1"', "package": '"flask"', "reason": '"Not used."', "until": "2027-01-31"}


def faults(folder: Path, **fields: str) -> list[str]:
    entry = "\n".join(f"{name} = {value}" for name, value in {**ENTRY, **fields}.items() if value)
    (folder / "advisories.toml").write_text(f"[[ignored]]\n{entry}\n")
    ignored, faults = read_ignored(folder / "advisories.toml", TODAY)
    assert len(ignored) == (not faults)
    return faults


def test_no_entry_of_this_repository_is_at_fault() -> None:
    _, wrong = read_ignored(REQUIREMENTS / "advisories.toml", datetime.now(UTC).date())
    assert wrong == []


@pytest.mark.parametrize("until", ["2026-12-01", "2027-06-03"], ids=["today", "in half a year"])
def test_an_entry_counts_until_its_day(until: str, tmp_path: Path) -> None:
    assert faults(tmp_path, until=until) == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"reason": ""}, "reason is missing"),
        ({"reason": '"  "'}, "reason is missing"),
        ({"id": ""}, "id is missing"),
        ({"package": ""}, "package is missing"),
        ({"until": ""}, "until is missing"),
        ({"until": '"2027-01-31"'}, "until is not a day"),
        ({"until": "2027-01-31T00:00:00"}, "until is not a day"),
        ({"reason": "1"}, "reason is not a text"),
        ({"until": "2026-11-30"}, "expired on 2026-11-30"),
        ({"until": "2027-06-04"}, "too far ahead"),
        ({"note": '"x"'}, "there is no field note"),
    ],
    ids=str,
)
def test_an_entry_that_says_too_little_is_a_fault(fields: dict[str, str], fault: str, tmp_path: Path) -> None:
    (told,) = faults(tmp_path, **fields)
    assert fault in told
    assert "entry 1" in told


def test_a_misspelt_table_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "advisories.toml").write_text("[[ignore]]\nid = 'x'\n")
    assert read_ignored(tmp_path / "advisories.toml", TODAY) == (
        [],
        ["advisories.toml: there is no [ignore], only [[ignored]]"],
    )
