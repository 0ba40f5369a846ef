"""What a source provider is."""

import keyword
import re
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.api.values.source_uri import SourceURI
from mlrun_operator.store import Store
from mlrun_wrapper.errors import StepError


@dataclass(frozen=True, slots=True)
class Request:
    """A source to fetch into `folder`; `scratch` is for what is gone afterwards.

    `store` gives endpoint and keys of S3, `beside` its connections. `attempts` is how often a server is asked before it
    counts as unavailable.
    """

    source: Source
    folder: Path
    scratch: Path
    rules: FetchRules
    store: StoreInfo
    attempts: int
    beside: Store | None = None

    @property
    def uri(self) -> SourceURI:
        """Where it is; only for sources that are not inline."""
        assert self.source.uri is not None  # noqa: S101 - the provider serves URIs
        return self.source.uri


@dataclass(frozen=True, slots=True)
class FetchedSource:
    """What was fetched: one `file`, or all that is in `folder`. `size` is in bytes, as it was fetched."""

    folder: Path
    size: int
    file: Path | None = None
    sha256: str | None = None
    commit: str | None = None


class SourceProvider(ABC):
    """One way in which code reaches the pod."""

    @abstractmethod
    def serves(self, source: Source) -> bool:
        """Whether this source is of its kind."""

    @abstractmethod
    def fetch(self, request: Request) -> FetchedSource:
        """Put the code into the folder. Raises StepError, StoreError or GuardError."""


def invalid(text: str) -> StepError:
    """The source is not as it should be; no retry mends it."""
    return StepError(Reason.INVALID_RUN, f"source: {text}")


def module_file(name: str) -> str:
    """The file's name as one that Python can import, and that hides no module of the standard library."""
    stem = re.sub(r"\W", "_", name.removesuffix(".py"), flags=re.ASCII) or "source"
    if stem[0].isdigit() or keyword.iskeyword(stem) or stem in sys.stdlib_module_names:
        stem = f"source_{stem}"
    return f"{stem}.py"
