"""`python -m audit` exits 0 if no locked package has an advisory with a fix, 1 if one has, 2 if not all was scanned."""

import os
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from audit.ignored import Ignored, read_ignored
from audit.locks import Pin, lock_files, pins
from audit.scan import FEED, Finding, NotScannedError, Scanner

REQUIREMENTS: Final = Path(__file__).resolve().parents[2] / "requirements"


def main() -> int:
    """Audit this repository's lock files at the feed that OSV_URL names."""
    return audit(REQUIREMENTS, Scanner(os.environ.get("OSV_URL") or FEED), datetime.now(UTC).date())


def audit(folder: Path, scanner: Scanner, today: date) -> int:
    """Compare the lock files of a folder with the advisories, print what was found, and return the exit code."""
    ignored, faults = read_ignored(folder / "advisories.toml", today)
    _complain(*faults)
    locks = lock_files(folder)
    try:
        scanner.check_feed()
        findings = {lock.name: scanner.scan(lock) for lock in locks}
    except NotScannedError as error:
        _complain(f"NOT SCANNED: {error}", "Run this where the feed can be reached, or name a mirror of it in OSV_URL.")
        return 2
    counted = [finding for finding in sorted(set().union(*findings.values())) if not _covers(ignored, finding)]
    for finding in counted:
        print(_sentence(finding, [name for name, found in findings.items() if finding in found]))
    print(f"{len(_all_pins(locks))} packages of {len(locks)} lock files compared with the advisories of {scanner.feed}")
    return 1 if faults or any(finding.fix for finding in counted) else 0


def _all_pins(locks: Iterable[Path]) -> set[Pin]:
    return {pinned for lock in locks for pinned in pins(lock)}


def _covers(ignored: Iterable[Ignored], finding: Finding) -> bool:
    return any(entry.package == finding.pin.name and entry.id in finding.ids for entry in ignored)


def _sentence(finding: Finding, locks: list[str]) -> str:
    todo = f"fixed in {finding.fix}: make locks UPGRADE={finding.pin.name}" if finding.fix else "no fix yet"
    return f"{finding.pin} of {', '.join(locks)} has {' = '.join(finding.ids)}, {todo}"


def _complain(*sentences: str) -> None:
    for sentence in sentences:
        print(sentence, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
