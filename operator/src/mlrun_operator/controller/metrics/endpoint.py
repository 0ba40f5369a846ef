"""`/metrics`, in the format that the client prefers."""

import asyncio

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from mlrun_operator.controller.http_server import serve


async def serve_metrics(listen: str, registry: CollectorRegistry) -> None:
    """Serve Prometheus until cancelled; without an address only wait."""
    if not listen:
        await asyncio.Event().wait()

    async def answer(request: web.Request) -> web.Response:
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encoder(registry), headers={"Content-Type": content_type})

    await serve(listen, [web.get("/metrics", answer)])
