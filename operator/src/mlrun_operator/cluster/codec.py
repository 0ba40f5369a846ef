"""JSON as the API server sends it, and as the index keeps it: packed, since a Python object is ten times its text.

The API server writes 1e20 as an integer of 21 digits. Python's reader makes an int of it and the fast one a float, and
a hash tells them apart. Here an integer beyond 64 bits is a float, also in what somebody else has read.
"""

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
        text = _packable(value)
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    # A copy: the encoder's own result keeps a buffer of several times its length.
    return zlib.compress(text, 1) if len(text) > _LONG else memoryview(text).tobytes()


def unpack(packed: bytes) -> Any:
    """What was packed, as a value of the caller's own."""
    return orjson.loads(zlib.decompress(packed) if packed[0] == _COMPRESSED else packed)


def _packable(value: Any) -> bytes:
    """The value as JSON that the fast decoder reads, without large integers and halves of characters."""
    try:
        return orjson.dumps(value)
    except TypeError:
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return orjson.dumps(orjson.loads(text))


def _decode_deep(text: bytes) -> Any:
    """The value of a text that is nested more deeply than the fast decoder goes, or is no JSON."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(DEPTH + before)
    try:
        return json.loads(text, parse_int=_number)
    finally:
        sys.setrecursionlimit(before)


def _number(digits: str) -> int | float:
    """As the fast decoder reads it."""
    return int(digits) if len(digits) < 21 and -(2**63) <= int(digits) < 2**64 else float(digits)
