"""A middleware that measures requests of kopf's session, as the API client measures its own."""

import time
from typing import Final

import aiohttp

from mlrun_operator.cluster.api_client import Observe
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS

_COLLECTIONS: Final = frozenset(resource.plural for resource in (RUNS, FUNCTIONS, CRON_JOBS, JOBS, PODS))
_DISCOVERY: Final = "discovery"


class MetricsMiddleware:
    """Observes LIST and WATCH of each collection, and the discovery of resources as GET."""

    def __init__(self, observe: Observe) -> None:
        self._observe = observe

    async def __call__(self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send the request and observe the time to the head of the answer."""
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
