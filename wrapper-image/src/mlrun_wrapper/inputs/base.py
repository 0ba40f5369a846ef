"""What an input provider is."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_operator.store import Store, open_uri
from mlrun_wrapper.errors import Purpose
from mlrun_wrapper.guards.sizes import UnpackedInput, input_limits
from mlrun_wrapper.http import shown
from mlrun_wrapper.opener import Manners


@dataclass(frozen=True, slots=True)
class Stores:
    """Buckets to read: the store's by its settings and connections, the others at `elsewhere` if the run has one."""

    own: Store
    info: StoreInfo
    attempts: int
    elsewhere: StoreInfo | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _others: list[Store] = field(default_factory=list)

    def at(self, bucket: str) -> Store:
        """All of that bucket."""
        root = f"s3://{bucket}"
        with self._lock:  # the first one may have to make the client
            if self.elsewhere is None or f"{self.info.root}/".startswith(f"{root}/"):
                return open_uri(root, self.info, attempts=self.attempts, beside=self.own)
            beside = self._others[0] if self._others else None
            self._others.append(open_uri(root, self.elsewhere, attempts=self.attempts, beside=beside))
            return self._others[-1]


@dataclass(frozen=True, slots=True)
class Request:
    """One input to fetch: `path` into `folder`. `watch` is told of the bytes that come, and ends the fetch by raising.

    `kind` is table, artifact, model or unknown; `python` the function's interpreter. `unpacked` bounds what all of its
    files together unpack to.
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
    unpacked: UnpackedInput = field(default_factory=lambda: UnpackedInput(input_limits(FetchRules())))

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
