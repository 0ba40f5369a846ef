"""A zip archive: `zip+https://…`, `zip+http://…`, `zip+s3://bucket/key`."""

import lzma
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from mlrun_operator.api.v1alpha1.source import Source
from mlrun_wrapper.guards.archives import Member, checked_paths
from mlrun_wrapper.sources.base import FetchedSource, Request, SourceProvider, invalid
from mlrun_wrapper.sources.download import fetch_file

# What Python's own readers say of archives and members that are damaged, or packed in a way that they do not know.
_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, UnicodeDecodeError),
    OSError,  # bzip2's
)
_ENCRYPTED: Final = 0x1
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
            with zipfile.ZipFile(file) as archive:
                _unpack(archive, got.size, request)
        except _DAMAGED as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's
            raise invalid(f"{request.uri}: Not a valid zip file{_what_it_is(file)}: {error}") from error
        file.unlink()
        return FetchedSource(request.folder, got.size, sha256=got.sha256)


def _unpack(archive: zipfile.ZipFile, size: int, request: Request) -> None:
    entries = {entry.filename: entry for entry in archive.infolist()}
    members = [_member(entry) for entry in archive.infolist()]
    for path, member in checked_paths(members, size, request.rules).items():
        entry = entries[member.name]
        if entry.flag_bits & _ENCRYPTED:
            raise invalid(f"{request.uri}: the archive is encrypted; pack it without a password")
        _write(archive, entry, request.folder, path)


def _member(entry: zipfile.ZipInfo) -> Member:
    """Archives of systems without Unix modes hold files and folders only."""
    mode = entry.external_attr >> 16
    if entry.is_dir():
        return Member(entry.filename, entry.file_size, "folder")
    kind = stat.S_IFMT(mode)
    if kind in (0, stat.S_IFREG):
        return Member(entry.filename, entry.file_size, "file")
    return Member(entry.filename, entry.file_size, "link" if kind == stat.S_IFLNK else "other")


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
