"""Inputs in S3, in the store's bucket or another: an object, or everything below a path that ends with `/`."""

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from mlrun_operator.api.reasons import Reason
from mlrun_operator.store import Stat, Store, below
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.hashing import listing_sha256
from mlrun_wrapper.inputs.base import FetchedInput, InputProvider, Request
from mlrun_wrapper.inputs.naming import own_name, truthful
from mlrun_wrapper.inputs.unpacking import unpacked
from mlrun_wrapper.parallel import each

# Objects of a folder at a time.
_AT_ONCE: Final = 4
# Names that a bucket may have and a disk may not: too long, or of a file and of a folder as well.
_NO_NAMES: Final = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)


class S3Input(InputProvider):
    """`s3://bucket/key`."""

    def serves(self, path: str) -> bool:
        """See `InputProvider.serves`."""
        return path.startswith("s3://")

    def fetch(self, request: Request) -> FetchedInput:
        """See `InputProvider.fetch`."""
        parts = urlsplit(request.path)
        key = request.path.removeprefix(f"s3://{parts.netloc}").lstrip("/")
        if not parts.netloc or not key:
            raise request.purpose.missing(f"{request.path!r} names no object; the form is s3://bucket/key")
        try:
            store = request.stores.at(parts.netloc)
        except ValueError as error:
            text = f"{request.purpose.what}: the run's own S3 server cannot be asked: {error}"
            raise StepError(Reason.INVALID_RUN, text) from error
        if key.endswith("/"):
            return _folder(store, key, request)
        file = request.folder / own_name(key)
        got = store.download(key, file, request.watch)
        file = unpacked(file, request, got.encoding)
        file = truthful(file, content_type=got.content_type, asked=request.format, kind=request.kind)
        return FetchedInput(str(file), got.size, got.sha256)


def _folder(store: Store, prefix: str, request: Request) -> FetchedInput:
    found = [stat for stat in store.list(prefix) if stat.path != prefix and not stat.path.endswith("/")]
    if not found:
        raise request.purpose.missing(f"{request.path} holds no object")
    each_file = replace(request, kind=None, format=None)

    def fetch(stat: Stat) -> tuple[str, str]:
        name = stat.path.removeprefix(prefix)
        file = below(request.folder, name)
        with _possible(name, request):
            file.parent.mkdir(parents=True, exist_ok=True)
            got = store.download(stat.path, file, request.watch)
        unpacked(file, each_file, got.encoding)
        return name, got.sha256

    digest = listing_sha256(each(found, fetch, at_once=_AT_ONCE))
    return FetchedInput(f"{request.folder}/", sum(stat.size for stat in found), digest)


@contextlib.contextmanager
def _possible(name: str, request: Request) -> Iterator[None]:
    """Says so where the disk has no file of an object's name."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_NAMES:
            raise
        text = f"{request.purpose.what}: no file can be called as the object {name[:100]!r}: {error.strerror}"
        raise StepError(Reason.INVALID_RUN, f"{text}; rename it, or name the objects one by one") from error
