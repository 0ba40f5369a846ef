"""A small HTTP server."""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import closing
from typing import cast

from aiohttp import web

from mlrun_operator.api import bounds


class NewestConnections:
    """A protocol factory that closes the oldest connection for one too many, since idle ones would stay for ever."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._connections: deque[web.RequestHandler] = deque()

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        connection = self._server()
        self._connections.append(connection)
        if len(self._connections) > bounds.CONNECTIONS.limit:
            self._connections.popleft().force_close()
        return connection


async def serve(listen: str, routes: Iterable[web.RouteDef]) -> None:
    """Serve the routes at `host:port` until cancelled. Raises OSError where it cannot listen there."""
    host, _, port = listen.rpartition(":")
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    factory = NewestConnections(cast(web.Server, runner.server))  # made by setup()
    try:
        server = await asyncio.get_running_loop().create_server(factory, host, int(port))
        with closing(server):
            await asyncio.Event().wait()
    finally:
        await runner.cleanup()
