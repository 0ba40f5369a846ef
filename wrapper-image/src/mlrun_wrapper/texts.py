"""Texts of Python may hold half a character: a byte of a Latin-1 file name, or a cut emoji. UTF-8 can hold none."""

from pathlib import Path
from urllib.parse import unquote


def whole(text: str) -> str:
    """The text with `?` for each half."""
    return text.encode("utf-8", "replace").decode()


def escaped(name: str) -> str:
    r"""The name with `\udce9` for a half, so that names that differ still do."""
    return name.encode("utf-8", "backslashreplace").decode()


def local_path(quoted: str) -> Path:
    """A path as the executor tells it: percent-encoded, since its bytes may be any."""
    return Path(unquote(quoted, errors="surrogateescape"))
