"""The API server as an administrator asks it: raw, asynchronous, and with a memory of everything that happened."""

import asyncio
import base64
import json
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from support.kube import facts

Object = dict[str, Any]
GROUP: Final = "/apis/mlrun-operator.dev/v1alpha1"
ROOTS: Final = {
    "mlrunruns": GROUP,
    "mlrunfunctions": GROUP,
    "jobs": "/apis/batch/v1",
    "cronjobs": "/apis/batch/v1",
    "pods": "/api/v1",
    "events": "/api/v1",
    "serviceaccounts": "/api/v1",
    "roles": "/apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "deployments": "/apis/apps/v1",
    "workloads": "/apis/kueue.x-k8s.io/v1beta2",
    "localqueues": "/apis/kueue.x-k8s.io/v1beta2",
}
RECORDED: Final = ("mlrunruns", "jobs", "pods")
MERGE: Final = "application/merge-patch+json"


class Answer(Exception):  # noqa: N818 - an answer, not a fault
    """What the API server said instead of yes."""

    def __init__(self, code: int, body: Any) -> None:
        super().__init__(f"{code}: {body.get('message') if isinstance(body, dict) else body}")
        self.code = code


class Api:
    """Requests of a cluster's administrator."""

    def __init__(self, server: str, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def request(
        self, verb: str, path: str, body: Object | None = None, kind: str = "application/json", **params: str
    ) -> Any:
        data = json.dumps(body) if body is not None else None
        headers = {"Content-Type": kind} if body is not None else {}
        async with self.session.request(verb, self.server + path, data=data, headers=headers, params=params) as answer:
            said = await answer.json(content_type=None)
            if answer.status >= 400:
                raise Answer(answer.status, said)
            return said

    async def create(self, plural: str, namespace: str, obj: Object) -> Object:
        return dict(await self.request("POST", url(plural, namespace), obj))

    async def get(self, plural: str, namespace: str, name: str) -> Object:
        return dict(await self.request("GET", url(plural, namespace, name)))

    async def all(self, plural: str, namespace: str, **params: str) -> list[Object]:
        return list((await self.request("GET", url(plural, namespace), None, **params))["items"])

    async def merge(self, plural: str, namespace: str, name: str, patch: Object, sub: str = "") -> Object:
        return dict(await self.request("PATCH", url(plural, namespace, name) + sub, patch, MERGE))

    async def delete(self, plural: str, namespace: str, name: str) -> None:
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        await self.request("DELETE", url(plural, namespace, name), options)

    async def watch(self, plural: str) -> AsyncIterator[tuple[str, Object]]:
        """Every change from now on, in all namespaces; a watch that the server breaks off goes on where it was."""
        version = (await self.request("GET", f"{ROOTS[plural]}/{plural}", limit="1"))["metadata"]["resourceVersion"]
        while True:
            async for event in self._watch_from(plural, version):
                if event.get("kind") == "Status":
                    await _patience(event)
                    break
                if event["type"] == "ERROR":
                    raise Answer(event["object"]["code"], event["object"])
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield event["type"], event["object"]

    async def _watch_from(self, plural: str, version: str) -> AsyncIterator[Object]:
        params = {"watch": "true", "timeoutSeconds": "3600", "allowWatchBookmarks": "true", "resourceVersion": version}
        path, timeout = f"{self.server}{ROOTS[plural]}/{plural}", aiohttp.ClientTimeout(total=None)
        async with self.session.get(path, params=params, timeout=timeout) as answer:
            async for line in lines(answer.content):
                yield json.loads(line)


def url(plural: str, namespace: str, name: str = "") -> str:
    return f"{ROOTS[plural]}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


async def lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a stream, however long."""
    rest = b""
    async for chunk in stream.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line


async def _patience(status: Object) -> None:
    """Wait a while where the server is busy, as it is for some seconds after a CRD has changed."""
    if status["code"] not in (429, 503):
        raise Answer(status["code"], status)
    await asyncio.sleep(1)


def kubeconfig() -> Object:
    """The administrator's."""
    return dict(yaml.safe_load(Path(facts()["kubeconfig"]).read_text()))


@asynccontextmanager
async def admin(connections: int = 0) -> AsyncIterator[Api]:
    """The administrator of the development cluster."""
    config = kubeconfig()
    cluster = config["clusters"][0]["cluster"]
    connector = aiohttp.TCPConnector(ssl=tls_of(config), limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Api(cluster["server"], session)
    await goodbye()


async def goodbye() -> None:
    """Let connections with TLS end before the loop does, or their sockets are found unclosed.

    https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown
    """
    await asyncio.sleep(0.3)


def tls_of(config: Object) -> ssl.SSLContext:
    """Trust and client certificate of a kubeconfig."""
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trust = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=trust)
    if "client-key-data" in user:
        with tempfile.NamedTemporaryFile() as pem:
            for part in ("client-certificate-data", "client-key-data"):
                pem.write(base64.b64decode(user[part]) + b"\n")
            pem.flush()
            context.load_cert_chain(pem.name)
    return context


@dataclass(frozen=True, slots=True)
class Event:
    """One change that a watch has shown, and when, on the monotonic clock."""

    type: str
    plural: str
    obj: Object
    at: float

    @property
    def version(self) -> int:
        return int(self.obj["metadata"]["resourceVersion"])


class Records:
    """Everything that happened to runs, Jobs and pods, or what else is named, since it began; and how things stand."""

    def __init__(self, api: Api, plurals: Sequence[str] = RECORDED) -> None:
        self._api = api
        self._plurals = plurals
        self._events: dict[str, list[Event]] = {}
        self._now: dict[tuple[str, str, str], Object] = {}
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator["Records"]:
        """Record until the end of the block."""
        async with asyncio.TaskGroup() as group:  # a watch that fails fails all: a record with gaps proves nothing
            tasks = [group.create_task(self._follow(plural)) for plural in self._plurals]
            yield self
            for task in tasks:
                task.cancel()

    def of(self, namespace: str) -> list[Event]:
        """What happened in a namespace, in the order in which it was shown."""
        return self._events.get(namespace, [])

    def get(self, plural: str, namespace: str, name: str) -> Object | None:
        return self._now.get((plural, namespace, name))

    def all(self, plural: str, namespace: str) -> Iterator[Object]:
        return (obj for key, obj in self._now.items() if key[:2] == (plural, namespace))

    def forget(self, namespace: str) -> None:
        self._events.pop(namespace, None)
        self._now = {key: obj for key, obj in self._now.items() if key[1] != namespace}

    async def until(self, what: str, look: Callable[[], Any], seconds: float = 90) -> Any:
        """What `look` returns once it is true; it is asked whenever something happened."""
        found = None

        def true() -> bool:
            nonlocal found
            found = look()
            return bool(found)

        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(true)
        except TimeoutError:
            raise AssertionError(f"not within {seconds:.0f} s: {what}") from None
        return found

    async def _follow(self, plural: str) -> None:
        async for kind, obj in self._api.watch(plural):
            if kind in ("ADDED", "MODIFIED", "DELETED"):
                await self._note(kind, plural, obj)

    async def _note(self, kind: str, plural: str, obj: Object) -> None:
        meta = obj["metadata"]
        meta.pop("managedFields", None)
        key = (plural, meta["namespace"], meta["name"])
        async with self._changed:
            self._events.setdefault(meta["namespace"], []).append(Event(kind, plural, obj, time.monotonic()))
            if kind == "DELETED":
                self._now.pop(key, None)
            else:
                self._now[key] = obj
            self._changed.notify_all()
