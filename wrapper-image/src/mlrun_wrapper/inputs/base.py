"""What an input provider is."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlrun_operator.api.envelope import StoreInfo
from mlrun_operator.store import Store, open_uri
from mlrun_wrapper.errors import Purpose
from mlrun_wrapper.http import shown
from mlrun_wrapper.opener import Manners


@dataclass(frozen=True, slots=True)
class Stores:
    """Stores beside the run's own: its endpoint, its credentials and its connections."""

    own: Store
    info: StoreInfo
    attempts: int
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, root: str) -> Store:
        """The store at another root."""
        with self._lock:  # the first one may have to make the client
            return open_uri(root, self.info, attempts=self.attempts, beside=self.own)


@dataclass(frozen=True, slots=True)
class Request:
    """One input to fetch: `path` into `folder`. `watch` is told of the bytes that come, and ends the fetch by raising.

    `kind` is table, artifact, model or unknown; `python` the function's interpreter.
    """

    path: str
    key: str | None
    kind: str | None
    format: str | None
    folder: Path
    purpose: Purpose
    stores: Stores
    attempts: int
    watch: Callable[[int], None]
    manners: Manners
    python: str

    @property
    def shown(self) -> str:
        """The path as it may be told."""
        return self.path if self.path.startswith("/") else shown(self.path)


@dataclass(frozen=True, slots=True)
class FetchedInput:
    """Where the input is now; a folder's path ends with `/`."""

    path: str
    size: int | None = None
    sha256: str | None = None


class InputProvider(ABC):
    """One way in which inputs reach the pod."""

    @abstractmethod
    def serves(self, path: str) -> bool:
        """Whether it can fetch this path."""

    @abstractmethod
    def fetch(self, request: Request) -> FetchedInput:
        """Fetch it. Raises StepError or StoreError."""
