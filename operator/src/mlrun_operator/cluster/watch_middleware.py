"""kopf's session, listened to: what it keeps to itself is told, and what would end its watches is put in its words.

kopf goes on after broken connections, 403, 429, 5xx, and a 410 inside a stream. Any other refusal of a listing or a
watch, and any other error inside a stream, would end the watch, a 401 even the session. Here such an answer becomes one
that it goes on after: a connection that failed, which it tries again, or a resource version that is too old, after
which it lists anew.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol, cast

import aiohttp

# Refusals that kopf tries again by itself, besides every 5xx.
_TRIED_AGAIN: Final = (403, 429)
# Refusals of a watch after which only a new listing can help.
_LISTED_ANEW: Final = (400, 404, 410)
_EXPIRED: Final = b'{"type": "ERROR", "object": {"code": 410}}'


class WatchListener(Protocol):
    """Hears what happens on the watches. `path` is the collection's URL path."""

    def on_activity(self, path: str) -> None:
        """A watch started, or received an event or a bookmark."""

    def on_relist(self, path: str) -> None:
        """The collection was listed for a watch to start from there; what was deleted before is not told."""


class RefusedError(aiohttp.ClientConnectionError):
    """Not what the API server answers to a request that can succeed; to kopf a connection that failed."""


class StaleListError(aiohttp.ClientPayloadError):
    """The rest of a listing has expired; to kopf one that broke off, to be begun anew."""


class WatchMiddleware:
    """A middleware for the session that kopf is given. A watch starts at most once in `pace` seconds."""

    def __init__(self, listener: WatchListener, pace: float = 1.0) -> None:
        self._listener = listener
        self._pace_seconds = pace
        self._started: dict[str, float] = {}

    async def __call__(self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send the request. Raises RefusedError and StaleListError."""
        path, query = request.url.path, request.url.query
        if query.get("watch") == "true":
            await self._pace(path)
            return await self._watched(path, await send(request))
        response = await self._accepted(path, await send(request))
        if response.status < 400 and "continue" not in query:
            self._listener.on_relist(path)
        return response

    async def _pace(self, path: str) -> None:
        early = self._started.get(path, 0.0) + self._pace_seconds - time.monotonic()
        if early > 0:
            await asyncio.sleep(early)
        self._started[path] = time.monotonic()

    async def _watched(self, path: str, response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
        if response.status in _LISTED_ANEW:
            response.status = 200
            response.content = cast("aiohttp.StreamReader", _Expired())
        elif (await self._accepted(path, response)).status < 400:
            self._listener.on_activity(path)
            response.content = cast("aiohttp.StreamReader", _Stream(response.content, path, self._listener))
        return response

    async def _accepted(self, path: str, response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
        """The response, if kopf goes on after it."""
        if response.status in _TRIED_AGAIN or response.status >= 500:
            return response
        if response.status < 400 and response.content_type == "application/json":
            return response
        said = (await response.text(errors="replace"))[:300]
        kind = StaleListError if response.status == 410 else RefusedError
        raise kind(f"{path}: {response.status} {response.reason}: {said}")


class _Expired:
    """The stream of a watch whose resource version is of no use."""

    async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        yield _EXPIRED + b"\n"


class _Stream:
    """A watch's stream in whole lines, each chunk of it told."""

    def __init__(self, stream: aiohttp.StreamReader, path: str, listener: WatchListener) -> None:
        self._stream = stream
        self._path = path
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Lines that came together. One that is cut off at the stream's end is not handed out."""
        rest: list[bytes] = []
        async for chunk in self._stream.iter_chunked(size):
            self._listener.on_activity(self._path)
            if b"\n" not in chunk:
                rest.append(chunk)
                continue
            whole, last = (b"".join(rest) + chunk).rsplit(b"\n", 1)
            rest = [last]
            yield b"\n".join(_EXPIRED if _is_error(line) else line for line in whole.split(b"\n")) + b"\n"


def _is_error(line: bytes) -> bool:
    return b'"ERROR"' in line[:20]
