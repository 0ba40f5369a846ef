"""One Python file: `https://host/path/file.py`, `http://…`, `s3://bucket/file.py`."""

from typing import Final

from mlrun_operator.api import bounds
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_wrapper.sources.base import FetchedSource, Request, SourceProvider, invalid, module_file
from mlrun_wrapper.sources.download import fetch_file

_LIMIT_MIB: Final = bounds.SOURCE_FILE.limit // bounds.MIB
_WEB_PAGES: Final = (b"<!doctype html", b"<html")


class FileSource(SourceProvider):
    """The file keeps its name."""

    def serves(self, source: Source) -> bool:
        """See `SourceProvider.serves`."""
        return source.uri is not None and source.uri.kind == "file"

    def fetch(self, request: Request) -> FetchedSource:
        """See `SourceProvider.fetch`."""
        file = request.folder / module_file(request.uri.name)
        got = fetch_file(request, file, limit_mib=min(_LIMIT_MIB, request.rules.max_mib))
        with file.open("rb") as data:
            start = data.read(64).lstrip().lower()
        if start.startswith(_WEB_PAGES):
            raise invalid(f"{request.uri} answers with a web page, not with Python; use the URL of the raw file")
        return FetchedSource(request.folder, got.size, file, got.sha256)
