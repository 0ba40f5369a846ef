"""The interface of every store, and the small things that its classes share."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlrun_operator.api import bounds
from mlrun_operator.store.errors import DamagedError, StoreError


@dataclass(frozen=True, slots=True)
class Stat:
    """An object below a prefix: its path relative to the store's root, its size in bytes, its time in Unix seconds."""

    path: str
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download brought: bytes, their hash, and what the server says of their type and encoding, if anything."""

    size: int
    sha256: str
    content_type: str = ""
    encoding: str = ""


def below(folder: Path, name: str) -> Path:
    """The file of that name in a folder, for an object whose name somebody else chose.

    Raises StoreError where it would be a file elsewhere: an absolute name, or one with `..`.
    """
    if name.startswith("/") or ".." in name.split("/") or "\0" in name:
        raise StoreError(f"an object is called {name!r}, and that leaves its folder")
    return folder / name


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A name beside the file, for what takes its place when the block ends well: nobody sees the half of it."""
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def check_small(uri: str, size: int) -> None:
    """Raise DamagedError for an object that is too large to be read whole. `size` is in bytes."""
    if size > bounds.SMALL_OBJECT.limit:
        limit = bounds.SMALL_OBJECT.limit // bounds.MIB
        raise DamagedError(f"{uri} has {size // bounds.MIB} MiB; the limit of a document of the store is {limit} MiB")


def unwatched(size: int) -> None:
    """Nobody watches a download."""


class Store(ABC):
    """Objects below a root. Paths are relative, with `/`, and never start with one.

    Every method raises a `StoreError`: `NotFoundError`, `DeniedError`, `CredentialsMissingError` or `UnavailableError`.
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or root

    def uri(self, path: str) -> str:
        """The absolute URI of an object."""
        return f"{self.root}/{path}"

    @abstractmethod
    def read(self, path: str) -> bytes:
        """A whole small object. Raises DamagedError for one that is larger than small objects are."""

    @abstractmethod
    def read_version(self, path: str) -> tuple[bytes, str]:
        """A whole small object with a token for `replace`."""

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """A whole small object, at once and atomically."""

    @abstractmethod
    def replace(self, path: str, data: bytes, version: str | None) -> bool:
        """Write only over that version (None: only where nothing is); False where somebody else was faster."""

    @abstractmethod
    def upload(self, path: str, file: Path) -> None:
        """A file, streamed."""

    @abstractmethod
    def download(self, path: str, file: Path, watch: Callable[[int], None] = unwatched) -> Downloaded:
        """An object into a file, streamed. `watch` is told the number of bytes as they come; what it raises ends it."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[Stat]:
        """Every object whose path starts with the prefix."""

    @abstractmethod
    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders right below a prefix that ends with `/`, in their order."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete an object; one that is not there is as good."""
