"""What is in the artifact store, read as any S3 client would."""

import io
import urllib.request
from typing import Any

import pandas as pd


def read_bytes(facts: dict[str, Any], path: str) -> bytes:
    """The object at an s3:// path."""
    with urllib.request.urlopen(f"{facts['s3_host_endpoint']}/{path.removeprefix('s3://')}", timeout=10) as answer:
        return bytes(answer.read())


def write_bytes(facts: dict[str, Any], path: str, data: bytes) -> None:
    """Put an object at an s3:// path."""
    url = f"{facts['s3_host_endpoint']}/{path.removeprefix('s3://')}"
    with urllib.request.urlopen(urllib.request.Request(url, data, method="PUT"), timeout=10):
        pass


def read_parquet(facts: dict[str, Any], path: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(read_bytes(facts, path)))
