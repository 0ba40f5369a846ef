"""What artifacts hold, in a form that two systems can be compared by.

A dataset is compared by its content, an archive by its members, a text by itself, all else by its digest. What has to
differ, as identifiers and dates, is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

_TABLES = {".parquet", ".pq", ".csv"}
_SHOWN = 120
# mlrun writes it beside each model's file: the artifact's own document, with identifiers and dates in it.
_OWN = {"model_spec.yaml"}
_IDENTIFIERS = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}")
_SOURCES = re.compile(r"/\S*/(plain/cwd|ours/run\d+/work/source)/")
_OUTPUTS = re.compile(r"/\S*/(plain/artifacts/[0-9a-f]+|ours/run\d+/work/outputs)/[^/\s]+/\d+/")
_DATES = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(\+00:00|Z)?")


def described(path: Path, kind: str = "") -> dict[str, Any]:
    """Every file at or below the path, by its relative name; a single one by its suffix."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.name not in _OWN)
        return {file.relative_to(path).as_posix(): of_file(file, kind) for file in files}
    return {f"*{path.suffix}": of_file(path, kind)}


def of_file(path: Path, kind: str = "") -> Any:
    """The content of one file."""
    if kind == "dataset" and path.suffix in _TABLES:
        return _table(path)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: of_bytes(archive.read(name)) for name in sorted(archive.namelist())}
    if path.name.endswith((".tar.gz", ".tgz", ".tar")):
        with tarfile.open(path) as archive:
            members = sorted((m for m in archive.getmembers() if m.isfile()), key=lambda member: member.name)
            return {member.name: of_bytes(archive.extractfile(member).read()) for member in members}  # type: ignore[union-attr]
    return of_bytes(path.read_bytes())


def of_bytes(data: bytes) -> str:
    """A short text itself, anything else by its digest."""
    data = _DATES.sub(b"<date>", _IDENTIFIERS.sub(b"<id>", data))
    if len(data) <= _SHOWN:
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode()
    return f"sha256:{hashlib.sha256(data).hexdigest()[:16]}"


def plain(value: Any) -> Any:
    """A value as JSON: NaN and infinities as texts, NumPy's numbers as Python's, paths of this machine by names."""
    return json.loads(json.dumps(_finite(value), default=_other))


def _other(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, str):
        return _OUTPUTS.sub("<outputs>/", _SOURCES.sub("<folder>/", value))
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _table(path: Path) -> dict[str, Any]:
    import pandas as pd

    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    if frame.index.names != [None] or not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    return {
        "columns": {str(name): str(kind) for name, kind in zip(frame.columns, frame.dtypes, strict=True)},
        "rows": plain(frame.astype(object).where(frame.notna(), None).to_numpy().tolist()),
    }
