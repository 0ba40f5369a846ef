"""A store in a folder, for one machine or a shared volume."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from mlrun_operator.store.base import Downloaded, Stat, Store, below, check_small, replacing, unwatched
from mlrun_operator.store.errors import DeniedError, NotFoundError, UnavailableError

_PIECE: Final = 256 << 10  # stays in a core's cache


class FileStore(Store):
    """`file:///folder`. Writes go to a temporary name first, so that no reader sees half an object."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.folder = Path(unquote(urlsplit(root).path))

    def read(self, path: str) -> bytes:
        """See `Store.read`."""
        with self._errors(path):
            check_small(self.uri(path), self._file(path).stat().st_size)
            return self._file(path).read_bytes()

    def read_version(self, path: str) -> tuple[bytes, str]:
        """See `Store.read_version`; the token is the content's hash."""
        data = self.read(path)
        return data, hashlib.sha256(data).hexdigest()

    def write(self, path: str, data: bytes) -> None:
        """See `Store.write`."""
        with self._errors(path), self._written(path) as temporary:
            temporary.write_bytes(data)

    def replace(self, path: str, data: bytes, version: str | None) -> bool:
        """See `Store.replace`; a lock file beside the object makes it atomic between processes."""
        with self._errors(path):
            target = self._file(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.with_name(f".{target.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                try:
                    current: str | None = self.read_version(path)[1]
                except NotFoundError:
                    current = None
                if current != version:
                    return False
                self.write(path, data)
                return True

    def upload(self, path: str, file: Path) -> None:
        """See `Store.upload`."""
        with self._errors(path), self._written(path) as temporary:
            shutil.copyfile(file, temporary)

    def download(self, path: str, file: Path, watch: Callable[[int], None] = unwatched) -> Downloaded:
        """See `Store.download`."""
        digest, size = hashlib.sha256(), 0
        with self._errors(path), self._file(path).open("rb") as source, file.open("wb") as target:
            while data := source.read(_PIECE):
                target.write(data)
                digest.update(data)
                size += len(data)
                watch(len(data))
        return Downloaded(size, digest.hexdigest())

    def list(self, prefix: str) -> Iterator[Stat]:
        """See `Store.list`."""
        with self._errors(prefix):
            for file in sorted(_inside(self._file(prefix.rpartition("/")[0]))):
                path = file.relative_to(self.folder).as_posix()
                if path.startswith(prefix) and file.is_file() and not file.name.startswith("."):
                    stat = file.stat()
                    yield Stat(path, stat.st_size, stat.st_mtime)

    def folders(self, prefix: str) -> Iterator[str]:
        """See `Store.folders`."""
        folder = self._file(prefix)
        with self._errors(prefix):
            yield from sorted(inside.name for inside in folder.iterdir() if inside.is_dir()) if folder.is_dir() else ()

    def delete(self, path: str) -> None:
        """See `Store.delete`."""
        with self._errors(path):
            self._file(path).unlink(missing_ok=True)

    def _file(self, path: str) -> Path:
        return below(self.folder, path)

    @contextlib.contextmanager
    def _written(self, path: str) -> Iterator[Path]:
        """A temporary file that takes the object's place when the block ends well."""
        target = self._file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            yield temporary
            temporary.chmod(0o644)

    @contextlib.contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFoundError(f"{self.uri(path)} does not exist") from error
        except PermissionError as error:
            raise DeniedError(
                f"{self.uri(path)}: {error.strerror}; the run's user (uid {os.getuid()}) may not"
            ) from error
        except OSError as error:
            raise UnavailableError(f"{self.uri(path)}: {error}") from error


def _inside(folder: Path) -> Iterator[Path]:
    """Yield all that is inside of a folder; nothing where there is none.

    Raises PermissionError where the folder may not be read. pathlib passes over such folders inside of it, as over the
    `lost+found` of a volume.
    """
    if folder.is_dir():
        next(folder.iterdir(), None)
        yield from folder.rglob("*")
