"""A small HTTP listener."""

import asyncio
from collections.abc import Iterable

from aiohttp import web


async def serve(listen: str, routes: Iterable[web.RouteDef]) -> None:
    """Answer at `host:port` until cancelled. Raises OSError where the address cannot be had."""
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
