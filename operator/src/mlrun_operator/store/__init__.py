"""The artifact store: the only catalogue of this platform, on S3 or in a folder.

`open_store(info)` gives a `Store` of objects below a root; `Catalogue` reads and writes entities in it.
Used by the wrapper in the pod and by the SDK on a laptop, so nothing here reads the environment, and boto3 is imported
only where an S3 store is opened.
"""

from mlrun_operator.store.base import Downloaded, Stat, Store, below, replacing, unwatched
from mlrun_operator.store.documents import parse_document
from mlrun_operator.store.entities import Catalogue, Entity, derived_uuid
from mlrun_operator.store.errors import (
    CredentialsMissingError,
    DamagedError,
    DeniedError,
    NotFoundError,
    StoreError,
    UnavailableError,
)
from mlrun_operator.store.opening import open_store, open_uri

__all__ = [
    "Catalogue",
    "CredentialsMissingError",
    "DamagedError",
    "DeniedError",
    "Downloaded",
    "Entity",
    "NotFoundError",
    "Stat",
    "Store",
    "StoreError",
    "UnavailableError",
    "below",
    "derived_uuid",
    "open_store",
    "open_uri",
    "parse_document",
    "replacing",
    "unwatched",
]
