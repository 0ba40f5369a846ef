"""Many small worlds at once: a namespace each, with its own operator under the shipped Role, and a record of it all."""

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import aiohttp
import yaml
from support.api import RECORDED, Answer, Api, Records, admin, kubeconfig
from support.kube import REPOSITORY, Object, facts
from support.nursery import Child, Nursery
from support.operators import STANDIN_IMAGE
from support.ports import free_port

_PLURALS: Final = {"ServiceAccount": "serviceaccounts", "Role": "roles", "RoleBinding": "rolebindings"}
_PLACE: Final = "the-namespace"


@cache
def rights(*settings: str) -> str:
    """What the chart grants in one namespace, `the-namespace`, as YAML; with these `NAME=VALUE` of it."""
    chart = str(REPOSITORY / "charts/mlrun-operator")
    command = [facts()["helm"], "template", "mlrun-operator", chart, f"--namespace={_PLACE}"]
    command += [f"--set={setting}" for setting in (f"namespaces={{{_PLACE}}}", *settings)]
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


class World:
    """One namespace with one operator."""

    def __init__(self, lab: "Lab", namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self.api, self.records = lab.api, lab.records
        self.log, self.requests_log = folder / "operator.log", folder / "requests.log"
        self._nursery = lab.nursery
        self._kubeconfig = folder / "kubeconfig"
        self.port = free_port()
        self._child: Child | None = None

    async def grant(self, *settings: str) -> None:
        """The chart's rights, and a kubeconfig with them."""
        for right in yaml.safe_load_all(rights(*settings).replace(_PLACE, self.namespace)):
            if right and right["kind"] in _PLURALS:
                await self.api.create(_PLURALS[right["kind"]], self.namespace, right)
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/mlrun-operator/token"
        token = (await self.api.request("POST", path, {"spec": {"expirationSeconds": 7200}}))["status"]["token"]
        config = kubeconfig()
        cluster = config["clusters"][0]
        context = {"name": "c", "context": {"cluster": cluster["name"], "user": "operator"}}
        user = {"name": "operator", "user": {"token": token}}
        whole = {**config, "users": [user], "contexts": [context], "current-context": "c"}
        self._kubeconfig.write_text(yaml.safe_dump(whole))

    def go_through(self, server: str, trust: str) -> None:
        """Let the operator reach the API server by way of another one."""
        config = yaml.safe_load(self._kubeconfig.read_text())
        authority = base64.b64encode(trust.encode()).decode()
        config["clusters"][0]["cluster"] = {"server": server, "certificate-authority-data": authority}
        self._kubeconfig.write_text(yaml.safe_dump(config))

    async def start(self, **environment: str) -> Child:
        """Start the operator."""
        if self._child and not self._child.alive:
            self._child.close()
        self._child = await self._nursery.start(
            self.log,
            {
                "KUBECONFIG": str(self._kubeconfig),
                "MLRUN_OPERATOR_NAMESPACES": self.namespace,
                "MLRUN_OPERATOR_LISTEN": f"127.0.0.1:{self.port}",
                "MLRUN_OPERATOR_METRICS_LISTEN": "",
                "MLRUN_OPERATOR_WRAPPER_IMAGE": STANDIN_IMAGE,
                "REQUESTS_LOG": str(self.requests_log),
                **environment,
            },
        )
        return self._child

    async def kill(self) -> None:
        if self._child:
            await self._child.kill()
            self._child.close()
            self._child = None

    async def ready(self, seconds: float = 30) -> None:
        """Wait until the operator says that it watches."""
        async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
            while True:
                with suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)

    def requests(self) -> list[list[str]]:
        """The operator's requests so far: verb, URL, code."""
        text = self.requests_log.read_text() if self.requests_log.exists() else ""
        return [line.split() for line in text.splitlines()]

    async def apply(self, *objects: Object) -> None:
        for obj in objects:
            plural = {"MlrunFunction": "mlrunfunctions", "MlrunRun": "mlrunruns"}[obj["kind"]]
            await self.api.create(plural, self.namespace, obj)

    async def edit(self, name: str, **spec: Any) -> None:
        await self.api.merge("mlrunruns", self.namespace, name, {"spec": spec})

    async def remove(self, name: str) -> None:
        await self.api.delete("mlrunruns", self.namespace, name)

    def status(self, name: str) -> Object:
        return (self.records.get("mlrunruns", self.namespace, name) or {}).get("status") or {}

    async def reaches(self, name: str, phase: str, execution: int = 1, seconds: float = 90) -> Object:
        """The status in which that execution is in that phase."""

        def look() -> Object | None:
            status = self.status(name)
            there = (status.get("phase"), (status.get("execution") or {}).get("number")) == (phase, execution)
            return status if there else None

        try:
            return dict(await self.records.until(f"{name} {phase} in execution {execution}", look, seconds))
        except AssertionError as error:
            raise AssertionError(f"{error}; its status: {self.status(name)}") from None

    async def says(self, name: str, phase: str, seconds: float = 90) -> Object:
        """The status of that phase, whatever the execution: a schedule has none."""

        def look() -> Object | None:
            status = self.status(name)
            return status if status.get("phase") == phase else None

        try:
            return dict(await self.records.until(f"{name} {phase}", look, seconds))
        except AssertionError as error:
            raise AssertionError(f"{error}; its status: {self.status(name)}") from None

    async def cron_job(self, schedule: str) -> Object:
        """The CronJob of a schedule."""
        return await self.api.get("cronjobs", self.namespace, str(self.status(schedule)["cronJobName"]))

    async def fire(self, schedule: str, minute: int) -> str:
        """Make the Job of the slot so many minutes after 1970, as the CronJob controller does; its name."""
        cron_job = await self.cron_job(schedule)
        template, meta = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": meta["name"], "uid": meta["uid"]}
        name = f"{meta['name']}-{minute}"
        named = {"name": name, "ownerReferences": [{**owner, "controller": True}]}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {**template["metadata"], **named}}
        await self.api.create("jobs", self.namespace, {**job, "spec": template["spec"]})
        return name

    async def reports(self, name: str, wanted: Callable[[Object], Any], seconds: float = 90) -> Object:
        """What the schedule's status says of it, once that is as wanted."""

        def look() -> Object | None:
            told = self.status(name).get("schedule") or {}
            return told if wanted(told) else None

        try:
            return dict(await self.records.until(f"schedule {name}", look, seconds))
        except AssertionError as error:
            raise AssertionError(f"{error}; its status: {self.status(name)}") from None

    async def gone(self, *plurals: str, seconds: float = 90) -> None:
        """Wait until there is none of these in the namespace."""
        what = f"no {' and no '.join(plurals)}"
        await self.records.until(
            what, lambda: not [o for p in plurals for o in self.records.all(p, self.namespace)], seconds
        )


class Lab:
    """What the worlds share."""

    def __init__(self, api: Api, records: Records, nursery: Nursery, folder: Path) -> None:
        self.api = api
        self.records = records
        self.nursery = nursery
        self._folder = folder

    @asynccontextmanager
    async def world(self, *settings: str, labels: dict[str, str] | None = None) -> AsyncIterator[World]:
        """A fresh namespace under the restricted profile; gone afterwards with all that is in it.

        `settings` are `NAME=VALUE` of the chart, for its rights; `labels` are more labels of the namespace.
        """
        name = f"lab-{uuid4().hex[:8]}"
        meta = {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted", **(labels or {})}}
        await self.api.request(
            "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
        )
        folder = self._folder / name
        folder.mkdir()
        world = World(self, name, folder)
        try:
            await world.grant(*settings)
            yield world
        finally:
            await world.kill()
            await self.api.request("DELETE", f"/api/v1/namespaces/{name}")
            self.records.forget(name)


@asynccontextmanager
async def laboratory(plurals: Sequence[str] = RECORDED) -> AsyncIterator[Lab]:
    """An administrator, a record and a nursery; an operator that is deployed in the cluster rests meanwhile."""
    with TemporaryDirectory() as folder:
        async with admin() as api, Records(api, plurals).kept() as records, Nursery.opened() as nursery:
            resting = asyncio.create_task(_keep_deployed_away(api))
            try:
                yield Lab(api, records, nursery, Path(folder))
            finally:
                resting.cancel()


async def scale_deployed(api: Api, replicas: int) -> None:
    """The operator that `make deploy` made, where there is one."""
    with suppress(Answer):
        await api.merge("deployments", "mlrun-system", "mlrun-operator", {"spec": {"replicas": replicas}}, "/scale")


async def _keep_deployed_away(api: Api) -> None:
    """Other test sessions bring it back at their end."""
    while True:
        await scale_deployed(api, 0)
        await asyncio.sleep(1)
