"""A zip archive: `zip+https://…`, `zip+http://…`, `zip+s3://bucket/key`."""

import errno
import itertools
import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from mlrun_operator.api.v1alpha1.source import Source
from mlrun_wrapper.guards.archives import Member, checked_paths
from mlrun_wrapper.sources.base import FetchedSource, Request, SourceProvider, invalid
from mlrun_wrapper.sources.download import fetch_file
from mlrun_wrapper.zip_directory import UNREADABLE, checked_directory

# No place in the archive, or no path on this disk. Every other number is a fault of the disk.
_NO_PLACE: Final = (
    *(None, errno.EINVAL, errno.ENAMETOOLONG, errno.EILSEQ),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP),
)
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_LOCAL_HEADER_BYTES: Final = 30  # and the name
_EXECUTABLE: Final = 0o111
_LOOKS: Final = {b"\x1f\x8b": "gzip", b"7z": "7-Zip", b"Ra": "RAR", b"BZ": "bzip2", b"\xfd7": "xz", b"<!": "a web page"}


class ArchiveSource(SourceProvider):
    """The archive is unpacked whole; nothing of it is written before all of its entries have been looked at."""

    def serves(self, source: Source) -> bool:
        """See `SourceProvider.serves`."""
        return source.uri is not None and source.uri.kind == "zip"

    def fetch(self, request: Request) -> FetchedSource:
        """See `SourceProvider.fetch`."""
        file = request.scratch / "source.zip"
        got = fetch_file(request, file, limit_mib=request.rules.max_mib)
        try:
            with _refusing(request, file):
                _unpack(file, request)
        except BaseException:
            _empty(request.folder)
            raise
        finally:
            file.unlink()
        return FetchedSource(request.folder, got.size, sha256=got.sha256)


@contextmanager
def _refusing(request: Request, file: Path) -> Iterator[None]:
    """Refuse an archive that is damaged. What is the disk's fault stays what it is."""
    try:
        yield
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno not in _NO_PLACE:
            raise
        raise invalid(f"{request.uri}: Not a valid zip file{_what_it_is(file)}: {error}") from error


def _unpack(file: Path, request: Request) -> None:
    directory = checked_directory(file, request.rules)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        paths = checked_paths(map(_member, entries), file.stat().st_size, request.rules)
        _check_contents(entries, directory.start, request)
        by_name = {entry.orig_filename: entry for entry in entries}
        for path, member in paths.items():
            _write(archive, by_name[member.name], request.folder, path)


def _member(entry: zipfile.ZipInfo) -> Member:
    """Archives of systems without Unix modes hold files and folders only."""
    name = entry.orig_filename  # the other one ends at a NUL
    if name.endswith("/"):
        return Member(name, entry.file_size, "folder")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind in (0, stat.S_IFREG):
        return Member(name, entry.file_size, "file")
    return Member(name, entry.file_size, "link" if kind == stat.S_IFLNK else "other")


def _check_contents(entries: Sequence[zipfile.ZipInfo], end: int, request: Request) -> None:
    """Raise StepError for entries that cannot be unpacked. `end` is where the directory begins."""
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise invalid(f"{request.uri}: the archive is encrypted; pack it without a password")
        if entry.compress_type not in _METHODS:
            text = f"the archive is compressed by method {entry.compress_type}; use deflate, bzip2, LZMA or none"
            raise invalid(f"{request.uri}: {text}")
    spans = sorted(map(_span, entries))
    for (_, stop), (start, _) in itertools.pairwise([*spans, (end, end)]):
        if stop > start:
            raise zipfile.BadZipFile("Entries overlap")


def _span(entry: zipfile.ZipInfo) -> tuple[int, int]:
    """Return where the entry begins in the archive, and where it ends at the earliest."""
    start = entry.header_offset
    return start, start + _LOCAL_HEADER_BYTES + len(entry.orig_filename) + entry.compress_size


def _empty(folder: Path) -> None:
    """Remove what is in the folder."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, path: PurePosixPath) -> None:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as data, target.open("xb") as file:
        shutil.copyfileobj(data, file)
    if (entry.external_attr >> 16) & _EXECUTABLE:
        target.chmod(target.stat().st_mode | _EXECUTABLE)


def _what_it_is(file: Path) -> str:
    with file.open("rb") as data:
        start = data.read(2)
    return f" but {_LOOKS[start]}" if start in _LOOKS else ""
