"""The operator's process ends in good order, or with exit code 1 and a line that says why."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from support.kubeapi import discovery
from support.ports import free_port
from support.wire import port_to

from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.controller.metrics.catalogue import CATALOGUE


class Played:
    """An API server without objects; `said` is what a watch of runs is told at once."""

    said = b""
    watched = asyncio.Event()
    listed = asyncio.Event()
    # Listings get no answer.
    is_slow = False
    openapi: dict[str, Any] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/openapi"):
            return web.json_response(self.openapi)
        if "namespaces" not in request.path:
            return web.json_response(discovery(request.path))
        if request.query.get("watch") != "true":
            self.listed.set()
            if self.is_slow:
                await asyncio.Event().wait()
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write((self.said if request.path.endswith(RUNS.plural) else b"") + b"\n")
        self.watched.set()
        await asyncio.Event().wait()
        return response


@pytest.fixture
async def server() -> AsyncIterator[tuple[Played, str]]:
    played = Played()
    played.watched, played.listed = asyncio.Event(), asyncio.Event()
    async with port_to(played.answer) as cluster:
        yield played, cluster._connection.server


async def started(server: str, folder: Path, **more: str) -> asyncio.subprocess.Process:
    config = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    (folder / "config").write_text(json.dumps(config))
    settings = {"KUBECONFIG": str(folder / "config"), "MLRUN_OPERATOR_NAMESPACES": "team", **more}
    listen = {f"MLRUN_OPERATOR_{name}": f"127.0.0.1:{free_port()}" for name in ("LISTEN", "METRICS_LISTEN")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mlrun_operator.controller"),
        env={**os.environ, **listen, **settings},
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    return process.returncode, said.decode()


async def test_what_ends_a_watch_ends_the_process_with_one_line(server: tuple[Played, str], tmp_path: Path) -> None:
    server[0].said = b"{no JSON"
    code, said = await ended(await started(server[1], tmp_path))
    assert code == 1
    lines = [line for line in said.splitlines() if " ERROR " in line]
    assert len(lines) == 1, said
    assert "the watches exited: JSONDecodeError" in lines[0]
    assert lines[0].endswith("; exiting so that the pod is restarted")


async def test_as_json_every_line_is_an_object_also_the_last_one(server: tuple[Played, str], tmp_path: Path) -> None:
    server[0].said = b"{no JSON"
    code, said = await ended(await started(server[1], tmp_path, MLRUN_OPERATOR_LOG_FORMAT="json"))
    assert code == 1
    lines = [json.loads(line) for line in said.splitlines()]
    assert lines[0]["message"].startswith("mlrun-operator ")
    assert lines[-1]["level"] == "error"
    assert "JSONDecodeError" in lines[-1]["error"]


async def test_a_crd_older_than_the_operator_is_one_line(server: tuple[Played, str], tmp_path: Path) -> None:
    names = [{"group": "mlrun-operator.dev", "kind": "MlrunFunction", "version": "v1alpha1"}]
    status = {"properties": {"observedGeneration": {}, "conditions": {"x-kubernetes-preserve-unknown-fields": True}}}
    schema = {"x-kubernetes-group-version-kind": names, "properties": {"status": status}}
    server[0].openapi = {"components": {"schemas": {"function": schema}}}
    code, said = await ended(await started(server[1], tmp_path))
    assert code == 1
    assert said.startswith("the CRD MlrunFunction lacks status.digest")
    assert said.splitlines()[1:] == []


async def test_a_signal_ends_the_process_in_good_order(server: tuple[Played, str], tmp_path: Path) -> None:
    process = await started(server[1], tmp_path)
    async with asyncio.timeout(60):
        await server[0].watched.wait()
    process.send_signal(signal.SIGTERM)
    assert (await ended(process))[0] == 0


async def test_a_signal_ends_the_process_during_a_slow_start(server: tuple[Played, str], tmp_path: Path) -> None:
    server[0].is_slow = True
    listen = f"127.0.0.1:{free_port()}"
    process = await started(server[1], tmp_path, MLRUN_OPERATOR_LISTEN=listen)
    async with asyncio.timeout(60):
        await server[0].listed.wait()
    assert (await probed(listen, "healthz"))[0] == 200, "a slow start is not killed"
    assert await probed(listen, "readyz") == (503, ["the first listings are not complete"])
    process.send_signal(signal.SIGTERM)
    assert (await ended(process))[0] == 0


async def test_a_scrape_has_every_metric_in_either_format(server: tuple[Played, str], tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    process = await started(server[1], tmp_path, MLRUN_OPERATOR_METRICS_LISTEN=listen)
    try:
        plain, told = await scraped(listen, "text/plain")
        openmetrics, modern = await scraped(listen, "application/openmetrics-text")
    finally:
        process.send_signal(signal.SIGTERM)
        await ended(process)
    assert plain.startswith("text/plain")
    assert openmetrics.startswith("application/openmetrics-text")
    assert modern.endswith("# EOF\n")
    families = {family.name: family for family in text_string_to_metric_families(told)}
    wanted = {metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name for metric in CATALOGUE}
    assert wanted == {name for name in families if name.startswith("mlrun_operator_")}
    assert {family.type for name, family in families.items() if name in wanted} == {"counter", "gauge", "histogram"}
    leader, builds = families["mlrun_operator_leader"], families["mlrun_operator_build_info"]
    assert [sample.value for sample in (*leader.samples, *builds.samples)] == [1, 1]
    watches = families["mlrun_operator_watch_last_heard_timestamp_seconds"].samples
    assert {s.labels["resource"] for s in watches} == {"mlrunruns", "mlrunfunctions", "cronjobs", "jobs", "pods"}


async def probed(listen: str, path: str) -> tuple[int, list[str]]:
    """Code and problems of a probe, once there is an answer."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://{listen}/{path}") as answer:
                    return answer.status, (await answer.json())["problems"]
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)


async def scraped(listen: str, accept: str) -> tuple[str, str]:
    """Content type and text of /metrics, once there is an answer."""
    async with asyncio.timeout(60), aiohttp.ClientSession(headers={"Accept": accept}) as session:
        while True:
            try:
                async with session.get(f"http://{listen}/metrics") as answer:
                    return answer.headers["Content-Type"], await answer.text()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)
