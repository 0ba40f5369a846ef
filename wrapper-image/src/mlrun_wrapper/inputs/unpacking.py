"""A fetched file without the gzip around it: that of HTTP's and S3's Content-Encoding, and that of a table.

A server that stores `x.csv` gzipped sends it so to everyone and says it in a header only; `as_df` refuses `x.csv.gz`.
"""

import gzip
import uuid
import zlib
from pathlib import Path
from typing import Final

from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.inputs.base import Request

_MAGIC: Final = b"\x1f\x8b"
_PIECE: Final = 1 << 20
# What says that the gzip is the file's own; of archives it always is.
_SUFFIXES: Final = (".gz", ".tgz")
_ARCHIVES: Final = (".tar.gz", ".tgz")
_TABLES: Final = frozenset({"csv", "tsv", "json", "jsonl", "parquet"})


def unpacked(file: Path, request: Request, encoding: str = "", called: str = "") -> Path:
    """The file as it was meant, without `.gz`; itself where there is nothing to unpack.

    `encoding` is the server's Content-Encoding, `called` the server's name for the file. Raises StepError where the
    data is damaged, or more than an input may unpack to.
    """
    name, names = file.name.lower(), (file.name.lower(), called.lower())
    sent = _says_gzip(encoding) and not any(each.endswith(_SUFFIXES) for each in names)
    table = _is_table(request) and not any(each.endswith(_ARCHIVES) for each in names)
    if not (sent or table) or not is_gzip(file):
        return file
    part = file.with_name(f".{uuid.uuid4().hex}")
    try:
        _unpack(file, part, request)
        file.unlink()
        return part.rename(file.with_suffix("") if name.endswith(".gz") else file)
    finally:
        part.unlink(missing_ok=True)


def _unpack(file: Path, target: Path, request: Request) -> None:
    request.unpacked.begin(file.stat().st_size)
    try:
        with gzip.open(file) as source, target.open("wb") as data:
            while piece := source.read(_PIECE):
                request.unpacked.add(len(piece))
                data.write(piece)
                request.watch(0)  # nothing more came; the fetch may have to end
    except GuardError as error:
        raise error.failure(f"{request.purpose.what}: {request.shown}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise request.purpose.down(f"{request.shown}: its gzip data is damaged: {error}") from error


def is_gzip(file: Path) -> bool:
    """Whether the file begins as gzip data does."""
    with file.open("rb") as data:
        return data.read(len(_MAGIC)) == _MAGIC


def _says_gzip(encoding: str) -> bool:
    """Whether gzip is all that it names; S3 keeps the name of its own uploads' encoding beside it."""
    names = {name.strip().lower() for name in encoding.split(",")} - {"", "identity", "aws-chunked"}
    return names in ({"gzip"}, {"x-gzip"})


def _is_table(request: Request) -> bool:
    if request.format is not None:
        return request.format.lstrip(".").lower() in _TABLES
    return request.kind == "table"
