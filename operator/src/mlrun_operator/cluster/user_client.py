"""The client of people's programs: what SDK and CLI ask of the API server, watches and logs included."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp

from mlrun_operator.cluster.api_client import ApiClient, Object
from mlrun_operator.cluster.codec import decode
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import PODS, Resource

# The field manager of what people's programs write.
CLIENT: Final = "mlrun-operator-sdk"
_FORCED: Final = {"fieldManager": CLIENT, "fieldValidation": "Strict", "force": "true"}
_WRITE: Final = {"fieldManager": CLIENT, "fieldValidation": "Strict"}
# How long a watch lasts before the server ends it, and how long it may be silent (bookmarks come each minute).
_WATCH_SECONDS: Final = 300
_SILENCE_SECONDS: Final = 90.0
_GONE: Final = 410


class Client(ApiClient):
    """Kubernetes as a user's program needs it. Every method raises ApiError for an answer that is not a success."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.connection = connection

    async def apply(self, resource: Resource, obj: Object, *, dry_run: bool = False) -> Object:
        """Create the object or make it so: server-side apply, whoever set a field before."""
        meta = obj["metadata"]
        params = {**_FORCED, **({"dryRun": "All"} if dry_run else {})}
        url = resource.url(meta["namespace"], meta["name"])
        answer: Object = await self._request(
            "PATCH", resource, url, params=params, body=obj, content="application/apply-patch+yaml"
        )
        return answer

    async def submit(self, resource: Resource, obj: Object, *, dry_run: bool = False) -> Object:
        """Create the object; one of its name is a conflict."""
        params = {**_WRITE, **({"dryRun": "All"} if dry_run else {})}
        url = resource.url(obj["metadata"]["namespace"])
        answer: Object = await self._request("POST", resource, url, params=params, body=obj)
        return answer

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """Change what the merge patch says."""
        url = resource.url(namespace, name)
        answer: Object = await self._request("PATCH", resource, url, params=_WRITE, body=patch)
        return answer

    async def remove(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete the object and what it owns, in the background."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        await self._request("DELETE", resource, resource.url(namespace, name), body=body)

    async def read_list(self, resource: Resource, namespace: str, labels: str = "") -> tuple[str, list[Object]]:
        """Read the objects that a label selector picks, and the resource version to watch from."""
        params = {"labelSelector": labels} if labels else {}
        answer = await self._request("GET", resource, resource.url(namespace), params=params)
        return str(answer["metadata"]["resourceVersion"]), list(answer["items"] or ())

    async def read_path(self, path: str) -> Any:
        """Return the answer to a GET of any path."""
        return await self._request("GET", PODS, path)

    async def watch_events(
        self, resource: Resource, namespace: str, version: str, *, fields: str = "", labels: str = ""
    ) -> AsyncIterator[tuple[str, Object]]:
        """Watch once: yield ADDED, MODIFIED, DELETED and BOOKMARK with the objects, until the server ends it.

        Raises ApiError with code 410 where `version` is too old, and with code 0 where the connection broke.
        """
        params = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        params |= {name: text for name, text in (("fieldSelector", fields), ("labelSelector", labels)) if text}
        async for line in self._lines(resource.url(namespace), params, silence=_SILENCE_SECONDS):
            event = decode(line)
            if event["type"] == "ERROR":
                raise ApiError.of(int(event["object"].get("code", 500)), event["object"], None)
            yield event["type"], event["object"]

    async def log(
        self, namespace: str, pod: str, container: str, *, follow: bool = False, since: str | None = None
    ) -> AsyncIterator[str]:
        """Read a container's log by lines, each behind its time. `since` is a time in RFC 3339, of whole seconds."""
        params = {"container": container, "timestamps": "true"}
        params |= {"follow": "true"} if follow else {}
        params |= {"sinceTime": since} if since else {}
        async for line in self._lines(PODS.url(namespace, pod, "log"), params, silence=None):
            yield line.decode(errors="replace")

    async def _lines(self, url: str, params: dict[str, str], *, silence: float | None) -> AsyncIterator[bytes]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=silence)
        headers = {"Accept": "application/json, */*"}
        target = self.connection.server + url
        try:
            async with self.connection.session.get(target, params=params, headers=headers, timeout=timeout) as answer:
                if answer.status >= 400:
                    body = _error_body(await answer.read())
                    raise ApiError.of(answer.status, body, answer.headers.get("Retry-After"))
                rest = b""
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield line
                if rest:
                    yield rest
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise ApiError(0, "Unreachable", f"GET {url}: {error or 'timed out'}") from error


def too_old(error: ApiError) -> bool:
    """Return whether a watch has to start anew from a fresh reading."""
    return error.code == _GONE


def _error_body(text: bytes) -> Any:
    try:
        return decode(text)
    except ValueError:
        return text.decode(errors="replace")[:500]
