"""SHA-256 of files and folders."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path


def file_sha256(file: Path) -> str:
    """Of the file's bytes, in hex."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def folder_sha256(files: Iterable[tuple[str, Path]]) -> str:
    """Of the sorted list of (relative path, sha256): the same content has the same hash, wherever it lies."""
    return listing_sha256((name, file_sha256(file)) for name, file in files)


def listing_sha256(hashes: Iterable[tuple[str, str]]) -> str:
    """Of a folder's (relative path, sha256), as `folder_sha256`."""
    listed = [list(pair) for pair in sorted(hashes)]
    return hashlib.sha256(json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
