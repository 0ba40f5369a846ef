"""The real cluster as the simulator's rules speak to it: API server and controllers; the rule plays the kubelet."""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import aiohttp
from support.api import MERGE, Answer, Api, admin, url
from support.kube import Object
from support.simulator.objects import stamp

_KINDS: Final = {"jobs": ("batch/v1", "Job"), "cronjobs": ("batch/v1", "CronJob"), "pods": ("v1", "Pod")}


class RealPort:
    """A `simulator.kubernetes_rules.Port`, in a namespace and with a node of its own."""

    def __init__(self, api: Api, runner: asyncio.Runner, name: str) -> None:
        self._api = api
        self._runner = runner
        self._namespace = name
        self.node = name

    def create(self, plural: str, obj: Object) -> Object:
        return dict(self._run(self._api.create(plural, self._namespace, _typed(plural, obj))))

    def get(self, plural: str, name: str) -> Object | None:
        try:
            return dict(self._run(self._api.get(plural, self._namespace, name)))
        except Answer as answer:
            if answer.code != 404:
                raise
            return None

    def all(self, plural: str) -> list[Object]:
        found = self._run(self._api.all(plural, self._namespace))
        return sorted(found, key=_age)

    def merge(self, plural: str, name: str, patch: Object, sub: str = "") -> int:
        return self._code("PATCH", url(plural, self._namespace, name) + sub, patch, MERGE)

    def put(self, plural: str, obj: Object) -> int:
        return self._code("PUT", url(plural, self._namespace, obj["metadata"]["name"]), obj)

    def delete(self, plural: str, name: str, propagation: str = "Background", grace: int | None = None) -> int:
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        options |= {} if grace is None else {"gracePeriodSeconds": grace}
        return self._code("DELETE", url(plural, self._namespace, name), options)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def _code(self, verb: str, path: str, body: Object, kind: str = "application/json") -> int:
        try:
            self._run(self._api.request(verb, path, body, kind))
        except Answer as answer:
            return answer.code
        return 200

    def _run(self, request: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(request)


def _age(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]


def _typed(plural: str, obj: Object) -> Object:
    api_version, kind = _KINDS[plural]
    return {"apiVersion": api_version, "kind": kind, **obj}


class RealNodes(RealPort):
    """A `simulator.kubelet_rules.NodePort`: what is scheduled runs on the cluster's node."""

    def __init__(self, api: Api, runner: asyncio.Runner, namespace: str) -> None:
        super().__init__(api, runner, namespace)
        self.node = ""
        self.observed: list[Object] = []

    def evict(self, name: str) -> int:
        about = {"name": name, "namespace": self._namespace}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": about}
        return self._code("POST", url("pods", self._namespace, name) + "/eviction", body)

    def has_processes(self, pod: Object) -> bool:
        path = f"/api/v1/nodes/{pod['spec']['nodeName']}/proxy/runningpods/"
        running = self._run(self._api.request("GET", path))["items"] or ()
        return pod["metadata"]["uid"] in [known["metadata"]["uid"] for known in running]

    def observe(self, pod: Object) -> None:
        self.observed.append(pod)


@contextmanager
def real_nodes(namespace: str) -> Iterator[RealNodes]:
    """One rule's connection to the cluster, in a namespace that is there."""
    with _connection() as (api, runner):
        yield RealNodes(api, runner, namespace)


class RealLoss(RealPort):
    """A `simulator.node_rules.LossPort`: a Node of its own, of which nothing is heard after its first word.

    It has a zone of its own: where most nodes of a zone are silent, no pod is deleted.
    """

    def __init__(self, api: Api, runner: asyncio.Runner, namespace: str) -> None:
        super().__init__(api, runner, namespace)
        self.node = f"lost-{uuid4().hex[:8]}"
        self.observed: list[Object] = []
        zone = {"topology.kubernetes.io/zone": self.node, "topology.kubernetes.io/region": self.node}
        node = {"metadata": {"name": self.node, "labels": zone}, "spec": {"unschedulable": True}}
        runner.run(api.request("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", **node}))
        self.fall_silent()

    def fall_silent(self, pod: Object | None = None) -> None:
        """Say for the last time that the node is there."""
        del pod
        said = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it is there"}
        moments = {"lastHeartbeatTime": stamp(self.now()), "lastTransitionTime": stamp(self.now())}
        status = {"status": {"conditions": [{**said, **moments}]}}
        self._run(self._api.request("PATCH", f"/api/v1/nodes/{self.node}/status", status, MERGE))

    def remove_node(self, pod: Object | None = None) -> None:
        del pod
        with suppress(Answer):
            self._run(self._api.request("DELETE", f"/api/v1/nodes/{self.node}"))

    def observe(self, pod: Object) -> None:
        self.observed.append(pod)


@contextmanager
def real_loss(namespace: str) -> Iterator[RealLoss]:
    """One rule's connection to the cluster, with a node that is gone afterwards."""
    with _connection() as (api, runner):
        port = RealLoss(api, runner, namespace)
        try:
            yield port
        finally:
            port.remove_node()


@contextmanager
def real_port() -> Iterator[RealPort]:
    """A namespace without a security profile and a node without a kubelet, both gone afterwards."""
    with rules_namespace() as name, _connection() as (api, runner):
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"unschedulable": True}}
        runner.run(api.request("POST", "/api/v1/nodes", node))
        try:
            yield RealPort(api, runner, name)
        finally:
            runner.run(api.request("DELETE", f"/api/v1/nodes/{name}"))


@contextmanager
def rules_namespace() -> Iterator[str]:
    """A namespace without a security profile, gone afterwards with what finalizers held."""
    name = f"rules-{uuid4().hex[:8]}"
    with _connection() as (api, runner):
        try:
            runner.run(_make(api, name))
            yield name
        finally:
            runner.run(_remove(api, name))


@contextmanager
def _connection() -> Iterator[tuple[Api, asyncio.Runner]]:
    with asyncio.Runner() as runner:
        opened = admin()
        api = runner.run(opened.__aenter__())
        try:
            yield api, runner
        finally:
            runner.run(opened.__aexit__(None, None, None))


async def _make(api: Api, name: str) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await api.request("POST", "/api/v1/namespaces", namespace)
    accounts = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    for _ in range(100):  # pods are refused until it is there
        with suppress(Answer):
            await api.request("GET", accounts)
            return
        await asyncio.sleep(0.1)


async def _remove(api: Api, name: str) -> None:
    await api.request("DELETE", f"/api/v1/namespaces/{name}")
    for pod in await api.all("pods", name):  # no kubelet ends them, or a finalizer holds them
        with suppress(Answer, aiohttp.ClientError):
            now = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
            await api.merge("pods", name, pod["metadata"]["name"], {"metadata": {"finalizers": None}})
            await api.request("DELETE", url("pods", name, pod["metadata"]["name"]), now)
