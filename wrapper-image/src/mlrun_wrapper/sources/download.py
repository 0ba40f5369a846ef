"""One file from where a source's URI points to: http(s) or S3."""

import threading
from pathlib import Path

from mlrun_operator.api.bounds import MIB
from mlrun_operator.store import open_uri
from mlrun_wrapper.errors import SOURCE
from mlrun_wrapper.guards import GuardError, setting
from mlrun_wrapper.http import Downloaded, download
from mlrun_wrapper.opener import Manners
from mlrun_wrapper.sources.base import Request


def fetch_file(request: Request, file: Path, *, limit_mib: int) -> Downloaded:
    """Fetch it. Raises StepError, StoreError or GuardError."""
    own = limit_mib == request.rules.max_mib
    allow = setting("maxMiB") if own else "no Python file is that large; is it one?"
    manners = Manners(request.rules.link_local, downgrade=False, limit=limit_mib * MIB, allow=allow)
    if request.uri.scheme == "s3":
        return _from_s3(request, file, manners)
    return download(request.uri.url, file, SOURCE, attempts=request.attempts, manners=manners)


def _from_s3(request: Request, file: Path, manners: Manners) -> Downloaded:
    uri = request.uri
    store = open_uri(f"s3://{uri.bucket}", request.store, attempts=request.attempts, beside=request.beside)
    got = store.download(uri.key, file, _Limit(request, manners))
    return Downloaded(got.size, got.sha256, "", uri.url)


class _Limit:
    """Told of what comes, by several threads; raises GuardError where it is too much."""

    def __init__(self, request: Request, manners: Manners) -> None:
        self._request, self._manners = request, manners
        self._lock = threading.Lock()
        self._left = manners.limit

    def __call__(self, size: int) -> None:
        if self._left is None:
            return
        with self._lock:
            self._left -= size
        if self._left < 0:
            text = f"{self._request.uri} is larger than {self._manners.limit} bytes"
            raise GuardError("size", text, self._manners.allow)
