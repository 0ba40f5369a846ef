"""A middleware that measures the requests of kopf's session, like the API client measures its own."""

import time
from typing import Final

import aiohttp

from mlrun_operator.cluster.api_client import Observe
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS

_COLLECTIONS: Final = frozenset(resource.plural for resource in (RUNS, FUNCTIONS, CRON_JOBS, JOBS, PODS))
_DISCOVERY: Final = "discovery"


class MetricsMiddleware:
    """Measures LIST and WATCH of each collection, and GET for the discovery of resources."""

    def __init__(self, observe: Observe) -> None:
        self._observe = observe

    async def __call__(self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send the request and measure the time until the response's headers."""
        started, code = time.monotonic(), 0
        try:
            response = await send(request)
            code = response.status
            return response
        finally:
            self._observe(*_verb_and_resource(request), code, time.monotonic() - started)


def _verb_and_resource(request: aiohttp.ClientRequest) -> tuple[str, str]:
    collection = request.url.path.rpartition("/")[2]
    if collection not in _COLLECTIONS:
        return request.method, _DISCOVERY
    return ("WATCH" if request.url.query.get("watch") == "true" else "LIST"), collection
