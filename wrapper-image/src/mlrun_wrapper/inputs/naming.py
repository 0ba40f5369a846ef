"""The name of a fetched file: its own, with a suffix that tells the truth.

mlrun's `as_df` believes the suffix before the format that the handler asks for, so a wrong suffix breaks a right
handler, and a right one lets `as_df(format="parquet")` read a CSV file.
"""

import zipfile
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from mlrun_operator.api import bounds
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.zip_directory import UNREADABLE, checked_directory

# As much of a file as is looked at.
_START: Final = 4096
# Of a name, in characters and bytes.
_LONGEST: Final = bounds.INPUT_NAME.limit
_LONGEST_BYTES: Final = bounds.FILE_NAME.limit

_KNOWN: Final = frozenset(
    {
        *(".csv", ".tsv", ".json", ".jsonl", ".parquet", ".pq", ".arrow", ".feather", ".xlsx", ".xls", ".h5"),
        *(".txt", ".md", ".html", ".xml", ".yaml", ".yml", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg"),
        *(".zip", ".gz", ".tar", ".bin", ".pkl", ".joblib", ".npy", ".npz", ".onnx", ".py", ".ipynb"),
    }
)
# Also where the name says something else: a server that exports tables calls all of them alike.
_STRONG: Final = {b"PAR1": ".parquet"}
# Where the name says nothing.
_WEAK: Final = {
    b"ARROW1": ".arrow",
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"%PDF-": ".pdf",
    b"\x1f\x8b": ".gz",
    b"\x93NUMPY": ".npy",
    b"\x89HDF\r\n\x1a\n": ".h5",
    b"PK\x03\x04": ".zip",
}
_BY_TYPE: Final = {
    "text/csv": ".csv",
    "application/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/vnd.apache.parquet": ".parquet",
    "application/x-parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.apache.arrow.file": ".arrow",
    "application/yaml": ".yaml",
    "text/html": ".html",
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
}


def own_name(path: str) -> str:
    """The last part of a path or URL as a file name; of a long one its end, which has the suffix."""
    name = PurePosixPath(unquote(urlsplit(path).path if "://" in path else path)).name
    safe = "".join(char if char.isalnum() or char in "._-+" else "_" for char in name)[-_LONGEST:]
    return safe.encode()[-_LONGEST_BYTES:].decode(errors="ignore").lstrip(".") or "data"


def truthful(
    file: Path, *, content_type: str = "", filename: str = "", asked: str | None = None, kind: str | None = None
) -> Path:
    """Rename the file where its suffix is missing or wrong; its path then.

    In this order: the format that the input asks for, the magic bytes of Parquet and Excel, the name's own suffix, that
    of the server's `filename`, the Content-Type, other magic bytes. A table of which nothing is known but that it is
    text is JSON or CSV by its start.
    """
    suffix = file.suffix.lower()
    with file.open("rb") as data:
        start = data.read(_START)
    wanted = f".{own_name(asked).lower()}" if asked else _by_magic(file, start)
    if wanted is None and suffix in _KNOWN:
        return file
    wanted = wanted or _by_filename(filename) or _BY_TYPE.get(content_type) or _by_weak_magic(start)
    if wanted is None and kind == "table":
        wanted = _by_text(start)
    if wanted is None or wanted == suffix or (wanted, suffix) == (".parquet", ".pq"):
        return file
    renamed = file.with_name(f"{file.stem if suffix in _KNOWN else file.name}{wanted}")
    return file.rename(renamed)


def _by_magic(file: Path, start: bytes) -> str | None:
    for magic, suffix in _STRONG.items():
        if start.startswith(magic):
            return suffix
    if start.startswith(b"PK\x03\x04") and file.suffix.lower() in ("", ".csv") and _is_workbook(file):
        return ".xlsx"
    return None


def _by_filename(filename: str) -> str | None:
    suffix = PurePosixPath(filename).suffix.lower()
    return suffix if suffix in _KNOWN else None


def _by_weak_magic(start: bytes) -> str | None:
    return next((suffix for magic, suffix in _WEAK.items() if start.startswith(magic)), None)


def _by_text(start: bytes) -> str | None:
    """What a text is by its first lines; None for anything but a text."""
    if not start or b"\0" in start:
        return None
    if not start.lstrip().startswith((b"{", b"[")):
        return ".csv"
    lines = start.strip().splitlines()
    several = len(lines) > 1 and all(line.startswith(b"{") and line.endswith(b"}") for line in lines[:-1])
    return ".jsonl" if several else ".json"


def _is_workbook(file: Path) -> bool:
    """Return whether a zip archive is one of Excel's. One with more entries than a source may have is none."""
    try:
        checked_directory(file, FetchRules())
        with zipfile.ZipFile(file) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (GuardError, *UNREADABLE):
        return False
