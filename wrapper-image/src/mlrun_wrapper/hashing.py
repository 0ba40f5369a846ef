"""SHA-256 of files and folders."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path


def file_sha256(file: Path) -> str:
    """Of the file's bytes, in hex."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def listing_sha256(hashes: Iterable[tuple[str, str]]) -> str:
    """Of a folder's sorted (relative path, sha256): the same content has the same hash, wherever it lies."""
    listed = [list(pair) for pair in sorted(hashes)]
    return hashlib.sha256(json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
