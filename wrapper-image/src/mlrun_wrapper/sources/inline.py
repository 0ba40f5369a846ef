"""Code written into the function: `code` and `base64`."""

import hashlib

from mlrun_operator.api.v1alpha1.source import Source
from mlrun_wrapper.sources.base import FetchedSource, Request, SourceProvider, invalid, module_file


class InlineSource(SourceProvider):
    """The file has the name of the one that the code is from; without one, a name of the code's hash.

    So equal code has equal tracebacks and pickles.
    """

    def serves(self, source: Source) -> bool:
        """See `SourceProvider.serves`."""
        return source.source is None

    def fetch(self, request: Request) -> FetchedSource:
        """See `SourceProvider.fetch`."""
        data = request.source.inline()
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise invalid(f"the decoded base64 is not UTF-8 text: {error}") from error
        digest = hashlib.sha256(data).hexdigest()
        own_name = request.source.file_name
        file = request.folder / (module_file(own_name) if own_name else f"handler_{digest[:12]}.py")
        file.write_bytes(data)
        return FetchedSource(request.folder, len(data), file, digest)
