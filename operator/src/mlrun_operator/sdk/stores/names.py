"""Names of files on the reader's disk, for data that somebody else named. Pure."""

import re
from pathlib import PurePath, PurePosixPath
from typing import Final
from urllib.parse import unquote

from mlrun_operator.api import bounds
from mlrun_operator.api.values.names import short_hash
from mlrun_operator.api.visible import visible

# What some system takes for a separator, a drive or a pattern, and an escape that `visible` has made.
_UNSAFE: Final = re.compile(r'[/\\:*?"<>|]')
# Windows opens a device by these, whatever suffix follows.
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
# What begins like this is hidden, an option, or a home folder; what ends like this is another file on Windows.
_EDGES: Final = re.compile(r"^[\s.~-]+|[\s.]+$")
_MAX_BYTES: Final = bounds.FILE_NAME.limit
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,10}")
_PACKED: Final = (".gz", ".bz2", ".xz", ".zst", ".zip")


def safe_name(name: str) -> str:
    """Return the name as a file of any system may have it: in its folder, not hidden, not a device.

    Another name than was given ends with a hash of that, so that two names stay two.

    >>> safe_name("cars.csv")
    'cars.csv'
    >>> safe_name(".bashrc")
    '_bashrc-b0fddc'
    """
    clean = _EDGES.sub("_", _UNSAFE.sub("_", visible(name)).replace("\t", "_").replace("\n", "_")) or "_"
    clean = f"_{clean}" if _DEVICE.match(clean) else clean
    if clean == name and len(name.encode()) <= _MAX_BYTES:
        return name
    stem, suffix = _cut(clean)
    return f"{stem}-{short_hash(name.encode('utf-8', 'surrogatepass').hex())}{suffix}"


def safe_path(path: str) -> PurePath:
    """Return the relative path of a folder's file with each part made safe; `..` and empty parts are left out."""
    return PurePath(*(safe_name(part) for part in path.split("/") if part not in ("", ".", "..")))


def output_name(name: str, uri: str) -> str:
    """Return the local name of an entity's data: the entity's name, with the suffix that the data has.

    >>> output_name("cars", "s3://bucket/somewhere/0001.csv.gz")
    'cars.csv.gz'
    """
    stored = last_part(uri)
    if stored == name or stored.startswith(f"{name}."):
        return safe_name(stored)
    return safe_name(name + _suffix(stored))


def last_part(uri: str) -> str:
    """Return what the data at a URI is called there: the last part of its path, which may be empty."""
    scheme, sign, rest = uri.partition("://")
    if scheme.lower() in ("http", "https", "file"):
        return PurePosixPath(unquote(re.split("[?#]", rest, maxsplit=1)[0].partition("/")[2])).name
    return PurePosixPath(rest.partition("/")[2] if sign else uri).name


def _suffix(name: str) -> str:
    suffixes = PurePosixPath(name).suffixes
    kept = suffixes[-2:] if suffixes and suffixes[-1].lower() in _PACKED else suffixes[-1:]
    return "".join(kept) if all(map(_SUFFIX.fullmatch, kept)) else ""


def _cut(name: str) -> tuple[str, str]:
    """Return stem and suffix, of no more bytes together than a name may have with a hash between."""
    suffix = _suffix(name)
    stem = name.removesuffix(suffix).encode()[: _MAX_BYTES - 7 - len(suffix)].decode("utf-8", "ignore")
    return stem, suffix
