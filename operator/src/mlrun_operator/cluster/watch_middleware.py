"""A middleware for kopf's session that reports the activity of the watches to a listener and keeps them alive.

kopf continues after broken connections, 403, 429, 5xx, and a 410 inside a stream. Any other refusal of a list or watch,
and any other error inside a stream, would end the watch; a 401 would even end the session. The middleware turns such a
response into one after which kopf continues: a failed connection, which it retries, or a resource version that is too
old, after which it lists again.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol, cast

import aiohttp

# Codes that kopf itself retries, besides every 5xx.
_RETRIED_BY_KOPF: Final = (403, 429)
# Codes of a watch after which only a new list helps.
_RELIST: Final = (400, 404, 410)
_EXPIRED: Final = b'{"type": "ERROR", "object": {"code": 410}}'


class WatchListener(Protocol):
    """A listener for the activity of the watches. `path` is the collection's URL path."""

    def on_activity(self, path: str) -> None:
        """Handle a watch that started, or received an event or a bookmark."""

    def on_relist(self, path: str) -> None:
        """Handle the first page of a watch's list: no event reports what was deleted before it."""

    def on_list_page(self, path: str) -> None:
        """Handle a page of a watch's list."""

    def on_failure(self, path: str, code: int, message: str) -> None:
        """Handle a request that got an error, or no response (code 0)."""

    def is_refused(self, path: str) -> bool:
        """Return whether requests for the collection are paused."""


class RefusedError(aiohttp.ClientConnectionError):
    """The API server refused the request. kopf handles it as a failed connection."""


class StaleListError(aiohttp.ClientPayloadError):
    """The next page of a list has expired. kopf handles it as a broken list and starts again."""


class WatchMiddleware:
    """The middleware of kopf's session. Each watch starts at most once in `pace` seconds."""

    def __init__(self, listener: WatchListener, pace: float = 1.0) -> None:
        self._listener = listener
        self._pace_seconds = pace
        self._started: dict[str, float] = {}

    async def __call__(self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send the request. Raises RefusedError and StaleListError."""
        path, query = request.url.path, request.url.query
        if self._listener.is_refused(path):
            raise RefusedError(f"{path}: not requested, because the API server refuses it")
        if query.get("watch") == "true":
            await self._pace(path)
            return await self._watch_response(path, await self._send(path, request, send))
        response = await self._accept(path, await self._send(path, request, send))
        if response.status < 400:
            self._listener.on_list_page(path)
            if "continue" not in query:
                self._listener.on_relist(path)
        return response

    async def _send(
        self, path: str, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        try:
            response = await send(request)
        except (aiohttp.ClientError, TimeoutError) as error:
            self._listener.on_failure(path, 0, str(error) or "timed out")
            raise
        if response.status >= 400:
            self._listener.on_failure(path, response.status, f"{response.status} {response.reason}")
        return response

    async def _pace(self, path: str) -> None:
        delay = self._started.get(path, 0.0) + self._pace_seconds - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
        self._started[path] = time.monotonic()

    async def _watch_response(self, path: str, response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
        if response.status in _RELIST:
            response.status = 200
            response.content = cast("aiohttp.StreamReader", _Expired())
        elif (await self._accept(path, response)).status < 400:
            self._listener.on_activity(path)
            response.content = cast("aiohttp.StreamReader", _Stream(response.content, path, self._listener))
        return response

    async def _accept(self, path: str, response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
        """Return the response if kopf continues after it. Raises RefusedError and StaleListError otherwise."""
        if response.status in _RETRIED_BY_KOPF or response.status >= 500:
            return response
        if response.status < 400 and response.content_type == "application/json":
            return response
        text = (await response.text(errors="replace"))[:300]
        error_type = StaleListError if response.status == 410 else RefusedError
        raise error_type(f"{path}: {response.status} {response.reason}: {text}")


class _Expired:
    """The stream of a watch whose resource version is too old."""

    async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        yield _EXPIRED + b"\n"


class _Stream:
    """A watch's stream of complete lines, in which each chunk counts as activity."""

    def __init__(self, stream: aiohttp.StreamReader, path: str, listener: WatchListener) -> None:
        self._stream = stream
        self._path = path
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield the complete lines of each chunk. A line that the end of the stream cuts off is dropped."""
        pending: list[bytes] = []
        async for chunk in self._stream.iter_chunked(size):
            self._listener.on_activity(self._path)
            if b"\n" not in chunk:
                pending.append(chunk)
                continue
            complete, remainder = (b"".join(pending) + chunk).rsplit(b"\n", 1)
            pending = [remainder]
            yield b"\n".join(_EXPIRED if _is_error(event) else event for event in complete.split(b"\n")) + b"\n"


def _is_error(event: bytes) -> bool:
    return b'"ERROR"' in event[:20]
