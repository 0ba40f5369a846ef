"""The lock files, and what they pin."""

import re
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

_PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)


class Pin(NamedTuple):
    """A package at a version, spelled as pip-audit spells them."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def pin(name: str, version: str) -> Pin:
    """Return the pin in its normal spelling."""
    return Pin(canonicalize_name(name), str(Version(version)))


def pins(lock: Path) -> set[Pin]:
    """Return what a lock file pins."""
    return {pin(line["name"], line["version"]) for line in _PIN.finditer(lock.read_text())}


def lock_files(folder: Path) -> list[Path]:
    """Return the lock files of a folder. Raises FileNotFoundError where it has none."""
    locks = sorted(folder.glob("*.txt"))
    if not locks:
        raise FileNotFoundError(f"no lock files in {folder}")
    return locks
