"""An artifact's data into the store, beside where its entity.json will be."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api import bounds
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue
from mlrun_operator.store.entities import ENTITY_FILE
from mlrun_wrapper.hashing import file_sha256, listing_sha256
from mlrun_wrapper.parallel import each
from mlrun_wrapper.texts import escaped, local_path

# Files of a folder at a time; a large one goes in parts, four at a time.
_AT_ONCE: Final = 4
_LISTED: Final = bounds.LISTED_FILES.limit
_PARQUET_MAGIC: Final = b"PAR1"
_PARQUET_SUFFIXES: Final = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the data is; a folder's path ends with `/`, and `files` lists the first of the `file_count` in it."""

    path: str
    name: str
    size: int | None = None
    sha256: str | None = None
    files: list[dict[str, Any]] | None = None
    file_count: int | None = None


def store_data(catalogue: Catalogue, key: Key, artifact: dict[str, Any], work: Path) -> Stored:
    """Upload a file, a folder or a body; what lies at a remote path stays there and is referred to."""
    if artifact["remote"]:
        return Stored(artifact["remote"], Path(artifact["remote"]).name)
    if artifact["folder"]:
        return _folder(catalogue, key, local_path(artifact["folder"]))
    if artifact["file"]:
        file = local_path(artifact["file"])
        return _file(catalogue, key, file, _file_name(key, artifact["name"], file))
    body = artifact["body"]
    file = work / "body" / f"{key.name}{_suffix(artifact)}"
    file.parent.mkdir(exist_ok=True)
    file.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return _file(catalogue, key, file, file.name)


def _file_name(key: Key, logged_name: str, file: Path) -> str:
    """Return the name in the store: of a table the entity's with the suffix of its format, else the file's own.

    mlrun writes `x.csv` with `format="csv"` as `x.csv.csv`; here it is `x.csv`.
    """
    if key.type == "dataitem":
        return _with_suffix(key.name, _table_suffix(file))
    return logged_name if file.name == f"{logged_name}{Path(logged_name).suffix}" else file.name


def _table_suffix(file: Path) -> str:
    """Return the suffix of the file's format: mlrun may write Parquet under any name."""
    with file.open("rb") as data:
        is_parquet = data.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    return ".parquet" if is_parquet and file.suffix not in _PARQUET_SUFFIXES else file.suffix


def _with_suffix(name: str, suffix: str) -> str:
    return name if name.endswith(suffix) else f"{name}{suffix}"


def _file(catalogue: Catalogue, key: Key, file: Path, name: str) -> Stored:
    """Upload one file, under a name that is not that of the entity's own document."""
    name = escaped(name)
    path = f"{catalogue.folder(key)}/{f'data-{name}' if name == ENTITY_FILE else name}"
    catalogue.store.upload(path, file)
    return Stored(catalogue.store.uri(path), escaped(file.name), file.stat().st_size, file_sha256(file))


def _folder(catalogue: Catalogue, key: Key, folder: Path) -> Stored:
    prefix = f"{catalogue.folder(key)}/{key.name}"
    files = sorted((escaped(file.relative_to(folder).as_posix()), file) for file in folder.rglob("*") if file.is_file())

    def store(named: tuple[str, Path]) -> tuple[int, str]:
        name, file = named
        catalogue.store.upload(f"{prefix}/{name}", file)
        return file.stat().st_size, file_sha256(file)

    stored = [(name, *kept) for (name, _), kept in zip(files, each(files, store, at_once=_AT_ONCE), strict=True)]
    return Stored(
        f"{catalogue.store.uri(prefix)}/",
        escaped(folder.name),
        sum(size for _, size, _ in stored),
        listing_sha256((name, sha256) for name, _, sha256 in stored),
        [{"path": name, "size": size} for name, size, _ in stored[:_LISTED]],
        len(stored),
    )


def _suffix(artifact: dict[str, Any]) -> str:
    suffix = Path(artifact["name"]).suffix
    if suffix:
        return ""
    return f".{artifact['format'].lstrip('.')}" if artifact.get("format") else ".txt"
