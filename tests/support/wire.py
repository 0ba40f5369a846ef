"""The operator's port to an API server that a test plays."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import aiohttp
from aiohttp import web
from kubernetes.aio.client import ApiClient as KubernetesClient

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection


@asynccontextmanager
async def port_to(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[ApiClient]:
    """A port whose every request `answer` answers."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield ApiClient(Connection(url, session, cast("KubernetesClient", None)))
    finally:
        await runner.cleanup()
