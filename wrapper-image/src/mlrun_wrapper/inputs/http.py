"""Inputs at http(s) URLs."""

from mlrun_wrapper.http import download
from mlrun_wrapper.inputs.base import FetchedInput, InputProvider, Request
from mlrun_wrapper.inputs.naming import own_name, truthful
from mlrun_wrapper.inputs.unpacking import unpacked


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
        hints = {"content_type": got.content_type, "filename": got.filename}
        file = unpacked(file, request, got.encoding)
        file = truthful(file, **hints, asked=request.format, kind=request.kind)
        return FetchedInput(str(file), got.size, got.sha256)
