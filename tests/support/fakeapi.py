"""An API server at the wire that does what a real one does too seldom: expired watches, cut streams, odd answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import yaml
from aiohttp import web

from mlrun_operator.api.contract.log_length import NEAR_END

Object = dict[str, Any]
RUNS = "/apis/mlrun-operator.dev/v1alpha1"
# What a watch does once: told its stream, it writes events, cuts, or hangs.
Watch = Callable[[web.StreamResponse], Any]


class FakeApi:
    """Serves one run, `team/r`. `watches` are used up one by one; so are `logs` and `lists`."""

    def __init__(self) -> None:
        self.serves_crds = True
        self.answer: tuple[int, Object | str] | None = None
        self.run: Object = run()
        self.watches: list[Watch | int] = []
        self.logs: list[str | int] = []
        self.lists: list[list[Object]] = []
        self.log_of: dict[str, str] = {}
        # The last lines of a pod's log, without their times.
        self.log_ends: dict[str, list[str]] = {}
        # Of a pod's log: the code and the words.
        self.refused: dict[str, tuple[int, str]] = {}
        # What becomes of each POST, one by one: done but not told, not even done, or (default) done and told.
        self.posts: list[Literal["untold", "undone", "told"]] = []
        self.made: dict[str, Object] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.port = 0
        self.over = asyncio.Event()

    def kubeconfig(self, folder: Path) -> str:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "fake", "user": {"token": "t"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake", "namespace": "team"}}],
        }
        file = folder / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return str(file)

    async def handle(self, request: web.Request) -> web.StreamResponse:  # noqa: PLR0911 - a table of answers
        self.requests.append((request.method, request.path, dict(request.query)))
        if self.answer is not None:
            code, said = self.answer
            return (
                web.json_response(said, status=code) if isinstance(said, dict) else web.Response(status=code, text=said)
            )
        if request.path == RUNS:
            if not self.serves_crds:
                return web.Response(status=404, text="404 page not found\n")
            return web.json_response({"resources": [{"name": "mlrunruns"}, {"name": "mlrunfunctions"}]})
        if request.method == "POST":
            return await self._post(request)
        if request.path.rpartition("/")[2] in self.made:
            return web.json_response(self.made[request.path.rpartition("/")[2]])
        if request.path.endswith("/log"):
            return self._log(request)
        if request.query.get("watch"):
            return await self._watch(request)
        if request.path.endswith("/mlrunruns"):
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": self.lists.pop(0)})
        if request.path.endswith("/mlrunruns/r"):
            return web.json_response(self.run)
        return web.json_response(status("NotFound", 404, f"{request.path} not found"), status=404)

    async def _post(self, request: web.Request) -> web.Response:
        obj, fate = await request.json(), self.posts.pop(0) if self.posts else "told"
        name = obj["metadata"]["name"]
        there = name in self.made
        if fate != "undone" and not there:
            self.made[name] = {**obj, "metadata": {**obj["metadata"], "uid": f"u-{len(self.made) + 1}"}}
        if fate != "told":
            assert request.transport is not None
            request.transport.abort()
        if there:
            return web.json_response(status("AlreadyExists", 409, f"{name} already exists"), status=409)
        return web.json_response(self.made.get(name, {}), status=201)

    def _log(self, request: web.Request) -> web.Response:
        pod = request.path.split("/")[-2]
        if request.query.get("tailLines") == str(NEAR_END):
            return web.Response(text="\n".join(self.log_ends.get(pod, ())) + "\n")
        if pod in self.log_of:
            return web.Response(text="" if "sinceTime" in request.query else self.log_of[pod])
        if pod in self.refused:
            code, words = self.refused[pod]
            return web.json_response(status("Odd", code, words), status=code)
        answer = self.logs.pop(0) if self.logs else ""
        if isinstance(answer, int):
            return web.json_response(status("NotFound" if answer == 404 else "Odd", answer, "odd"), status=answer)
        return web.Response(text=answer)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        watch = self.watches.pop(0) if self.watches else hang
        if isinstance(watch, int):
            return web.json_response(status("Expired", watch, "too old resource version"), status=watch)
        stream = web.StreamResponse()
        await stream.prepare(request)
        telling, over = asyncio.ensure_future(watch(stream)), asyncio.ensure_future(self.over.wait())
        await asyncio.wait({telling, over}, return_when=asyncio.FIRST_COMPLETED)
        for task in (telling, over):
            task.cancel()
        return stream


def status(reason: str, code: int, message: str) -> Object:
    return {"kind": "Status", "status": "Failure", "reason": reason, "code": code, "message": message}


def run(phase: str = "Running", version: int = 1, **more: Any) -> Object:
    """The run in a phase."""
    return {
        "apiVersion": "mlrun-operator.dev/v1alpha1",
        "kind": "MlrunRun",
        "metadata": {"name": "r", "namespace": "team", "uid": "u-1", "generation": 1, "resourceVersion": str(version)},
        "spec": {"functionRef": {"name": "f"}},
        "status": {"phase": phase, "reason": phase, "observedGeneration": 1, **more},
    }


def events(*objects: Object, kind: str = "MODIFIED") -> Watch:
    """A watch that tells these objects and ends."""

    async def tell(stream: web.StreamResponse) -> None:
        for obj in objects:
            await stream.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    return tell


def expired() -> Watch:
    """A watch whose resource version became too old within the stream."""
    return events(status("Expired", 410, "too old resource version"), kind="ERROR")


async def cut(stream: web.StreamResponse) -> None:
    """A connection that breaks in the middle of an event."""
    await stream.write(b'{"type": "MODIF')
    assert stream._req is not None
    assert stream._req.transport is not None
    stream._req.transport.abort()


async def hang(stream: web.StreamResponse) -> None:
    """A watch in which nothing happens."""
    await asyncio.sleep(3600)


@asynccontextmanager
async def fake_api() -> AsyncIterator[FakeApi]:
    api = FakeApi()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.port = runner.addresses[0][1]
    try:
        yield api
    finally:
        api.over.set()
        await runner.cleanup()
