"""Reading the stored dataset back from S3, past everything of ours, and comparing it with what went in."""

import hashlib
import io
import urllib.request
from pathlib import Path

import pandas as pd

from devcluster.errors import DevClusterError

# A proxy from the caller's environment has no way to addresses of this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def stored_table(endpoint: str, path: str, sha256: str) -> pd.DataFrame:
    """The Parquet file at `s3://bucket/key`, read from an S3 server that takes unsigned requests.

    Raises DevClusterError where its bytes have another SHA-256.
    """
    with _direct.open(f"{endpoint}/{path.removeprefix('s3://')}") as answer:
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DevClusterError(f"{path} has not the SHA-256 that the status says", hint="please report this")
    return pd.read_parquet(io.BytesIO(content))


def compare(stored: pd.DataFrame, source: Path) -> None:
    """Raise DevClusterError unless the table is exactly what pandas reads from the CSV, dtypes included."""
    try:
        pd.testing.assert_frame_equal(stored, pd.read_csv(source))
    except AssertionError as error:
        raise DevClusterError(
            "the stored table is not the input", detail=str(error), hint="please report this"
        ) from None
