"""Runs in a cluster. Needs rights on runs, functions, events and pod logs: the chart's role mlrun-operator-user."""

import asyncio
import base64
import os
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object
from mlrun_operator.cluster.resources import FUNCTIONS, RUNS, Resource
from mlrun_operator.sdk.backend import LogLine, named_endpoint
from mlrun_operator.sdk.backends import pod_logs
from mlrun_operator.sdk.backends.published import PUBLISHED, SETTINGS_KEY, Published
from mlrun_operator.sdk.errors import CrdsMissing, MissingExtra, NotAllowed, NotConnected, NotFound, SdkError
from mlrun_operator.sdk.naming import project_secret

try:
    from mlrun_operator.cluster.connection import Connection, connect, connect_context
    from mlrun_operator.cluster.errors import ApiError
    from mlrun_operator.cluster.user_client import UserApiClient, too_old
    from mlrun_operator.sdk.backends.explained import explained, is_transient, may_be_done
except ImportError as error:
    raise MissingExtra.of("a cluster", "sdk") from error

T = TypeVar("T")

SECRETS: Final = Resource("v1", "secrets", "Secret")
CONFIG_MAPS: Final = Resource("v1", "configmaps", "ConfigMap")
# Where the operator is looked for, besides the namespace that the environment names.
_OPERATOR_NAMESPACES: Final = ("mlrun-system", "mlrun-operator")
_IN_CLUSTER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
# Between the tries of a submission whose answer was lost.
_AGAIN: Final = (0.1, 1.0, 3.0)
_PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class KubernetesBackend(pod_logs.LogSource):
    """A cluster by a kube context, or the one that this process runs in.

    `namespace` may hold `{project}`. `outage` is for how many seconds a cluster may not answer before an operation
    that waits gives up.
    """

    kind: ClassVar[str] = "kubernetes"

    def __init__(
        self,
        context: str | None = None,
        namespace: str | None = None,
        kubeconfig: str | None = None,
        *,
        outage: float = 60.0,
    ) -> None:
        self.context = context
        self.kubeconfig = kubeconfig
        self.outage = outage
        self._namespace = namespace
        self._default = ""
        self._opened: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, UserApiClient] = weakref.WeakKeyDictionary()
        self._published: Published | None = None

    def describe(self) -> str:
        """See `Backend.describe`."""
        where = f"context {self.context}" if self.context else "in the cluster"
        return f"backend kubernetes · {where} · namespace {self._namespace or self._default}"

    async def open(self) -> None:
        """Connect. Raises NotConnected, NotAuthenticated or CrdsMissing."""
        client = await self.client()
        try:
            served = await client.serves(RUNS) and await client.serves(FUNCTIONS)
        except ApiError as error:
            raise explained(error, self.describe()) from error
        if not served:
            raise CrdsMissing(
                f"{self.describe().partition(' · ')[2]}: this cluster does not serve mlrun-operator's resources",
                hint="Install the operator with its CRDs, or choose another context: connect(context=…).",
            )

    async def client(self) -> UserApiClient:
        """The connection of the running event loop."""
        loop = asyncio.get_running_loop()
        client = self._opened.get(loop)
        if client is None or client.connection.session.closed:
            client = self._opened[loop] = UserApiClient(await self._connect())
        return client

    async def _connect(self) -> Connection:
        from kubernetes.aio.config import ConfigException

        inside = self.context is None and self.kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ
        try:
            if inside:
                connection = await connect()
                self._default = _IN_CLUSTER.read_text().strip() if _IN_CLUSTER.exists() else "default"
            else:
                connection, self.context, self._default = await connect_context(self.context, self.kubeconfig)
        except (ConfigException, OSError, KeyError, TypeError, ValueError) as error:
            wanted = f"the kube context {self.context!r}" if self.context else "a kube context"
            raise NotConnected(
                f"{wanted} cannot be used: {error}", hint="kubectl config get-contexts lists those that there are."
            ) from error
        return connection

    async def namespace(self, project: str | None) -> str:
        """See `Backend.namespace`."""
        await self.client()
        if self._namespace is None:
            return self._default
        return self._namespace.replace("{project}", project or self._default)

    async def _ask(self, what: str, request: Callable[[UserApiClient], Awaitable[T]]) -> T:
        try:
            return await request(await self.client())
        except ApiError as error:
            raise explained(error, self.describe(), what) from error

    async def apply(self, resource: Resource, obj: Object) -> Object:
        """See `Backend.apply`."""
        return await self._ask(_called(resource, obj), lambda client: client.apply(resource, obj))

    async def create(self, resource: Resource, obj: Object) -> Object:
        """See `Backend.create`. Where the answer is lost it asks again; what is there by then and is alike is ours."""
        what, meta, pauses, unsure = _called(resource, obj), obj["metadata"], iter(_AGAIN), False
        while True:
            try:
                return await (await self.client()).submit(resource, obj)
            except ApiError as error:
                if unsure and error.already_exists:
                    there = await self.read(resource, meta["namespace"], meta["name"])
                    if _alike(there, obj):
                        return there
                unsure = unsure or may_be_done(error)
                pause = next(pauses, None) if unsure and is_transient(error) else None
                if pause is None:
                    raise explained(error, self.describe(), what) from error
            await asyncio.sleep(pause)

    async def read(self, resource: Resource, namespace: str, name: str) -> Object:
        """See `Backend.read`."""
        what = f"{resource.kind} {namespace}/{name}"
        return await self._ask(what, lambda client: client.read(resource, namespace, name))

    async def find(self, resource: Resource, namespace: str, labels: str = "") -> list[Object]:
        """See `Backend.find`."""
        what = f"{resource.plural} of namespace {namespace}"
        return await self._ask(what, lambda client: client.read_all(resource, namespace, labels))

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """See `Backend.merge`."""
        what = f"{resource.kind} {namespace}/{name}"
        return await self._ask(what, lambda client: client.merge(resource, namespace, name, patch))

    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """See `Backend.delete`."""
        what = f"{resource.kind} {namespace}/{name}"
        await self._ask(what, lambda client: client.remove(resource, namespace, name))

    async def follow(self, resource: Resource, namespace: str, name: str) -> AsyncGenerator[Object | None, None]:
        """See `Backend.follow`. Goes on after lost connections and expired watches."""
        what, tries = f"{resource.kind} {namespace}/{name}", _Tries(self.outage)
        while True:
            try:
                client = await self.client()
                obj = await client.read(resource, namespace, name)
                tries.succeeded()
                yield obj
                version = obj["metadata"]["resourceVersion"]
                while True:
                    events = client.watch_events(resource, namespace, version, fields=f"metadata.name={name}")
                    async for kind, obj in events:
                        tries.succeeded()
                        version = obj["metadata"]["resourceVersion"]
                        if kind == "DELETED":
                            yield None
                            return
                        if kind != "BOOKMARK":
                            yield obj
            except ApiError as error:
                failure = explained(error, self.describe(), what)
                if isinstance(failure, NotFound):
                    yield None
                    return
                await tries.after(error, failure)

    async def follow_all(
        self, resource: Resource, namespace: str, labels: str = ""
    ) -> AsyncIterator[tuple[str, Object]]:
        """See `Backend.follow_all`. After an expired watch, what vanished meanwhile is told as DELETED."""
        what, tries = f"{resource.plural} of namespace {namespace}", _Tries(self.outage)
        known: dict[str, Object] = {}
        while True:
            try:
                client = await self.client()
                version, objects = await client.read_list(resource, namespace, labels)
                tries.succeeded()
                there = {obj["metadata"]["uid"]: obj for obj in objects}
                for uid in [uid for uid in known if uid not in there]:
                    yield "DELETED", known.pop(uid)
                for uid, obj in there.items():
                    before = known.get(uid)
                    known[uid] = obj
                    if before is None:
                        yield "ADDED", obj
                    elif before["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                        yield "MODIFIED", obj
                while True:
                    async for kind, obj in client.watch_events(resource, namespace, version, labels=labels):
                        tries.succeeded()
                        version = obj["metadata"]["resourceVersion"]
                        if kind == "BOOKMARK":
                            continue
                        if kind == "DELETED":
                            known.pop(obj["metadata"]["uid"], None)
                        else:
                            known[obj["metadata"]["uid"]] = obj
                        yield kind, obj
            except ApiError as error:
                await tries.after(error, explained(error, self.describe(), what))

    def log(self, run: Object, *, follow: bool = False) -> AsyncIterator[LogLine]:
        """See `Backend.log`."""
        return pod_logs.run_log(self, run, follow=follow)

    async def live_lines(self, run: Object, pod: str, attempt: int) -> list[str]:
        """See `Backend.live_lines`."""
        return await pod_logs.live_lines(self, run, pod)

    async def events(self, namespace: str, uids: list[str]) -> list[Object]:
        """See `Backend.events`."""
        found = await self._ask("events", lambda client: client.events_of(namespace, uids))
        return sorted(found, key=lambda e: str(e.get("eventTime") or e.get("lastTimestamp") or ""))

    async def set_secret(self, project: str, name: str, value: str) -> None:
        """See `Backend.set_secret`: a key of the project's own Secret. Needs the right to patch Secrets."""
        namespace = await self.namespace(project)
        secret = project_secret(project)
        obj = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret, "namespace": namespace},
            "data": {name: base64.b64encode(value.encode()).decode()},
        }
        try:
            try:
                await self.merge(SECRETS, namespace, secret, {"data": obj["data"]})
            except NotFound:
                await self.create(SECRETS, obj)
        except NotAllowed as error:
            command = f"kubectl -n {namespace} create secret generic {secret} --from-literal={name}=…"
            raise NotAllowed(error.message, hint=f"Someone who may write Secrets can do it: {command}") from error

    async def published(self) -> Published:
        """What the chart publishes for everyone who can log in; empty where it cannot be read."""
        if self._published is None:
            self._published = await self._read_published()
        return self._published

    async def _read_published(self) -> Published:
        own = os.environ.get("MLRUN_OPERATOR_SYSTEM_NAMESPACE")
        for namespace in dict.fromkeys(filter(None, (own, *_OPERATOR_NAMESPACES))):
            try:
                found = await (await self.client()).read(CONFIG_MAPS, namespace, PUBLISHED)
                return Published.read(found["data"][SETTINGS_KEY])
            except ApiError as error:
                if is_transient(error):
                    raise explained(error, self.describe()) from error
            except (KeyError, ValueError):
                return Published()
        return Published()

    async def platform(self, namespace: str) -> Platform | None:
        """See `Backend.platform`."""
        return (await self.published()).platform

    async def stores(self, namespace: str) -> list[StoreInfo]:
        """See `Backend.stores`: by what this environment says, the public endpoint, and the pods' own."""
        published, own = await self.published(), named_endpoint()
        root = os.environ.get("MLRUN_OPERATOR_STORE")
        store = published.platform.store if published.platform else None
        if store is None:
            has_own = root or own or os.environ.get("AWS_ACCESS_KEY_ID")
            return [_rooted(StoreInfo(root=root or _ROOT, endpoint=own), namespace)] if has_own else []
        store = store.model_copy(update={"root": root}) if root else store
        endpoints = dict.fromkeys(filter(None, (own, published.store_public_endpoint, store.endpoint)))
        found = [store.model_copy(update={"endpoint": each}) for each in endpoints] or [store]
        return [_rooted(each, namespace) for each in found]

    async def fetch_limit(self) -> int:
        """How many bytes may come through a fetch run's log."""
        return (await self.published()).fetch_max_mib << 20

    async def close(self) -> None:
        """See `Backend.close`."""
        client = self._opened.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.connection.close()


_ROOT: Final = "s3://mlrun/{namespace}"


def _rooted(store: StoreInfo, namespace: str) -> StoreInfo:
    return store.model_copy(update={"root": store.root.replace("{namespace}", namespace)})


class _Tries:
    """How often and for how long a cluster may not answer."""

    def __init__(self, outage: float) -> None:
        self._outage = outage
        self._failures = 0
        self._since: float | None = None

    def succeeded(self) -> None:
        """It answered."""
        self._failures, self._since = 0, None

    async def after(self, error: ApiError, failure: SdkError) -> None:
        """Pause before the next try. Raises `failure` where there is none."""
        if too_old(error) and self._failures < len(_PAUSES):
            self._failures += 1
            await asyncio.sleep(0 if self._failures == 1 else _PAUSES[0])
            return
        if not is_transient(error) and not too_old(error):
            raise failure from error
        now = asyncio.get_running_loop().time()
        self._since = now if self._since is None else self._since
        if now - self._since > self._outage:
            raise failure from error
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        await asyncio.sleep(max(pause, min(error.retry_after or 0, 10)))


def _called(resource: Resource, obj: Object) -> str:
    return f"{resource.kind} {obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _alike(there: Object, obj: Object) -> bool:
    """Whether the object is what was asked for; metadata and status are the server's, too."""
    return all(there.get(name) == obj[name] for name in obj if name not in ("metadata", "status"))
