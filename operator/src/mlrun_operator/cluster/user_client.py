"""The API client of the SDK and the CLI, which also watches objects and reads logs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp

from mlrun_operator.api.objects import Object
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.codec import decode
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import PODS, Resource

# The field manager of the SDK's and CLI's writes.
FIELD_MANAGER: Final = "mlrun-operator-sdk"
_APPLY_PARAMS: Final = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "force": "true"}
_WRITE_PARAMS: Final = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
# How long a watch lasts before the server ends it, and how long it may send nothing. Bookmarks come every minute.
_WATCH_SECONDS: Final = 300
_SILENCE_SECONDS: Final = 90.0
_LOG_END_SECONDS: Final = 10.0
_GONE_CODE: Final = 410


class UserApiClient(ApiClient):
    """The API server as a user's program uses it. Every method raises ApiError unless the request succeeds."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.connection = connection

    async def apply(self, resource: Resource, obj: Object, *, dry_run: bool = False) -> Object:
        """Apply the object by server-side apply, and take over fields of other managers."""
        meta = obj["metadata"]
        params = {**_APPLY_PARAMS, **({"dryRun": "All"} if dry_run else {})}
        url = resource.url(meta["namespace"], meta["name"])
        answer: Object = await self._request(
            "PATCH", resource, url, params=params, body=obj, content="application/apply-patch+yaml"
        )
        return answer

    async def submit(self, resource: Resource, obj: Object, *, dry_run: bool = False) -> Object:
        """Create the object. It is a conflict if its name is taken."""
        params = {**_WRITE_PARAMS, **({"dryRun": "All"} if dry_run else {})}
        url = resource.url(obj["metadata"]["namespace"])
        answer: Object = await self._request("POST", resource, url, params=params, body=obj)
        return answer

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """Apply a merge patch to the object."""
        url = resource.url(namespace, name)
        answer: Object = await self._request("PATCH", resource, url, params=_WRITE_PARAMS, body=patch)
        return answer

    async def remove(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete the object, and in the background the objects that it owns."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        await self._request("DELETE", resource, resource.url(namespace, name), body=body)

    async def read_list(self, resource: Resource, namespace: str, labels: str = "") -> tuple[str, list[Object]]:
        """Read the resource version to watch from, and the objects that match a label selector."""
        params = {"labelSelector": labels} if labels else {}
        answer = await self._request("GET", resource, resource.url(namespace), params=params)
        return str(answer["metadata"]["resourceVersion"]), list(answer["items"] or ())

    async def read_path(self, path: str) -> Any:
        """Return the response to a GET of any path."""
        return await self._request("GET", PODS, path)

    async def watch_events(
        self, resource: Resource, namespace: str, version: str, *, fields: str = "", labels: str = ""
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield the events of one watch until the server ends it: their type and object, bookmarks included.

        Raises ApiError with code 410 if `version` is too old, and with code 0 if the connection broke.
        """
        params = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        params |= {name: text for name, text in (("fieldSelector", fields), ("labelSelector", labels)) if text}
        async for event_text in self._text_lines(resource.url(namespace), params, silence=_SILENCE_SECONDS):
            event = decode(event_text)
            if event["type"] == "ERROR":
                raise ApiError.of(int(event["object"].get("code", 500)), event["object"], None)
            yield event["type"], event["object"]

    async def log(
        self, namespace: str, pod: str, container: str, *, follow: bool = False, since: str | None = None
    ) -> AsyncIterator[str]:
        """Yield the lines of a container's log, each with its time in front.

        `since` is a time in RFC 3339, in whole seconds.
        """
        params = {"container": container, "timestamps": "true"}
        params |= {"follow": "true"} if follow else {}
        params |= {"sinceTime": since} if since else {}
        async for log_line in self._text_lines(PODS.url(namespace, pod, "log"), params, silence=None):
            yield log_line.decode(errors="replace")

    async def log_end(self, namespace: str, pod: str, container: str, **only: int) -> list[str]:
        """Read the newest lines of a container's log.

        `only` are the API's own limits: `tailLines`, `sinceSeconds`, `limitBytes`.
        """
        params = {"container": container, **{name: str(value) for name, value in only.items()}}
        lines = self._text_lines(PODS.url(namespace, pod, "log"), params, silence=_LOG_END_SECONDS)
        return [line.decode(errors="replace") async for line in lines]

    async def _text_lines(self, url: str, params: dict[str, str], *, silence: float | None) -> AsyncIterator[bytes]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=silence)
        headers = {"Accept": "application/json, */*"}
        full_url = self.connection.server + url
        try:
            async with self.connection.session.get(
                full_url, params=params, headers=headers, timeout=timeout
            ) as response:
                if response.status >= 400:
                    body = _error_body(await response.read())
                    raise ApiError.of(response.status, body, response.headers.get("Retry-After"))
                remainder = b""
                async for chunk in response.content.iter_any():
                    *complete_lines, remainder = (remainder + chunk).split(b"\n")
                    for complete_line in complete_lines:
                        yield complete_line
                if remainder:
                    yield remainder
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise ApiError(0, "Unreachable", f"GET {url}: {error or 'timed out'}") from error


def too_old(error: ApiError) -> bool:
    """Return whether a watch must start again from a new list."""
    return error.code == _GONE_CODE


def _error_body(text: bytes) -> Any:
    try:
        return decode(text)
    except ValueError:
        return text.decode(errors="replace")[:500]
