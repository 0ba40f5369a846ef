"""The operator's ports hold a bounded number of connections, and go on answering."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from support.ports import free_port

from mlrun_operator.api.bounds import CONNECTIONS
from mlrun_operator.controller.http_server import serve


async def answer(_: web.Request) -> web.Response:
    return web.Response(text="well")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    port = free_port()
    serving = asyncio.create_task(serve(f"127.0.0.1:{port}", [web.get("/healthz", answer)]))
    async with asyncio.timeout(30):
        while await probe(port) is None:  # noqa: ASYNC110 - another task starts to listen
            await asyncio.sleep(0.01)
    yield port
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def probe(port: int) -> str | None:
    """The answer to a probe, None while nobody listens."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/healthz") as response:
            return await response.text()
    except aiohttp.ClientConnectionError:
        return None


async def test_idle_connections_are_bounded_and_probes_answered(port: int) -> None:
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3 * CONNECTIONS.limit)]
    answer = await probe(port)
    closed = [await _is_closed(reader) for reader, _ in idle]
    for _, writer in idle:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in idle), return_exceptions=True)
    assert answer == "well"
    assert closed.count(False) == CONNECTIONS.limit - 1
    assert closed == sorted(closed, reverse=True), "the oldest went first"


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.01):
            return await reader.read(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def test_a_connection_serves_request_after_request(port: int) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        for _ in range(2 * CONNECTIONS.limit):
            async with session.get(f"http://127.0.0.1:{port}/healthz") as response:
                assert response.status == 200


async def test_two_servers_do_not_share_a_port(port: int) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await serve(f"127.0.0.1:{port}", [])
