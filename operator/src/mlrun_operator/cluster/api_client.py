"""The port to the API server: the few requests that the operator makes, raw."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final

import aiohttp

from mlrun_operator.api import constants
from mlrun_operator.cluster.codec import decode, encode
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import EVENTS, OPENAPI, Resource

Object = dict[str, Any]
# Told verb, plural, HTTP code and seconds of every request.
Observe = Callable[[str, str, int, float], None]

REQUEST_SECONDS: Final = 30
_TIMEOUT: Final = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=5)
_ONLY_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# Objects in one answer of a long listing.
_PAGE: Final = 500
_WRITE: Final = {"fieldManager": constants.MANAGER, "fieldValidation": "Strict"}


class ApiClient:
    """Kubernetes, as far as the operator needs it. Every method raises ApiError for an answer that is no success."""

    def __init__(
        self,
        connection: Connection,
        observe: Observe = lambda *_: None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connection = connection
        self._observe = observe
        self._may_write = may_write

    async def read(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object as it is now."""
        answer: Object = await self._request("GET", resource, resource.url(namespace, name))
        return answer

    async def read_all(self, resource: Resource, namespace: str | None = None, labels: str = "") -> list[Object]:
        """The objects that a label selector picks, read directly."""
        params = {"labelSelector": labels} if labels else {}
        return _items(await self._request("GET", resource, resource.url(namespace), params=params))

    async def pages(
        self, resource: Resource, namespace: str | None, labels: str
    ) -> AsyncIterator[tuple[list[Object], int]]:
        """All objects that a label selector picks, some hundred at a time, and the listing's resource version."""
        params = {"limit": str(_PAGE), **({"labelSelector": labels} if labels else {})}
        async for answer in self._all_pages(resource, namespace, params):
            yield _items(answer), int(answer["metadata"]["resourceVersion"])

    async def _all_pages(
        self, resource: Resource, namespace: str | None, params: dict[str, str], accept: str = "application/json"
    ) -> AsyncIterator[Object]:
        more: str | None = ""
        while more is not None:
            asked = {**params, "continue": more} if more else params
            answer = await self._request("GET", resource, resource.url(namespace), params=asked, accept=accept)
            yield answer
            more = answer["metadata"].get("continue") or None

    async def read_uids(self, resource: Resource, namespace: str | None, labels: str) -> tuple[int, set[str]]:
        """The uids of all objects that a label selector picks, and the resource version at which that was so."""
        params = {"limit": "5000", **({"labelSelector": labels} if labels else {})}
        version, uids = 0, set[str]()
        async for answer in self._all_pages(resource, namespace, params, accept=_ONLY_METADATA):
            version = int(answer["metadata"]["resourceVersion"])
            uids.update(item["metadata"]["uid"] for item in _items(answer))
        return version, uids

    async def serves(self, resource: Resource) -> bool:
        """Whether the API server knows the resource."""
        try:
            answer = await self._request("GET", resource, resource.url().rsplit("/", 1)[0])
        except ApiError as error:
            if error.not_found:
                return False
            raise
        return any(served["name"] == resource.plural for served in answer["resources"])

    async def read_openapi(self, api_version: str) -> Object:
        """Return the OpenAPI v3 document of a group and version, which every authenticated user may read."""
        answer: Object = await self._request("GET", OPENAPI, f"/openapi/v3/apis/{api_version}")
        return answer

    async def create(self, resource: Resource, obj: Object) -> Object:
        """Create the object; unknown fields are refused."""
        url = resource.url(obj["metadata"]["namespace"])
        answer: Object = await self._request("POST", resource, url, params=_WRITE, body=obj)
        return answer

    async def replace(self, resource: Resource, obj: Object) -> Object:
        """Write the whole object over the state that it was read in: a conflict where it has changed since."""
        url = resource.url(obj["metadata"]["namespace"], obj["metadata"]["name"])
        answer: Object = await self._request("PUT", resource, url, params=_WRITE, body=obj)
        return answer

    async def replace_status(self, resource: Resource, obj: Object, status: Object) -> Object:
        """Write the whole status as it was decided on `obj`: a conflict where it has changed since."""
        meta = obj["metadata"]
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {name: meta[name] for name in ("name", "namespace", "uid", "resourceVersion")},
            "status": status,
        }
        url = resource.url(meta["namespace"], meta["name"], "status")
        answer: Object = await self._request("PUT", resource, url, params=_WRITE, body=body)
        return answer

    async def patch(self, resource: Resource, obj: Object, changes: Object, *, any_state: bool = False) -> Object:
        """Merge changes into the object as they were decided on this state of it: a conflict where it has changed.

        With `any_state` only another object of its name is a conflict.
        """
        meta = obj["metadata"]
        wanted = "uid" if any_state else "resourceVersion"
        body = {**changes, "metadata": {**changes.get("metadata", {}), wanted: meta[wanted]}}
        url = resource.url(meta["namespace"], meta["name"])
        answer: Object = await self._request("PATCH", resource, url, params=_WRITE, body=body)
        return answer

    async def delete(self, resource: Resource, obj: Object) -> None:
        """Delete exactly this object with its pods: another one of its name, or a newer state, is a conflict."""
        meta = obj["metadata"]
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]},
        }
        await self._request("DELETE", resource, resource.url(meta["namespace"], meta["name"]), body=body)

    async def events_of(self, namespace: str, uids: Iterable[str]) -> list[Object]:
        """The events of objects, by their uids."""
        found: list[Object] = []
        for uid in uids:
            params = {"fieldSelector": f"involvedObject.uid={uid}"}
            found += _items(await self._request("GET", EVENTS, EVENTS.url(namespace), params=params))
        return found

    async def our_events(self, namespace: str) -> set[str]:
        """The names of the namespace's events that this operator has posted and that still exist."""
        found: set[str] = set()
        params = {"limit": "5000", "fieldSelector": f"reportingComponent={constants.MANAGER}"}
        async for answer in self._all_pages(EVENTS, namespace, params, accept=_ONLY_METADATA):
            found.update(item["metadata"]["name"] for item in _items(answer))
        return found

    async def post_event(self, event: Object) -> bool:
        """Post an event of ours; whether it is new. One that was posted before is left as it is."""
        try:
            await self.create(EVENTS, event)
        except ApiError as error:
            if not error.already_exists:
                raise
            return False
        return True

    async def _request(  # noqa: PLR0913 - the parts of a request
        self,
        verb: str,
        resource: Resource,
        url: str,
        *,
        params: dict[str, str] | None = None,
        body: Object | None = None,
        accept: str = "application/json",
        content: str = "",
    ) -> Any:
        if verb != "GET" and not self._may_write():
            raise ApiError(0, "NotLeading", "the lease is not renewed: another process may lead")
        started, code = time.monotonic(), 0
        headers = {
            "Accept": accept,
            "Content-Type": content or ("application/merge-patch+json" if verb == "PATCH" else "application/json"),
        }
        data = encode(body) if body is not None else None
        target = self._connection.server + url
        try:
            session = self._connection.session
            async with session.request(
                verb, target, params=params, data=data, headers=headers, timeout=_TIMEOUT
            ) as response:
                code, text = response.status, await response.read()
                if code >= 400:
                    raise _refusal(response, text)
                return _parsed(text, url)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(0, "Unreachable", f"{verb} {url}: {error or 'timed out'}") from error
        finally:
            self._observe(verb, resource.plural, code, time.monotonic() - started)


def _items(answer: Object) -> list[Object]:
    """The objects of a list; an empty one has `items: null` where only metadata was asked for."""
    return list(answer["items"] or ())


def _parsed(text: bytes, url: str) -> Any:
    try:
        return decode(text)
    except (ValueError, RecursionError):
        said = text.decode(errors="replace")[:200]
        raise ApiError(0, "Unreadable", f"{url}: the answer is no JSON: {said}") from None


def _refusal(response: aiohttp.ClientResponse, text: bytes) -> ApiError:
    """What the API server said instead of yes, or a proxy before it."""
    try:
        body = decode(text)
    except (ValueError, RecursionError):
        body = text.decode(errors="replace")[:500]
    return ApiError.of(response.status, body, response.headers.get("Retry-After"))
