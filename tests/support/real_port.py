"""The real cluster as the simulator's rules speak to it: API server and controllers; the rule plays the kubelet."""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp
from support.api import MERGE, Answer, Api, admin, url
from support.kube import Object


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
    kind = {"jobs": "Job", "cronjobs": "CronJob"}[plural]
    return {"apiVersion": "batch/v1", "kind": kind, **obj}


@contextmanager
def real_port() -> Iterator[RealPort]:
    """A namespace without a security profile and a node without a kubelet, both gone afterwards."""
    name = f"rules-{uuid4().hex[:8]}"
    with asyncio.Runner() as runner:
        opened = admin()
        api = runner.run(opened.__aenter__())
        try:
            runner.run(_make(api, name))
            yield RealPort(api, runner, name)
        finally:
            runner.run(_remove(api, name))
            runner.run(opened.__aexit__(None, None, None))


async def _make(api: Api, name: str) -> None:
    await api.request(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"unschedulable": True}}
    await api.request("POST", "/api/v1/nodes", node)
    accounts = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    for _ in range(100):  # pods are refused until it is there
        with suppress(Answer):
            await api.request("GET", accounts)
            return
        await asyncio.sleep(0.1)


async def _remove(api: Api, name: str) -> None:
    pods = await api.all("pods", name)
    await api.request("DELETE", f"/api/v1/namespaces/{name}")
    await api.request("DELETE", f"/api/v1/nodes/{name}")
    for pod in pods:  # no kubelet ends them
        with suppress(Answer, aiohttp.ClientError):
            now = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
            await api.merge("pods", name, pod["metadata"]["name"], {"metadata": {"finalizers": None}})
            await api.request("DELETE", url("pods", name, pod["metadata"]["name"]), now)
