"""A file that grows by one HTTP answer after the other, where the server can go on in the middle."""

import hashlib
import http.client
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from mlrun_operator.store.pace import Pace

_CHUNK: Final = 256 << 10  # stays in a core's cache
_SPAN: Final = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class BrokenOffError(Exception):
    """The connection broke before the end."""


class TooLargeError(Exception):
    """The server sends more than the limit, which is its text."""


class Transfer:
    """What has come so far. `watch` is told the number of bytes of every piece; what it raises ends the transfer.

    `reached` is the most that was ever there: it tells whether an attempt has brought anything.
    """

    def __init__(self, file: Path, limit: int | None, watch: Callable[[int], None]) -> None:
        self._file = file
        self._limit = limit
        self._watch = watch
        self._validator: str | None = None
        self._digest = hashlib.sha256()
        self._pace = Pace()
        self.size = 0
        self.reached = 0

    @property
    def sha256(self) -> str:
        """Of what has come."""
        return self._digest.hexdigest()

    def headers(self) -> dict[str, str]:
        """What to ask for: the rest, of a page that can be told from a newer one."""
        if not self.size or self._validator is None:
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self._validator}

    def restart(self) -> None:
        """Forget what has come."""
        self.size, self._digest, self._validator = 0, hashlib.sha256(), None

    def take(self, answer: http.client.HTTPResponse) -> None:
        """Add an answer: the rest or, from a server that knows no ranges, the whole.

        Raises BrokenOffError, TooLargeError and TooSlowError.
        """
        span = _SPAN.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT or span is None or int(span[1]) != self.size:
            self.restart()
        if answer.status == http.HTTPStatus.PARTIAL_CONTENT and not self.size:
            raise BrokenOffError("the server answered with another part than the one that was asked for")
        etag = answer.headers.get("ETag", "")
        self._validator = etag if etag.startswith('"') else answer.headers.get("Last-Modified")
        announced, before = answer.headers.get("Content-Length"), self.size
        with self._file.open("ab" if self.size else "wb") as target:
            self._copy(answer, target)
        if announced is not None and announced.isdigit() and self.size - before != int(announced):
            raise BrokenOffError(f"the connection broke after {self.size} of {before + int(announced)} bytes")

    def _copy(self, answer: http.client.HTTPResponse, target: IO[bytes]) -> None:
        self._pace.begin()
        while data := self._piece(answer):
            self._pace(len(data))
            target.write(data)
            self._digest.update(data)
            self.size += len(data)
            self.reached = max(self.reached, self.size)
            if self._limit is not None and self.size > self._limit:
                raise TooLargeError(self._limit)
            self._watch(len(data))

    def _piece(self, answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.read1(_CHUNK)
        except (OSError, http.client.HTTPException):
            self._pace(0)
            raise
