"""Opens the store at a root, by the class that serves its scheme."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.store.base import Store


def open_store(info: StoreInfo, *, attempts: int = 5, keys: Mapping[str, str] = MappingProxyType({})) -> Store:
    """Open the store at `info.root`. Raises ValueError for a root that is neither s3:// nor file:///."""
    return open_uri(info.root, info, attempts=attempts, keys=keys)


def open_uri(
    root: str,
    info: StoreInfo,
    *,
    attempts: int = 5,
    beside: Store | None = None,
    keys: Mapping[str, str] = MappingProxyType({}),
) -> Store:
    """Open a store at another root with the same endpoint and credentials.

    `attempts` is how often a request is tried before it counts as unavailable. Opened `beside` another S3 store of the
    same `info`, it uses its connections. `keys` are boto3's arguments for credentials; without any its chain counts.
    """
    parts = urlsplit(root)
    if parts.scheme == "s3" and parts.netloc:
        from mlrun_operator.store.s3 import S3Store  # noqa: PLC0415 - boto3 costs 0.3 s; only S3 needs it

        neighbour = beside if isinstance(beside, S3Store) else None
        return S3Store(root, info, attempts=attempts, beside=neighbour, keys=keys)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        from mlrun_operator.store.file import FileStore  # noqa: PLC0415 - Windows has no fcntl

        return FileStore(root)
    raise ValueError(f"{root!r} is no store; use s3://bucket/prefix or file:///folder")
