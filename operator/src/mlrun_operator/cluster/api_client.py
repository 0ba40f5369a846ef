"""The operator's client of the API server: plain HTTP requests for the few operations that it needs."""

import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Any, Final

import aiohttp

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.cluster.codec import decode, encode
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import DISCOVERY, EVENTS, FUNCTIONS, OPENAPI, PODS, RUNS, Resource
from mlrun_operator.cluster.server_clock import ServerClock

# Called after each request with its verb, its resource's plural, the HTTP code and the duration in seconds.
Observe = Callable[[str, str, int, float], None]

REQUEST_SECONDS: Final = 30
_TIMEOUT: Final = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=5)
_ONLY_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# The number of objects in one page of a long listing.
_PAGE_SIZE: Final = 500
# A uid that is safe in a label selector. Some uids come from annotations, which users can write.
_UID_PATTERN: Final = re.compile(r"[0-9A-Za-z]([-0-9A-Za-z]{0,61}[0-9A-Za-z])?")
# The number of Jobs in one label selector: each adds 37 characters to the URL.
_JOBS_IN_SELECTOR: Final = 50
_WRITE_PARAMS: Final = {"fieldManager": constants.MANAGER, "fieldValidation": "Strict"}
_MERGE_PATCH: Final = "application/merge-patch+json"
# Merges lists such as conditions by their keys. The API server does not support it for custom resources.
_STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"


class ApiClient:
    """The API server as the operator uses it. Every method raises ApiError unless the request succeeds."""

    def __init__(
        self,
        connection: Connection,
        observe: Observe = lambda *_: None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connection = connection
        self._observe = observe
        self._may_write = may_write
        self._clock = ServerClock()

    def now(self) -> datetime:
        """Return the API server's time."""
        return self._clock.now()

    async def read(self, resource: Resource, namespace: str, name: str) -> Object:
        """Read the object from the API server."""
        answer: Object = await self._request("GET", resource, resource.url(namespace, name))
        return answer

    async def read_all(self, resource: Resource, namespace: str | None = None, labels: str = "") -> list[Object]:
        """Read the objects that match a label selector, in one request."""
        params = {"labelSelector": labels} if labels else {}
        return _items(await self._request("GET", resource, resource.url(namespace), params=params))

    async def read_pods_of_run(self, namespace: str, run_uid: str, job_uids: Iterable[str]) -> list[Object]:
        """Read the pods whose label names the run, and the pods of the Jobs, whatever their other labels say."""
        uids = sorted({uid for uid in job_uids if _UID_PATTERN.fullmatch(uid)})
        batches = (uids[start : start + _JOBS_IN_SELECTOR] for start in range(0, len(uids), _JOBS_IN_SELECTOR))
        job_selectors = (f"{constants.LABEL_JOB_UID} in ({','.join(batch)})" for batch in batches)
        pods: dict[str, Object] = {}
        for selector in (f"{constants.LABEL_RUN_UID}={run_uid}", *job_selectors):
            pods |= {pod["metadata"]["uid"]: pod for pod in await self.read_all(PODS, namespace, selector)}
        return list(pods.values())

    async def pages(
        self, resource: Resource, namespace: str | None, labels: str
    ) -> AsyncIterator[tuple[list[Object], int]]:
        """Read the objects that match a label selector in pages, each with the listing's resource version."""
        params = {"limit": str(_PAGE_SIZE), **({"labelSelector": labels} if labels else {})}
        async for answer in self._all_pages(resource, namespace, params):
            yield _items(answer), int(answer["metadata"]["resourceVersion"])

    async def _all_pages(
        self, resource: Resource, namespace: str | None, params: dict[str, str], accept: str = "application/json"
    ) -> AsyncIterator[Object]:
        token: str | None = ""
        while token is not None:
            page = {**params, "continue": token} if token else params
            answer = await self._request("GET", resource, resource.url(namespace), params=page, accept=accept)
            yield answer
            token = answer["metadata"].get("continue") or None

    async def read_uids(self, resource: Resource, namespace: str | None, labels: str) -> tuple[int, set[str]]:
        """Read the listing's resource version, and the uids of all objects that match a label selector."""
        params = {"limit": "5000", **({"labelSelector": labels} if labels else {})}
        version, uids = 0, set[str]()
        async for answer in self._all_pages(resource, namespace, params, accept=_ONLY_METADATA):
            version = int(answer["metadata"]["resourceVersion"])
            uids.update(item["metadata"]["uid"] for item in _items(answer))
        return version, uids

    async def serves(self, resource: Resource) -> bool:
        """Return whether the API server serves the resource."""
        try:
            answer = await self._request("GET", resource, resource.url().rsplit("/", 1)[0])
        except ApiError as error:
            if error.not_found:
                return False
            raise
        return any(served["name"] == resource.plural for served in answer["resources"])

    async def preferred_version(self, group: str) -> str | None:
        """Return the version of an API group that clients should use; None if the API server does not serve it."""
        try:
            answer = await self._request("GET", DISCOVERY, f"/apis/{group}")
        except ApiError as error:
            if error.not_found:
                return None
            raise
        return str(answer["preferredVersion"]["version"])

    async def read_openapi(self, api_version: str) -> Object:
        """Return the OpenAPI v3 document of a group and version, which every authenticated user may read."""
        answer: Object = await self._request("GET", OPENAPI, f"/openapi/v3/apis/{api_version}")
        return answer

    async def create(self, resource: Resource, obj: Object) -> Object:
        """Create the object. The API server refuses unknown fields."""
        url = resource.url(obj["metadata"]["namespace"])
        answer: Object = await self._request("POST", resource, url, params=_WRITE_PARAMS, body=obj)
        return answer

    async def replace(self, resource: Resource, obj: Object) -> Object:
        """Replace the whole object. It is a conflict if the object has changed since it was read."""
        url = resource.url(obj["metadata"]["namespace"], obj["metadata"]["name"])
        answer: Object = await self._request("PUT", resource, url, params=_WRITE_PARAMS, body=obj)
        return answer

    async def replace_status(self, resource: Resource, obj: Object, status: Object) -> Object:
        """Replace the whole status. It is a conflict if the object has changed since `obj` was read."""
        meta = obj["metadata"]
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {name: meta[name] for name in ("name", "namespace", "uid", "resourceVersion")},
            "status": status,
        }
        url = resource.url(meta["namespace"], meta["name"], "status")
        answer: Object = await self._request("PUT", resource, url, params=_WRITE_PARAMS, body=body)
        return answer

    async def patch(self, resource: Resource, obj: Object, changes: Object, *, any_state: bool = False) -> Object:
        """Merge changes into the object. It is a conflict if the object has changed since `obj` was read.

        With `any_state` it is a conflict only if another object has its name.
        """
        meta = obj["metadata"]
        precondition = "uid" if any_state else "resourceVersion"
        body = {**changes, "metadata": {**changes.get("metadata", {}), precondition: meta[precondition]}}
        url = resource.url(meta["namespace"], meta["name"])
        answer: Object = await self._request("PATCH", resource, url, params=_WRITE_PARAMS, body=body)
        return answer

    async def patch_status(self, resource: Resource, obj: Object, changes: Object) -> Object:
        """Merge changes into the status, whatever its state. It is a conflict if another object has the name.

        Lists of built-in resources are merged by their keys, so other conditions stay. Those of custom resources are
        replaced.
        """
        meta = obj["metadata"]
        body = {"metadata": {"uid": meta["uid"]}, "status": changes}
        content = _MERGE_PATCH if resource in (RUNS, FUNCTIONS) else _STRATEGIC_PATCH
        url = resource.url(meta["namespace"], meta["name"], "status")
        answer: Object = await self._request("PATCH", resource, url, params=_WRITE_PARAMS, body=body, content=content)
        return answer

    async def delete(
        self, resource: Resource, obj: Object, grace: int | None = None, *, any_state: bool = False
    ) -> None:
        """Delete the object and its pods. It is a conflict if the object has changed since `obj` was read.

        `grace` overrides a pod's grace period, in seconds. With `any_state` it is a conflict only if another object has
        the name, since a pod's state changes at any time.
        """
        meta = obj["metadata"]
        preconditions = {name: meta[name] for name in (("uid",) if any_state else ("uid", "resourceVersion"))}
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": preconditions,
            **({} if grace is None else {"gracePeriodSeconds": grace}),
        }
        await self._request("DELETE", resource, resource.url(meta["namespace"], meta["name"]), body=body)

    async def events_of(self, namespace: str, uids: Iterable[str]) -> list[Object]:
        """Read the events about the objects with these uids."""
        events: list[Object] = []
        for uid in uids:
            params = {"fieldSelector": f"involvedObject.uid={uid}"}
            events += _items(await self._request("GET", EVENTS, EVENTS.url(namespace), params=params))
        return events

    async def our_events(self, namespace: str) -> set[str]:
        """Read the names of the events that this operator posted in the namespace."""
        names: set[str] = set()
        params = {"limit": "5000", "fieldSelector": f"reportingComponent={constants.MANAGER}"}
        async for answer in self._all_pages(EVENTS, namespace, params, accept=_ONLY_METADATA):
            names.update(item["metadata"]["name"] for item in _items(answer))
        return names

    async def post_event(self, event: Object) -> bool:
        """Post an event and return whether it is new. An event of the same name stays unchanged."""
        try:
            await self.create(EVENTS, event)
        except ApiError as error:
            if not error.already_exists:
                raise
            return False
        return True

    async def _request(  # noqa: PLR0913 - what a request consists of
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
            raise ApiError(0, "NotLeading", "not the leader (lease renewal failed); write refused")
        started, code = time.monotonic(), 0
        headers = {
            "Accept": accept,
            "Content-Type": content or (_MERGE_PATCH if verb == "PATCH" else "application/json"),
        }
        data = encode(body) if body is not None else None
        full_url = self._connection.server + url
        try:
            session = self._connection.session
            async with session.request(
                verb, full_url, params=params, data=data, headers=headers, timeout=_TIMEOUT
            ) as response:
                self._clock.observe(response.headers.get("Date"))
                code, text = response.status, await response.read()
                if code >= 400:
                    raise _refusal(response, text)
                return _parsed(text, url)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(0, "Unreachable", f"{verb} {url}: {error or 'timed out'}") from error
        finally:
            self._observe(verb, resource.plural, code, time.monotonic() - started)


def _items(answer: Object) -> list[Object]:
    """Return the objects of a list. An empty list of metadata has `items: null`."""
    return list(answer["items"] or ())


def _parsed(text: bytes, url: str) -> Any:
    try:
        return decode(text)
    except (ValueError, RecursionError):
        start = text.decode(errors="replace")[:200]
        raise ApiError(0, "Unreadable", f"{url}: the response is not JSON: {start}") from None


def _refusal(response: aiohttp.ClientResponse, text: bytes) -> ApiError:
    """Return the error in a response of the API server, or of a proxy in front of it."""
    try:
        body = decode(text)
    except (ValueError, RecursionError):
        body = text.decode(errors="replace")[:500]
    return ApiError.of(response.status, body, response.headers.get("Retry-After"))
