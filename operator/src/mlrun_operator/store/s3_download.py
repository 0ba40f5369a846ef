"""One S3 object into a file: small ones by one request, large ones by several ranged requests side by side.

Only GET is used, since a HEAD may be refused. Memory does not grow with the object: pieces go to the file at their
place as they come, and are hashed behind, in order, from the page cache. What broke goes on where it broke.
"""

import contextlib
import hashlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Final

import botocore.exceptions as boto_errors
import urllib3.exceptions as wire_errors

from mlrun_operator.store.base import Downloaded
from mlrun_operator.store.pace import Pace, TooSlowError

PART: Final = 16 << 20
_CONNECTIONS: Final = 4
# What is read and what is hashed at a time. Both stay in a core's cache: with 1 MiB and 8 MiB a GiB costs 2.4 s of CPU,
# with these 1.35 s, and boto3's own download, which hashes nothing, 1.6 s.
_PIECE: Final = 256 << 10
_STEP: Final = 2 << 20
_PATIENCE: Final = 1.0
_EMPTY: Final = {"416", "InvalidRange"}

# A broken connection; a server that cannot be reached at all has been tried again by the client.
_BROKEN: Final = (boto_errors.HTTPClientError, boto_errors.IncompleteReadError)

# Called with the bytes that came; what it raises ends the download.
Watch = Callable[[int], None]


@dataclass(slots=True)
class Part:
    """The bytes from `start` to before `end`; those before `at` are in the file."""

    start: int
    end: int
    at: int
    pace: Pace = field(default_factory=Pace)


class _AbandonedError(Exception):
    """Nobody waits for the rest."""


class ObjectDownload:
    """One download.

    `attempts` is how often a part may fail without one byte more, or be too slow, before it counts as unavailable.
    """

    def __init__(self, client: Any, bucket_key: tuple[str, str], file: Path, *, attempts: int, watch: Watch) -> None:
        self._client = client
        self._object = dict(zip(("Bucket", "Key"), bucket_key, strict=True))
        self._path = file
        self._attempts = max(attempts, 1)
        self._watch = watch
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        self._parts: list[Part] = []
        self._waiting: list[Part] = []

    def fetch(self) -> Downloaded:
        """Fetch it into the file. Raises botocore's errors, and what `watch` raises."""
        answer, size = self._first()
        self._object["IfMatch"] = answer["ETag"]
        ends = [*range(PART, size, PART), size]
        self._parts = [Part(start, end, start) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        with self._path.open("wb") as file:
            file.truncate(size)
        try:
            if len(self._parts) == 1:
                with self._path.open("r+b", buffering=0) as file:
                    self._fill(file, self._parts[0], answer["Body"])
            else:
                self._start(answer["Body"])
            digest = self._hash()
        finally:
            self._end(_AbandonedError())
        return Downloaded(size, digest, answer.get("ContentType") or "", answer.get("ContentEncoding") or "")

    def _first(self) -> tuple[dict[str, Any], int]:
        """The answer to the first part's request, and the object's size."""
        try:
            answer = self._client.get_object(**self._object, Range=f"bytes=0-{PART - 1}")
        except boto_errors.ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _EMPTY:
                raise
            answer = self._client.get_object(**self._object)  # an empty object has no first byte
        span = answer.get("ContentRange")
        size = str(answer["ContentLength"]) if span is None else span.rpartition("/")[2]
        if not size.isdigit():
            raise boto_errors.ResponseStreamingError(error=f"it answered with the range {span!r}")
        return answer, int(size)

    def _start(self, first: Any) -> None:
        self._waiting = self._parts[:0:-1]
        for number in range(min(_CONNECTIONS, len(self._parts))):
            arguments = (self._parts[0], first) if number == 0 else (self._next(), None)
            threading.Thread(target=self._work, args=arguments, daemon=True).start()

    def _hash(self) -> str:
        digest, buffer = hashlib.sha256(), memoryview(bytearray(min(_STEP, self._parts[-1].end)))
        with self._path.open("rb", buffering=0) as file:
            at = 0
            for part in self._parts:
                while at < part.end:
                    end = self._wait_beyond(part, at)
                    while at < end:
                        size = file.readinto(buffer[: end - at]) or 0
                        digest.update(buffer[:size])
                        at += size
        return digest.hexdigest()

    def _wait_beyond(self, part: Part, at: int) -> int:
        """How far the part is, once it is further than `at` by a step or complete."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure is not None or part.at >= min(at + _STEP, part.end))
            if self._failure is not None:
                raise self._failure
            return part.at

    def _work(self, part: Part | None, body: Any) -> None:
        """A thread: one part after the other."""
        try:
            with self._path.open("r+b", buffering=0) as file:
                while part is not None:
                    self._fill(file, part, body)
                    part, body = self._next(), None
        except BaseException as error:
            self._end(error)

    def _next(self) -> Part | None:
        with self._changed:
            return self._waiting.pop() if self._waiting else None

    def _end(self, failure: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or failure
            self._waiting.clear()
            self._changed.notify_all()

    def _fill(self, file: FileIO, part: Part, body: Any) -> None:
        """Fetch what is missing of a part, again and again while that brings it on."""
        failures = slow = 0
        while part.at < part.end:
            before = part.at
            try:
                self._stream(file, part, body or self._open(part))
            except _BROKEN as error:
                failures = 1 if part.at > before else failures + 1
                slow += isinstance(error.__cause__, TooSlowError)
                if max(failures, slow) >= self._attempts:
                    raise
                time.sleep(min(0.25 * 2**failures, 8) * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads tries
            body = None

    def _open(self, part: Part) -> Any:
        return self._client.get_object(**self._object, Range=f"bytes={part.at}-{part.end - 1}")["Body"]

    def _stream(self, file: FileIO, part: Part, body: Any) -> None:
        file.seek(part.at)
        part.pace.begin()
        with contextlib.closing(body):
            while part.at < part.end and (data := _piece(body, part)):
                if self._failure is not None:
                    raise _AbandonedError
                _write(file, data)
                self._watch(len(data))
                with self._changed:
                    part.at += len(data)
                    if part.at == part.end or (part.at - part.start) % _STEP < len(data):
                        self._changed.notify_all()
        if part.at < part.end:
            raise boto_errors.ResponseStreamingError(error=f"it broke at byte {part.at} of {part.end}")


def _write(file: FileIO, data: bytes) -> None:
    """All of it: a disk that is filling up takes a part before it refuses."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _piece(body: Any, part: Part) -> bytes:
    """A piece, or what came of it in a second: botocore's own read waits until all is. Raises botocore's errors.

    TLS hands out some kilobytes at a time; writing and counting each of them would cost more than reading it.
    """
    wanted, came, began = min(_PIECE, part.end - part.at), list[bytes](), time.monotonic()
    while wanted > 0 and time.monotonic() - began < _PATIENCE:
        try:
            data = _some(body._raw_stream, wanted, part.pace)
        except (wire_errors.HTTPError, OSError, TooSlowError) as error:
            if came and not isinstance(error, TooSlowError):
                break  # what came counts; the next read meets the broken stream
            raise boto_errors.ResponseStreamingError(error=error) from error
        if not data:
            break
        came.append(data)
        wanted -= len(data)
    return came[0] if len(came) == 1 else b"".join(came)


def _some(stream: Any, wanted: int, pace: Pace) -> bytes:
    """What is there, counted."""
    read = getattr(stream, "read1", stream.read)  # urllib3 1 has none
    try:
        data: bytes = read(wanted)
    except (wire_errors.HTTPError, OSError):
        pace(0)
        raise
    pace(len(data))
    return data
