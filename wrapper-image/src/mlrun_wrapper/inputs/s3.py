"""Inputs in S3, in the store's bucket or another: an object, or everything below a path that ends with `/`."""

import errno
from typing import Final
from urllib.parse import urlsplit

from mlrun_operator.api.reasons import Reason
from mlrun_operator.store import Stat, Store, below
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.hashing import listing_sha256
from mlrun_wrapper.inputs.base import FetchedInput, InputProvider, Request
from mlrun_wrapper.inputs.naming import own_name, truthful
from mlrun_wrapper.inputs.parallel import each

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
        store = request.stores.at(parts.netloc)
        if key.endswith("/"):
            return _folder(store, key, request)
        file = request.folder / own_name(key)
        got = store.download(key, file, request.watch)
        file = truthful(file, content_type=got.content_type, asked=request.format, kind=request.kind)
        return FetchedInput(str(file), got.size, got.sha256)


def _folder(store: Store, prefix: str, request: Request) -> FetchedInput:
    found = [stat for stat in store.list(prefix) if stat.path != prefix and not stat.path.endswith("/")]
    if not found:
        raise request.purpose.missing(f"{request.path} holds no object")

    def fetch(stat: Stat) -> tuple[str, str]:
        name = stat.path.removeprefix(prefix)
        file = below(request.folder, name)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            return name, store.download(stat.path, file, request.watch).sha256
        except OSError as error:
            if error.errno not in _NO_NAMES:
                raise
            text = f"{request.purpose.what}: no file can be called as the object {name[:100]!r}: {error.strerror}"
            raise StepError(Reason.INVALID_RUN, f"{text}; rename it, or name the objects one by one") from error

    digest = listing_sha256(each(found, fetch, at_once=_AT_ONCE))
    return FetchedInput(f"{request.folder}/", sum(stat.size for stat in found), digest)
