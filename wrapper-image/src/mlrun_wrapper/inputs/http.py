"""Inputs at http(s) URLs."""

from mlrun_wrapper.http import download
from mlrun_wrapper.inputs.base import FetchedInput, InputProvider, Request
from mlrun_wrapper.inputs.naming import own_name, truthful
from mlrun_wrapper.inputs.unpacking import is_gzip, unpacked


class HttpInput(InputProvider):
    """`http://…` and `https://…`."""

    def serves(self, path: str) -> bool:
        """See `InputProvider.serves`."""
        return path.startswith(("http://", "https://"))

    def fetch(self, request: Request) -> FetchedInput:
        """See `InputProvider.fetch`."""
        file = request.folder / own_name(request.path)
        got = download(
            request.path,
            file,
            request.purpose,
            attempts=request.attempts,
            manners=request.manners,
            watch=request.watch,
        )
        file = unpacked(file, request, got.encoding, got.filename)
        called = got.filename if is_gzip(file) else got.filename.removesuffix(".gz")
        file = truthful(file, content_type=got.content_type, filename=called, asked=request.format, kind=request.kind)
        return FetchedInput(str(file), got.size, got.sha256)
