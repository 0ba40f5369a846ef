"""A namespace that is deleted, forbidden or silent stops nothing else; a server at the wire plays the API server."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import repeat
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from support.kubeapi import discovery
from support.wire import port_to

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS
from mlrun_operator.cluster.watch_middleware import WatchMiddleware
from mlrun_operator.controller import watch_monitor as module
from mlrun_operator.controller.background import BackgroundTasks, TaskExitedError
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.health import Health
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.watch import WATCHED, build_registry, build_settings, watch
from mlrun_operator.controller.watch_monitor import WatchMonitor

Object = dict[str, Any]
NAMESPACES = ("gone", "team")


class ApiServer:
    """Runs of some namespaces, of which a request may be refused, held or never answered."""

    def __init__(self) -> None:
        self.version = 1
        self.runs: dict[str, list[Object]] = {namespace: [] for namespace in NAMESPACES}
        # Codes by what is in the path.
        self.refused: dict[str, int] = {}
        # While it is set, watches get no answer.
        self.watches_hang = False
        self.requests: list[str] = []
        # While it is clear, second and later pages get no answer.
        self.paging = asyncio.Event()
        self.paging.set()
        self._streams: list[asyncio.Event] = []

    def add_run(self, namespace: str, name: str) -> None:
        self.version += 1
        metadata = {"name": name, "namespace": namespace, "uid": name, "resourceVersion": str(self.version)}
        self.runs[namespace].append({"metadata": metadata, "spec": {}})

    def end_watches(self) -> None:
        for stream in self._streams:
            stream.set()
        self._streams.clear()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "namespaces" not in request.path:
            return web.json_response(discovery(request.path))
        is_watch = request.query.get("watch") == "true"
        sender = "kopf" if request.headers["User-Agent"] == "kopf" else "monitor"
        self.requests.append(f"{sender} {'watch' if is_watch else 'list'} {request.path}")
        if "continue" in request.query:
            await self.paging.wait()
        code = next((code for part, code in self.refused.items() if part in request.path), None)
        if code is not None:
            return web.json_response({"kind": "Status", "code": code, "message": "no"}, status=code)
        if is_watch:
            return await self._stream(request)
        match = re.fullmatch(rf".*/namespaces/(\w+)/{RUNS.plural}", request.path)
        items = self.runs[match[1]] if match else []
        start = int(request.query.get("continue", "0"))
        more = {"continue": str(start + 1)} if start + 1 < len(items) else {}
        metadata = {"resourceVersion": str(self.version), **more}
        return web.json_response({"metadata": metadata, "items": items[start : start + 1]})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self.watches_hang:
            await asyncio.Event().wait()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b"\n")
        ended = asyncio.Event()
        self._streams.append(ended)
        await ended.wait()
        return response


class _Quickly:
    def __iter__(self) -> Any:
        return repeat(0.01)


class Operator:
    def __init__(self, cluster: ApiClient, silence_seconds: float) -> None:
        self.index = Index()
        self.event_handler = WatchEventHandler(self.index, lambda *_: None)
        self.monitor = WatchMonitor(
            NAMESPACES, cluster, self.event_handler, silence_seconds=silence_seconds, first_retry_seconds=0.02
        )
        self.tasks = BackgroundTasks(asyncio.Event())
        self.health = Health(self.monitor, FairQueue(), self.tasks)
        self.session = aiohttp.ClientSession(
            middlewares=(WatchMiddleware(self.monitor, pace=0.01),), headers={"User-Agent": "kopf"}
        )
        self._server = cluster._connection.server
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        connection = Connection(self._server, self.session, None)  # type: ignore[arg-type]
        settings = build_settings()
        settings.networking.error_backoffs = _Quickly()
        settings.watching.reconnect_backoff = 0.01
        settings.process.ultimate_exiting_timeout = None
        registry = build_registry(connection, self.event_handler, self._on_startup, self.tasks.stop)
        await watch(registry, settings, NAMESPACES, self.tasks.stopping)
        self.tasks.check()

    async def _on_startup(self) -> None:
        self.tasks.add(self.monitor.resync_loops(600))
        self.tasks.start()
        await self.monitor.synced.wait()

    def is_known(self, namespace: str, name: str) -> bool:
        return self.index.get(RUNS, namespace, name) is not None

    def is_ready(self) -> bool:
        return not self.health.readiness_problems()

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                assert not self.task.done(), f"the operator has ended: {self.task}"
                await asyncio.sleep(0.01)


@asynccontextmanager
async def operated(server: ApiServer, silence_seconds: float = 180) -> AsyncIterator[Operator]:
    async with port_to(server.answer) as cluster:
        operator = Operator(cluster, silence_seconds)
        try:
            yield operator
        finally:
            operator.tasks.stopping.set()
            server.end_watches()
            with suppress(TaskExitedError):
                await operator.task
            await operator.tasks.stop()
            await operator.session.close()


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


@pytest.mark.parametrize("code", [403, 404])
async def test_a_refused_namespace_does_not_stop_the_start(
    server: ApiServer, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    server.refused["/gone/"] = code
    server.add_run("team", "a")
    async with operated(server) as it:
        await it.until(it.is_ready)
        assert it.is_known("team", "a")
        assert it.health.liveness_problems() == []
        assert len(it.monitor.refusals()) == 5
        assert not it.monitor.is_refused(RUNS.url("team"))
        await it.until(lambda: server.requests.count(f"monitor list {JOBS.url('gone')}") >= 4)
        assert caplog.text.count("cannot list jobs in namespace gone") == 1, "once, not for each retry"
        assert not any("kopf" in request and "/gone/" in request for request in server.requests)


async def test_a_namespace_forbidden_while_running_stops_nothing_else(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.add_run("gone", "theirs")
    async with operated(server) as it:
        await it.until(lambda: None not in it.monitor.idle_seconds().values())
        server.refused["/gone/"] = 403
        server.end_watches()
        await it.until(lambda: len(it.monitor.refusals()) == 5)
        await it.until(lambda: it.monitor.idle_seconds()[RUNS.url("team")] is not None)
        assert it.health.liveness_problems() == []
        assert it.is_ready()
        assert it.is_known("gone", "theirs"), "what is known stays: the namespace may come back"
        await asyncio.sleep(0.3)
        assert caplog.text.count("the watch of pods in namespace gone failed") == 1
        assert caplog.text.count("cannot list pods in namespace gone") == 1


async def test_a_namespace_that_comes_back_is_taken_up(server: ApiServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server.refused["/gone/"] = 403
    async with operated(server) as it:
        await it.until(it.is_ready)
        server.add_run("gone", "b")
        server.requests.clear()
        server.refused.clear()
        await it.until(lambda: it.is_known("gone", "b"))
        await it.until(lambda: None not in it.monitor.idle_seconds().values())
        assert it.monitor.refusals() == {}
        assert "mlrunruns in namespace gone can be listed again" in caplog.text
        listings = [r for r in server.requests if r.startswith("monitor list") and "/gone/" in r]
        positions = {listings.index(f"monitor list {resource.url('gone')}"): resource for resource in WATCHED}
        assert positions[max(positions)] is RUNS, "no run is decided on before its Jobs and pods are known"


async def test_objects_that_went_with_the_namespace_are_forgotten(server: ApiServer) -> None:
    server.add_run("gone", "old")
    async with operated(server) as it:
        await it.until(lambda: None not in it.monitor.idle_seconds().values())
        server.refused["/gone/"] = 404
        server.end_watches()
        await it.until(lambda: len(it.monitor.refusals()) == 5)
        server.runs["gone"].clear()
        server.version += 5
        server.refused.clear()
        await it.until(lambda: not it.is_known("gone", "old"))


async def test_where_no_namespace_is_served_the_process_is_unready(server: ApiServer) -> None:
    server.refused = {"/gone/": 403, "/team/": 403}
    async with operated(server) as it:
        await it.until(it.monitor.synced.is_set)
        problems = it.health.readiness_problems()
        assert problems[0] == "no namespace is served"
        assert any("/team/jobs: 403" in problem for problem in problems)
        assert it.health.liveness_problems() == [], "a restart would not mend it"
        server.refused.clear()
        await it.until(it.is_ready)


@pytest.mark.parametrize("resource", [JOBS, PODS, FUNCTIONS])
async def test_runs_wait_for_what_they_are_decided_by(server: ApiServer, resource: Any) -> None:
    server.refused[resource.url("gone")] = 403
    server.add_run("gone", "b")
    async with operated(server) as it:
        await it.until(it.is_ready)
        assert not it.is_known("gone", "b")
        refusal = it.monitor.refusals()[RUNS.url("gone")]
        assert refusal == f"{resource.plural} in namespace gone cannot be listed"
        server.refused.clear()
        await it.until(lambda: it.is_known("gone", "b"))


async def test_forbidden_cron_jobs_do_not_keep_runs_back(server: ApiServer) -> None:
    server.refused["cronjobs"] = 403
    server.add_run("team", "a")
    async with operated(server) as it:
        await it.until(lambda: it.monitor.idle_seconds()[RUNS.url("team")] is not None)
        assert it.is_known("team", "a")
        assert set(it.monitor.refusals()) == {CRON_JOBS.url(namespace) for namespace in NAMESPACES}


async def test_an_api_server_that_fails_is_waited_for(server: ApiServer) -> None:
    server.refused["/team/"] = 503
    async with operated(server) as it:
        await it.until(lambda: server.requests.count(f"monitor list {JOBS.url('team')}") >= 3)
        assert not it.monitor.synced.is_set(), "503 is no refusal: it passes"
        server.refused.clear()
        await it.until(it.is_ready)


async def test_watches_that_are_all_silent_ask_for_a_restart(server: ApiServer) -> None:
    async with operated(server, silence_seconds=0.3) as it:
        await it.until(lambda: "no watch receives anything" in str(it.health.liveness_problems()))
        assert not it.is_ready()


async def test_one_watch_that_is_heard_is_enough_to_live(server: ApiServer) -> None:
    async with operated(server, silence_seconds=0.3) as it:
        deadline = time.monotonic() + 1.5
        await it.until(it.monitor.synced.is_set)
        while time.monotonic() < deadline:
            it.monitor.on_activity(PODS.url("team"))
            await asyncio.sleep(0.01)
            assert it.health.liveness_problems() == []


async def test_an_outage_of_the_api_server_asks_for_no_restart(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with operated(server, silence_seconds=0.3) as it:
        await it.until(lambda: None not in it.monitor.idle_seconds().values())
        server.refused["namespaces"] = 503
        server.end_watches()
        await it.until(lambda: not it.is_ready())
        await asyncio.sleep(1)
        assert it.health.liveness_problems() == []
        assert caplog.text.count("the watch of pods in namespace team failed: 503") == 1, "once, not for each retry"


async def test_a_silent_watch_is_replaced_by_listings(server: ApiServer) -> None:
    server.watches_hang = True
    async with operated(server, silence_seconds=0.3) as it:
        await it.until(it.monitor.synced.is_set)
        await it.until(lambda: any("kopf watch" in request for request in server.requests))
        server.add_run("team", "late")
        await it.until(lambda: it.is_known("team", "late"))


async def test_a_long_start_tells_how_far_it_is(
    server: ApiServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "_PROGRESS_SECONDS", 0.05)
    for number in range(3):
        server.add_run("team", f"r-{number}")
    server.paging.clear()
    async with operated(server) as it:
        await it.until(lambda: "starting: listed 1 of mlrunruns in namespace team" in caplog.text)
        assert it.health.liveness_problems() == []
        assert it.health.readiness_problems() == ["the first listings are not complete"]
        server.paging.set()
        await it.until(it.is_ready)
        assert it.is_known("team", "r-2")


async def test_each_page_of_the_first_listing_is_activity(server: ApiServer) -> None:
    for number in range(2):
        server.add_run("team", f"r-{number}")
    async with port_to(server.answer) as cluster:
        activity: list[float] = []
        monitor: WatchMonitor
        handler = WatchEventHandler(Index(), lambda *_: activity.append(state.last_activity))
        monitor = WatchMonitor(("team",), cluster, handler)
        state = next(watch for watch in monitor.watches if watch.resource is RUNS)
        loops = [asyncio.create_task(loop) for loop in monitor.resync_loops(600).values()]
        async with asyncio.timeout(10):
            await monitor.synced.wait()
        for loop in loops:
            loop.cancel()
        assert activity[0] < activity[1], "one page an object"


async def test_a_new_leader_lists_everything_anew(server: ApiServer) -> None:
    async with operated(server) as it:
        await it.until(it.is_ready)
        server.requests.clear()
        server.add_run("team", "a")
        await it.monitor.list_all()
        assert it.is_known("team", "a")
        listed = {request.removeprefix("monitor list ") for request in server.requests if "monitor" in request}
        assert listed == {watch.path for watch in it.monitor.watches}
