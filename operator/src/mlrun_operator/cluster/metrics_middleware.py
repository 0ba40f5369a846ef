"""The requests of a session that is not ours to wrap, told as those of the port are."""

import time
from typing import Final

import aiohttp

from mlrun_operator.cluster.api_client import Observe
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS

_COLLECTIONS: Final = frozenset(resource.plural for resource in (RUNS, FUNCTIONS, CRON_JOBS, JOBS, PODS))
_DISCOVERY: Final = "discovery"


class MetricsMiddleware:
    """A middleware for the session of the watches: LIST, WATCH, and the discovery of resources as GET."""

    def __init__(self, observe: Observe) -> None:
        self._observe = observe

    async def __call__(self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send the request; its time is that to the head of the answer."""
        started, code = time.monotonic(), 0
        try:
            response = await send(request)
            code = response.status
            return response
        finally:
            self._observe(*_told(request), code, time.monotonic() - started)


def _told(request: aiohttp.ClientRequest) -> tuple[str, str]:
    """Verb and resource."""
    collection = request.url.path.rpartition("/")[2]
    if collection not in _COLLECTIONS:
        return request.method, _DISCOVERY
    return ("WATCH" if request.url.query.get("watch") == "true" else "LIST"), collection
