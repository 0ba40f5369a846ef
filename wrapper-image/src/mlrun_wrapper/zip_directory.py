"""The directory of a zip archive, before `zipfile` reads it: that takes half a kilobyte of memory for each entry.

The end of the archive is found as `zipfile` finds it, so that both speak of the same directory.
"""

import lzma
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from mlrun_operator.api.bounds import MIB
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_wrapper.guards import GuardError, setting
from mlrun_wrapper.guards.archives import too_many
from mlrun_wrapper.guards.sizes import DIRECTORY_ENTRY_BYTES, SMALLEST_DIRECTORY_LIMIT_BYTES

# What Python's readers raise for archives and members that are damaged, or packed in a way that they do not know.
UNREADABLE: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError),
    *(ValueError, OverflowError, struct.error),  # numbers and names that cannot be
    MemoryError,  # a dictionary of LZMA that cannot be
    OSError,  # bzip2's data, and a place that is not in the file
)

_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
# Of an entry: its signature and the lengths of its name, of its extra fields and of its comment.
_ENTRY: Final = struct.Struct("<4s24x3H12x")
_END_SIGNATURE: Final = b"PK\5\6"
_LOCATOR_SIGNATURE: Final = b"PK\6\7"
_END64_SIGNATURE: Final = b"PK\6\6"
_ENTRY_SIGNATURE: Final = b"PK\1\2"
_LONGEST_COMMENT: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class ZipDirectory:
    """Where the directory is in the file, how long it is in bytes, and how many entries it says that it has."""

    start: int
    size: int
    entries: int


def checked_directory(file: Path, rules: FetchRules) -> ZipDirectory:
    """Return the archive's directory. Raises GuardError for one that is too large, BadZipFile for none."""
    with file.open("rb") as data:
        directory = _directory(data)
        if directory.entries > rules.max_files:
            raise too_many(rules)
        limit = max(rules.max_files * DIRECTORY_ENTRY_BYTES, SMALLEST_DIRECTORY_LIMIT_BYTES)
        if directory.size > limit:
            text = f"the archive's directory has {directory.size // MIB} MiB, more than {limit // MIB} MiB"
            raise GuardError("files", text, setting("maxFiles"))
        if _count(data, directory, rules.max_files) > rules.max_files:
            raise too_many(rules)
    return directory


def _count(data: IO[bytes], directory: ZipDirectory, at_most: int) -> int:
    """Return how many entries there are, one more than `at_most` for more. What the end says of it may be wrong."""
    data.seek(directory.start)
    left, count = directory.size, 0
    while left > 0 and count <= at_most:
        entry = data.read(_ENTRY.size)
        if len(entry) < _ENTRY.size or not entry.startswith(_ENTRY_SIGNATURE):
            raise zipfile.BadZipFile("Bad entry of the central directory")
        _, *lengths = _ENTRY.unpack(entry)
        data.seek(sum(lengths), os.SEEK_CUR)
        left -= _ENTRY.size + sum(lengths)
        count += 1
    return count


def _directory(data: IO[bytes]) -> ZipDirectory:
    tail_start = max(data.seek(0, os.SEEK_END) - _LONGEST_COMMENT - _END.size, 0)
    data.seek(tail_start)
    tail = data.read()
    at = _end_of(tail)
    if at is None:
        raise zipfile.BadZipFile("File is not a zip file")
    *_, entries, size, _, _ = _END.unpack_from(tail, at)
    start = tail_start + at
    end64 = _end64(data, start)
    if end64 is not None:
        entries, size = end64
        start -= _LOCATOR.size + _END64.size
    if size > start:
        raise zipfile.BadZipFile("Bad offset for central directory")
    return ZipDirectory(start - size, size, entries)


def _end_of(tail: bytes) -> int | None:
    """Return where the end record is: at the very end, else the last one that a comment may follow."""
    without_comment = len(tail) - _END.size
    if without_comment >= 0 and tail.startswith(_END_SIGNATURE, without_comment) and tail.endswith(b"\0\0"):
        return without_comment
    at = tail.rfind(_END_SIGNATURE)
    return at if 0 <= at <= without_comment else None


def _end64(data: IO[bytes], end: int) -> tuple[int, int] | None:
    """Return number of entries and size by ZIP64's end record; None where there is none.

    Where there are two that one reader or another would take, the archive is refused.
    """
    if end < _LOCATOR.size:
        return None
    data.seek(end - _LOCATOR.size)
    signature, _, offset, _ = _LOCATOR.unpack(data.read(_LOCATOR.size))
    if signature != _LOCATOR_SIGNATURE:
        return None
    here = end - _LOCATOR.size - _END64.size
    if not _is_end64(data, here) or (0 <= offset < here and _is_end64(data, offset)):
        raise zipfile.BadZipFile("Bad end record of ZIP64")
    data.seek(here)
    *_, entries, size, _ = _END64.unpack(data.read(_END64.size))
    return entries, size


def _is_end64(data: IO[bytes], at: int) -> bool:
    if at < 0:
        return False
    data.seek(at)
    return data.read(len(_END64_SIGNATURE)) == _END64_SIGNATURE
