"""kopf's watches go on whatever the API server says; a server at the wire says it. What ends them ends the process."""

import asyncio
import json
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
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.cluster.watch_middleware import WatchMiddleware
from mlrun_operator.controller.background import BackgroundTasks, TaskExitedError
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.lister import ResourceVersionRegressedError
from mlrun_operator.controller.watch import build_registry, build_settings, watch
from mlrun_operator.controller.watch_monitor import WatchMonitor

Object = dict[str, Any]
REFUSALS = (400, 401, 403, 404, 409, 429, 500, 503)


def run(name: str, version: int, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "team", "uid": f"uid-{name}", "resourceVersion": str(version)},
        "spec": spec,
    }


def nested(depth: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


def status(code: int) -> Object:
    return {"kind": "Status", "code": code, "reason": "No", "message": "no"}


def error(code: int) -> list[Object]:
    return [{"type": "ERROR", "object": status(code)}]


class ApiServer:
    """Runs of one namespace. `lists` and `watches` are what kopf is answered in turn; then a watch is silent."""

    def __init__(self) -> None:
        self.version = 1
        self.runs: dict[str, Object] = {}
        self.lists: list[int | str] = []
        self.watches: list[list[Object] | int | bytes] = []
        self.asked: list[str] = []
        self.page = 500
        self._silent: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def break_off(self) -> None:
        """End the watch as soon as it is silent."""
        async with asyncio.timeout(20):
            (await self._silent.get()).set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "namespaces" not in request.path:
            return web.json_response(discovery(request.path))
        watching, ours = request.query.get("watch") == "true", request.path.endswith(f"/team/{RUNS.plural}")
        if not ours:
            return await self._stream(None, request) if watching else self._listing({}, request)
        if watching:
            self.asked.append(f"watch from {request.query['resourceVersion']}")
            return await self._stream(self.watches.pop(0) if self.watches else None, request)
        if request.headers["User-Agent"] == "kopf":
            self.asked.append("list")
            if self.lists:
                return _refusal(self.lists.pop(0))
        return self._listing(self.runs, request)

    def _listing(self, objects: dict[str, Object], request: web.Request) -> web.StreamResponse:
        start = int(request.query.get("continue", "0"))
        items, end = [*objects.values()], start + self.page
        more = {"continue": str(end)} if end < len(items) else {}
        return web.json_response(
            {"metadata": {"resourceVersion": str(self.version), **more}, "items": items[start:end]}
        )

    async def _stream(self, said: list[Object] | int | bytes | None, request: web.Request) -> web.StreamResponse:
        if isinstance(said, int):
            return _refusal(said)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if isinstance(said, bytes):
            await response.write(said)
        elif said is not None:
            for event in said:
                self._happen(event["type"], event["object"])
                await response.write(json.dumps(event).encode() + b"\n")
        else:
            await response.write(b"\n")  # so that the headers go out
            broken = asyncio.Event()
            if request.path.endswith(RUNS.plural):
                self._silent.put_nowait(broken)
            await broken.wait()
        return response

    def _happen(self, kind: str, obj: Object) -> None:
        """What a watch tells is what a listing shows."""
        meta = obj.get("metadata", {})
        self.version = max(self.version, int(meta.get("resourceVersion", 0)))
        if kind in ("ADDED", "MODIFIED"):
            self.runs[meta["uid"]] = obj
        elif kind == "DELETED":
            self.runs.pop(meta["uid"], None)


def _refusal(said: int | str) -> web.Response:
    if isinstance(said, str):
        return web.Response(text=said, content_type="text/html")
    return web.json_response(status(said), status=said)


class Operator:
    """kopf with our registry and the watch monitor over it, and the names of the objects that events were of."""

    def __init__(self, cluster: ApiClient) -> None:
        self.index = Index()
        self.heard: list[str] = []
        self.event_handler = WatchEventHandler(self.index, lambda _, obj: self.heard.append(obj["metadata"]["name"]))
        self.watch_monitor = WatchMonitor(("team",), cluster, self.event_handler, first_retry_seconds=0.01)
        self.tasks = BackgroundTasks(asyncio.Event())
        self.session = aiohttp.ClientSession(
            middlewares=(WatchMiddleware(self.watch_monitor, pace=0.01),), headers={"User-Agent": "kopf"}
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
        await watch(registry, settings, ("team",), self.tasks.stopping)
        self.tasks.check()

    async def _on_startup(self) -> None:
        self.tasks.add(self.watch_monitor.resync_loops(600))
        self.tasks.start()
        await self.watch_monitor.synced.wait()

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not true():
                assert not self.task.done(), f"the operator has ended: {self.task}"
                await asyncio.sleep(0.01)

    def known(self, name: str) -> Object | None:
        return self.index.get(RUNS, "team", name)


class _Quickly:
    def __iter__(self) -> Any:
        return repeat(0.01)


@pytest.fixture
def server() -> ApiServer:
    return ApiServer()


@asynccontextmanager
async def operated(server: ApiServer) -> AsyncIterator[Operator]:
    async with port_to(server.answer) as cluster:
        made = Operator(cluster)
        try:
            yield made
        finally:
            made.tasks.stopping.set()
            with suppress(TaskExitedError):
                await made.task
            await made.tasks.stop()
            await made.session.close()


async def test_no_refusal_of_a_listing_ends_a_watch(server: ApiServer) -> None:
    server.runs["a"] = run("a", 1)
    server.lists = [*REFUSALS, "<html>closed for today</html>", 410]
    async with operated(server) as it:
        await it.until(lambda: server.asked[-1:] == ["watch from 1"])
        assert server.asked.count("list") == 11
        assert it.heard == ["a"], "told once, however often it was listed"


async def test_no_refusal_of_a_watch_ends_it(server: ApiServer) -> None:
    server.runs["a"] = run("a", 1)
    server.watches = [*REFUSALS, b'{"type": "ADDED"', *map(error, (410, *REFUSALS))]
    async with operated(server) as it:
        await it.until(lambda: not server.watches and server.asked[-1:] == ["watch from 1"])
        assert it.known("a")
        assert it.heard == ["a"]


@pytest.mark.parametrize("gone", [410, error(410), 404], ids=["status", "in stream", "not found"])
async def test_what_vanished_while_a_watch_was_broken_is_forgotten(server: ApiServer, gone: Any) -> None:
    server.runs = {"stays": run("stays", 1), "goes": run("goes", 1)}
    server.page = 1
    async with operated(server) as it:
        await it.until(lambda: "watch from 1" in server.asked and it.known("goes"))
        server.version = 5
        del server.runs["goes"]
        server.watches = [gone]
        await server.break_off()
        await it.until(lambda: server.asked[-1:] == ["watch from 5"] and it.known("goes") is None)
        assert it.known("stays")
        assert it.heard[-1] == "goes"


async def test_a_stream_that_ends_is_taken_up_where_it_was(server: ApiServer) -> None:
    made = [{"type": "ADDED", "object": run("a", 4)}, {"type": "MODIFIED", "object": run("a", 6, x=1)}]
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}
    server.watches = [made, [bookmark], [{"type": "DELETED", "object": run("a", 11)}]]
    async with operated(server) as it:
        await it.until(lambda: server.asked[-1:] == ["watch from 11"] and len(it.heard) == 3)
        assert server.asked == ["list", "watch from 1", "watch from 6", "watch from 9", "watch from 11"]
        assert it.heard == ["a", "a", "a"]
        assert it.known("a") is None


async def test_everything_is_known_before_kopf_watches(server: ApiServer) -> None:
    server.runs["a"] = run("a", 1)
    server.lists = [503] * 1000
    async with operated(server) as it:
        await it.watch_monitor.synced.wait()
        assert it.known("a")
        assert set(it.watch_monitor.idle_seconds().values()) == {None}, "not ready: no watch was heard"
        server.lists.clear()
        await it.until(lambda: None not in it.watch_monitor.idle_seconds().values())


async def test_what_we_wrote_ourselves_is_no_news(server: ApiServer) -> None:
    async with operated(server) as it:
        await it.until(lambda: "watch from 1" in server.asked)
        server.version = 4
        server.runs["a"] = run("a", 4)
        it.index.put(RUNS, run("a", 4))
        server.watches = [[{"type": "ADDED", "object": run("a", 4)}, {"type": "MODIFIED", "object": run("b", 5)}]]
        await server.break_off()
        await it.until(lambda: it.heard)
        assert it.heard == ["b"]


async def test_an_object_that_cannot_be_read_hides_no_other(
    server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    nameless = {"metadata": {"namespace": "team", "uid": "x", "resourceVersion": "2"}}
    deep = run("deep", 3, parameters=nested(4000))
    server.watches = [[{"type": "ADDED", "object": obj} for obj in (nameless, deep, run("healthy", 3))]]
    async with operated(server) as it:
        await it.until(lambda: it.known("healthy") and it.known("deep"))
        assert it.known("deep")["spec"] == {"unreadable": "the spec is nested too deeply"}  # type: ignore[index]
        assert "MlrunRun cannot be read" in caplog.text


async def test_what_kopf_does_not_survive_ends_the_process(server: ApiServer) -> None:
    server.watches = [b"{'type': no JSON}\n"]
    async with operated(server) as it:
        await asyncio.wait([it.task], timeout=20)
        with pytest.raises(TaskExitedError, match="the watches exited: JSONDecodeError"):
            await it.task


async def test_history_that_goes_back_ends_the_process(server: ApiServer) -> None:
    server.watches = [[{"type": "ADDED", "object": run("a", 9)}]]
    async with operated(server) as it:
        await it.until(lambda: it.known("a"))
        server.version = 7
        it.watch_monitor.on_relist(RUNS.url("team"))
        await asyncio.wait([it.task], timeout=20)
        expected = r"listing of mlrunruns in namespace team exited: ResourceVersionRegressedError: .* 7 after 9"
        with pytest.raises(TaskExitedError, match=expected):
            await it.task


async def test_the_first_task_that_exits_ends_all() -> None:
    async def fails() -> None:
        raise ResourceVersionRegressedError("went back")

    async def goes_on() -> None:
        await asyncio.Event().wait()

    tasks = BackgroundTasks(asyncio.Event())
    tasks.add({"probes": goes_on(), "clock": fails()})
    tasks.start()
    await tasks.stopping.wait()
    assert tasks.exited == ["clock"]
    await tasks.stop()
    with pytest.raises(TaskExitedError, match="task clock exited: ResourceVersionRegressedError: went back"):
        tasks.check()
    tasks = BackgroundTasks(asyncio.Event())
    tasks.add({"probes": goes_on()})
    tasks.start()
    await tasks.stop()
    assert tasks.exited == []
    tasks.check()


async def test_a_loop_can_be_cancelled_while_it_is_woken() -> None:
    async with port_to(ApiServer().answer) as cluster:
        watch_monitor = WatchMonitor(("team",), cluster, WatchEventHandler(Index(), lambda *_: None))
        loops = watch_monitor.resync_loops(600)
        tasks = [asyncio.create_task(loop) for loop in loops.values()]
        await watch_monitor.synced.wait()
        watch_monitor.on_relist(RUNS.url("team"))
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        _, pending = await asyncio.wait(tasks, timeout=5)
        assert not pending


async def test_a_loop_survives_what_it_cannot_understand(server: ApiServer, caplog: pytest.LogCaptureFixture) -> None:
    async with operated(server) as it:
        await it.until(lambda: "watch from 1" in server.asked)
        it.index.put(RUNS, run("vanished", 1))
        server.runs = {"odd": {"metadata": {}}}
        it.watch_monitor.on_relist(RUNS.url("team"))
        await it.until(lambda: "cannot list mlrunruns in namespace team: 'uid'" in caplog.text)
        server.runs = {}
        await it.until(lambda: it.known("vanished") is None)
