"""JSON as the API server sends it, and packed as the index stores it.

A Python object takes ten times the memory of its JSON text. The API server writes 1e20 as an integer of 21 digits,
which Python's decoder reads as an int and orjson as a float. Their hashes would differ, so an integer beyond 64 bits is
always read as a float here.
"""

import json
import sys
import zlib
from typing import Any, Final

import orjson

# Kubernetes accepts no deeper JSON. The fast decoder stops far earlier.
MAX_DEPTH: Final = 10_000
# Longer texts are mostly code, which compresses well. Compressing shorter ones is not worth the time.
_COMPRESS_ABOVE_BYTES: Final = 8192
# The first byte of compressed data.
_ZLIB_MARK: Final = 0x78


def decode(text: bytes) -> Any:
    """Return the value of a JSON text. Raises ValueError if it is not JSON."""
    try:
        return orjson.loads(text)
    except ValueError:
        return _decode_deep(text)


def encode(value: Any) -> bytes:
    """Return the value as JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()


def pack(value: Any) -> bytes:
    """Return the value in packed form. Raises ValueError if it is nested too deeply."""
    text = _checked_packable(value)
    # The text is copied, because the encoder's result keeps a buffer of several times its length.
    return zlib.compress(text, 1) if len(text) > _COMPRESS_ABOVE_BYTES else memoryview(text).tobytes()


def json_bytes(value: Any) -> int:
    """Return the length of the value as JSON. Raises ValueError if it is nested too deeply."""
    return len(_checked_packable(value))


def unpack(packed: bytes) -> Any:
    """Return a new value from its packed form."""
    return orjson.loads(zlib.decompress(packed) if packed[0] == _ZLIB_MARK else packed)


def _checked_packable(value: Any) -> bytes:
    """Return the JSON that is packed. Raises ValueError if the value is nested too deeply."""
    try:
        return _packable(value)
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _packable(value: Any) -> bytes:
    """Return JSON that the fast decoder can read: without large integers and lone surrogates."""
    try:
        return orjson.dumps(value)
    except TypeError:
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return orjson.dumps(orjson.loads(text))


def _decode_deep(text: bytes) -> Any:
    """Return the value of a text that is nested too deeply for the fast decoder, or is not JSON."""
    previous_limit = sys.getrecursionlimit()
    sys.setrecursionlimit(MAX_DEPTH + previous_limit)
    try:
        return json.loads(text, parse_int=_number)
    finally:
        sys.setrecursionlimit(previous_limit)


def _number(digits: str) -> int | float:
    """Return the number as the fast decoder reads it."""
    return int(digits) if len(digits) < 21 and -(2**63) <= int(digits) < 2**64 else float(digits)
