"""JSON as the API server sends it, and as the index keeps it: packed, since a Python object is ten times its text."""

import json
import sys
import zlib
from typing import Any, Final

import orjson

# Kubernetes itself takes no deeper JSON; the fast decoder stops far earlier.
DEPTH: Final = 10_000
# A longer text is mostly code, which compresses well; for a shorter one it is not worth the time.
_LONG: Final = 8192
_COMPRESSED: Final = 0x78


def decode(text: bytes) -> Any:
    """The value. Raises ValueError for what is no JSON."""
    try:
        return orjson.loads(text)
    except ValueError:
        return _decode_deep(text)


def encode(value: Any) -> bytes:
    """The value as JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()


def pack(value: Any) -> bytes:
    """The value in little memory. Raises ValueError where it is nested absurdly."""
    try:
        text = orjson.dumps(value)
    except TypeError as error:
        raise ValueError(str(error)) from None
    # A copy: the encoder's own result keeps a buffer of several times its length.
    return zlib.compress(text, 1) if len(text) > _LONG else memoryview(text).tobytes()


def unpack(packed: bytes) -> Any:
    """What was packed, as a value of the caller's own."""
    return orjson.loads(zlib.decompress(packed) if packed[0] == _COMPRESSED else packed)


def _decode_deep(text: bytes) -> Any:
    """The value of a text that is nested more deeply than the fast decoder goes, or is no JSON."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(DEPTH + before)
    try:
        return json.loads(text)
    finally:
        sys.setrecursionlimit(before)
