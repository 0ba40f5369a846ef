"""`/metrics`, as OpenMetrics where the client takes it, else as Prometheus' plain text."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from mlrun_operator.api import bounds
from mlrun_operator.controller.http_server import serve

_OPENMETRICS: Final = "application/openmetrics-text"


class MetricsText:
    """Renders the metrics once a second at most, so that clients cannot keep the event loop busy."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._rendered: dict[str, tuple[float, bytes]] = {}

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the text and its content type, for a client's Accept header."""
        # Versions and escapings of the header are the client's to choose: any number of formats.
        encoder, content_type = choose_encoder(_OPENMETRICS if _OPENMETRICS in accept else "")
        rendered_at, text = self._rendered.get(content_type, (-math.inf, b""))
        if self._clock() - rendered_at >= 1 / bounds.METRICS_TEXTS.limit:
            text = encoder(self._registry)
            self._rendered[content_type] = (self._clock(), text)
        return text, content_type


async def serve_metrics(listen: str, registry: CollectorRegistry) -> None:
    """Serve Prometheus until cancelled; without an address only wait."""
    if not listen:
        await asyncio.Event().wait()
    metrics = MetricsText(registry)

    async def answer(request: web.Request) -> web.Response:
        text, content_type = metrics.render(request.headers.get("Accept", ""))
        return web.Response(body=text, headers={"Content-Type": content_type})

    await serve(listen, [web.get("/metrics", answer)])
