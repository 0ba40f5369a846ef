"""The code in a local file as text: Python in whichever encoding it declares. Pure."""

import codecs
import io
import re
import tokenize
from pathlib import Path
from typing import Final

from mlrun_operator.sdk.errors import InvalidArgument

_COOKIE: Final = re.compile(r"(^[ \t\f]*#.*?coding[:=][ \t]*)[-\w.]+", re.ASCII)
_HINT: Final = "Save it as UTF-8, or name its encoding in its first line: # -*- coding: latin-1 -*-"


def code_text(path: Path, data: bytes) -> str:
    """The file's text. A cookie of PEP 263 and the mark of UTF-16 are read; the text then declares UTF-8.

    Raises InvalidArgument that names the file where it cannot be decoded.
    """
    encoding = _encoding(path, data)
    try:
        text = data.decode(encoding)
    except (UnicodeError, LookupError):
        raise InvalidArgument("source.source", f"{path} is no text in {encoding}", hint=_HINT) from None
    return text if encoding == "utf-8" else declared_utf8(text)


def _encoding(path: Path, data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError as error:
        raise InvalidArgument("source.source", f"{path}: {error.msg}", hint=_HINT) from None


def declared_utf8(text: str) -> str:
    """Return the code with a cookie that says UTF-8, where it has one."""
    lines = text.splitlines(keepends=True)
    return "".join([*(_COOKIE.sub(r"\1utf-8", line) for line in lines[:2]), *lines[2:]])
