"""A repository: `git+https://host/owner/repository.git#ref` and `git+ssh://user@host/…#ref`, with its submodules."""

import shutil

from mlrun_operator.api.v1alpha1.source import Source
from mlrun_wrapper.sources.base import FetchedSource, Request, SourceProvider, invalid


class GitSource(SourceProvider):
    """The repository stays one: its `.git` folder holds the commit that was fetched, and no credentials."""

    def serves(self, source: Source) -> bool:
        """See `SourceProvider.serves`."""
        return source.uri is not None and source.uri.kind == "git"

    def fetch(self, request: Request) -> FetchedSource:
        """See `SourceProvider.fetch`."""
        if shutil.which("git") is None:
            raise invalid("a repository needs git, and the image has none")  # GitPython would refuse to be imported
        from mlrun_wrapper.sources.git.repository import fetch_repository  # noqa: PLC0415 - slow, and for Git alone

        return fetch_repository(request)
