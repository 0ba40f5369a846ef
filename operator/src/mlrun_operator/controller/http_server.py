"""A small HTTP server."""

import asyncio
from collections.abc import Iterable

from aiohttp import web


async def serve(listen: str, routes: Iterable[web.RouteDef]) -> None:
    """Serve the routes at `host:port` until cancelled. Raises OSError where it cannot listen there."""
    host, _, port = listen.rpartition(":")
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, int(port)).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
