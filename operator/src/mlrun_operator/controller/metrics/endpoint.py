"""`/metrics`, in the form that the asker prefers."""

import asyncio

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from mlrun_operator.controller.http_server import serve


async def serve_metrics(listen: str, registry: CollectorRegistry) -> None:
    """Answer Prometheus until cancelled; without an address nobody is answered."""
    if not listen:
        await asyncio.Event().wait()

    async def answer(request: web.Request) -> web.Response:
        encoder, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encoder(registry), headers={"Content-Type": kind})

    await serve(listen, [web.get("/metrics", answer)])
