"""A proxy between the operator and the API server that breaks on command. TLS on both sides.

One fault at a time holds for all requests that match it, until `heal`. Watches that are open when a fault begins are
broken off, stalled, doubled or delayed with it.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import aiohttp
from aiohttp import web
from support.api import goodbye, kubeconfig, lines, tls_of
from support.ports import free_port

from fileserver.authority import Authority

Kind = Literal["answer", "abort", "stall", "half-close", "gone", "gone in stream", "double", "delay"]
_HOP: Final = ("connection", "transfer-encoding", "content-length", "content-encoding", "host")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, for which requests. `code` and `headers` are those of an `answer`; `code` also in a stream."""

    kind: Kind
    verbs: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE")
    path: str = ""
    code: int = 0
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1_000_000

    def hits(self, request: web.Request) -> bool:
        return request.method in self.verbs and self.path in request.path


class FaultProxy:
    """`server` and `trust` lead a client here."""

    def __init__(self, session: aiohttp.ClientSession, upstream: str, folder: Path) -> None:
        self._session = session
        self._upstream = upstream
        self._authority = Authority.kept(folder / "ca.pem")
        self._leaf = folder / "leaf.pem"
        self._leaf.write_bytes(self._authority.leaf(["127.0.0.1"]))
        self._fault: Fault | None = None
        self._left = 0
        self._changed = asyncio.Event()
        self._hit = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._open: set[asyncio.Transport] = set()
        self.port = free_port()
        self.hits = 0
        # What becomes of the API server's answers, watches apart: given a path and a body, the body to pass on.
        self.rewrite: Callable[[str, bytes], bytes] = lambda _, body: body

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def trust(self) -> str:
        from cryptography.hazmat.primitives.serialization import Encoding

        return self._authority.certificate.public_bytes(Encoding.PEM).decode()

    async def open(self) -> None:
        """Listen."""
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self._leaf)
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=tls, reuse_address=True).start()

    async def refuse(self) -> None:
        """Nobody listens, and what was connected is reset."""
        assert self._runner is not None
        for transport in self._open:
            transport.abort()
        await self._runner.cleanup()

    def breaks(self, fault: Fault) -> None:
        """From now on this goes wrong."""
        self._fault, self._left, self.hits = fault, fault.times, 0
        self._tell()

    def heal(self) -> None:
        self._fault = None
        self._tell()

    async def hit(self, times: int, seconds: float = 60) -> None:
        """Wait until so many requests met the fault."""
        async with asyncio.timeout(seconds):
            while self.hits < times:
                self._hit.clear()
                await self._hit.wait()

    def drop_connections(self) -> None:
        for transport in [*self._open]:
            transport.abort()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _now(self, request: web.Request) -> Fault | None:
        fault = self._fault
        if fault is None or self._left <= 0 or not fault.hits(request):
            return None
        self.hits += 1
        self._hit.set()
        return fault

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        self._open.add(transport)
        try:
            fault = self._now(request)
            watch = request.query.get("watch") == "true"
            if fault and not (watch and fault.kind in ("gone in stream", "double", "delay")):
                broken = await self._broken(request, fault, transport)
                if broken is not None:
                    return broken
            return await self._passed(request, watch)
        finally:
            self._open.discard(transport)

    async def _broken(
        self, request: web.Request, fault: Fault, transport: asyncio.Transport
    ) -> web.StreamResponse | None:
        """The answer in place of the API server's; None where this fault is not for this request."""
        watch = request.query.get("watch") == "true"
        if fault.kind == "stall":
            while self._fault is fault:
                await self._changed.wait()
            transport.abort()
        elif fault.kind == "abort":
            transport.abort()
        elif fault.kind == "half-close":
            with suppress(OSError):
                transport.get_extra_info("socket").shutdown(socket.SHUT_WR)
            await asyncio.sleep(1)
            transport.abort()
        elif fault.kind == "gone" and watch:
            self._left -= 1
            return _status(410, "Expired", {})
        elif fault.kind == "answer":
            self._left -= 1
            return _status(fault.code, fault.reason, fault.headers)
        else:
            return None
        return web.Response(status=502)

    async def _passed(self, request: web.Request, watch: bool) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in (*_HOP, "accept-encoding")}
        url = self._upstream + request.raw_path
        timeout = aiohttp.ClientTimeout(total=None)
        body = await request.read()
        async with self._session.request(
            request.method, url, headers=headers, data=body, timeout=timeout, skip_auto_headers=("Content-Type",)
        ) as upstream:
            kept = {k: v for k, v in upstream.headers.items() if k.lower() not in _HOP}
            response = web.StreamResponse(status=upstream.status, headers=kept)
            await response.prepare(request)
            if watch and upstream.status == 200:
                await self._stream(request, upstream, response)
            else:
                await response.write(self.rewrite(request.path, await upstream.read()))
            with suppress(ConnectionError):
                await response.write_eof()
            return response

    async def _stream(
        self, request: web.Request, upstream: aiohttp.ClientResponse, response: web.StreamResponse
    ) -> None:
        """Pass a watch on, line by line, as far as the fault of the moment allows."""
        source = lines(upstream.content).__aiter__()
        pending: asyncio.Task[bytes] | None = None
        try:
            while True:
                fault = self._fault if self._fault and self._left > 0 and self._fault.hits(request) else None
                if fault and not await self._streams_on(fault, request, response):
                    return
                pending = pending or asyncio.ensure_future(source.__anext__())
                changed = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({pending, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if not pending.done() or (fault and fault.kind == "stall"):
                    continue
                line, pending = pending.result(), None
                await _pass_on(line, fault, response)
        except (StopAsyncIteration, ConnectionError):
            return
        finally:
            if pending is not None:
                pending.cancel()

    async def _streams_on(self, fault: Fault, request: web.Request, response: web.StreamResponse) -> bool:
        """Whether an open watch goes on under this fault."""
        transport = request.transport
        if fault.kind == "stall":
            while self._fault is fault:
                await self._changed.wait()
            return False
        if fault.kind == "gone in stream":
            if self._left <= 0:
                return True
            self._left -= 1
            status = {"kind": "Status", "code": fault.code or 410, "reason": "Expired", "message": "told in the stream"}
            await response.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
            return False
        if fault.kind == "half-close" and transport is not None:
            with suppress(OSError):
                transport.get_extra_info("socket").shutdown(socket.SHUT_WR)
            await asyncio.sleep(1)
            return False
        return fault.kind in ("answer", "double", "delay")


async def _pass_on(line: bytes, fault: Fault | None, response: web.StreamResponse) -> None:
    if fault and fault.kind == "delay":
        await asyncio.sleep(0.7)
    await response.write(line + b"\n")
    if fault and fault.kind == "double":
        await response.write(line + b"\n")


def _status(code: int, reason: str, headers: dict[str, str]) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": "no"}
    return web.json_response(body, status=code, headers=headers)


@asynccontextmanager
async def fault_proxy(folder: Path) -> AsyncIterator[FaultProxy]:
    """A proxy before the development cluster; it brings no rights of its own, the client's token passes through."""
    config = kubeconfig()
    nobody = {**config, "users": [{"name": "nobody", "user": {}}]}
    connector = aiohttp.TCPConnector(ssl=tls_of(nobody), limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        proxy = FaultProxy(session, config["clusters"][0]["cluster"]["server"], folder)
        await proxy.open()
        try:
            yield proxy
        finally:
            await proxy.refuse()
    await goodbye()
