"""Inputs on mounted volumes: used where they are, and copied only to unpack a table."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from mlrun_operator.api import bounds
from mlrun_wrapper.hashing import file_sha256
from mlrun_wrapper.inputs.base import FetchedInput, InputProvider, Request
from mlrun_wrapper.inputs.naming import own_name, truthful
from mlrun_wrapper.inputs.unpacking import unpacked

_URL_SIGNS: Final = "#?;"
_HASH_LIMIT: Final = bounds.HASHED_FILE.limit


class FileInput(InputProvider):
    """`file:///path` and `/path`, a file or a folder."""

    def serves(self, path: str) -> bool:
        """See `InputProvider.serves`."""
        return path.startswith(("file:///", "/"))

    def fetch(self, request: Request) -> FetchedInput:
        """See `InputProvider.fetch`."""
        path = request.path
        file = Path(unquote(urlsplit(path).path) if path.startswith("file:") else path)
        if not file.exists():
            raise request.purpose.missing(f"{file} does not exist in the pod; is its volume mounted?")
        if not os.access(file, os.R_OK):
            raise request.purpose.denied(f"{file} may not be read by the run's user (uid {os.getuid()})")
        if file.is_dir():
            return FetchedInput(f"{_linked(file, request) if _looks_like_url(file) else file}/")
        if not file.is_file():
            raise request.purpose.missing(f"{file} is neither a file nor a folder")
        size = file.stat().st_size
        link = _linked(file, request)
        named = truthful(unpacked(link, request), asked=request.format, kind=request.kind)
        used = file if named == link and link.is_symlink() and not _looks_like_url(file) else named
        return FetchedInput(str(used), size, file_sha256(file) if size <= _HASH_LIMIT else None)


def _linked(file: Path, request: Request) -> Path:
    """A link to the file or folder, whose name is safe everywhere."""
    link = request.folder / own_name(str(file))
    link.symlink_to(file.resolve())
    return link


def _looks_like_url(file: Path) -> bool:
    """Return whether mlrun, which reads paths as URLs, would take a part of the path for a query or the like."""
    return any(sign in str(file) for sign in _URL_SIGNS)
