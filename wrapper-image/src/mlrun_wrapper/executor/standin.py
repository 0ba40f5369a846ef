"""For scripts that a handler runs by mlrun: each has a Python of its own and brings artifacts back by mlrun's HTTP API.

While one runs, this process answers the few requests that it makes, on the loopback interface, from its own database.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import mlrun
from mlrun.runtimes import local

from .database import MemoryDB

_VARIABLE = "MLRUN_DBPATH"
_RUN = re.compile(r"/api/v1/projects/(?P<project>[^/]+)/runs/(?P<uid>[^/]+)")
_ARTIFACT = re.compile(r"/api/v2/projects/(?P<project>[^/]+)/artifacts/(?P<key>[^/]+)")


def install(db: MemoryDB) -> None:
    """Have mlrun start its scripts with a stand-in for its server."""
    run_exec = local.run_exec

    def with_standin(*args: Any, **more: Any) -> Any:
        with _serving(db):
            return run_exec(*args, **more)

    local.run_exec = with_standin


@contextmanager
def _serving(db: MemoryDB) -> Iterator[None]:
    """Within the block, processes that are started find the stand-in."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"db": db}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    os.environ[_VARIABLE] = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        del os.environ[_VARIABLE]
        server.shutdown()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    db: MemoryDB

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the standard library's names

    def log_message(self, *_: Any) -> None:
        """The log is the user's."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}") if length else {}
        try:
            status, document = 200, _served(self.db, self.command, self.path, body)
        except mlrun.errors.MLRunHTTPStatusError as error:
            status, document = error.error_status_code, {"detail": str(error)}
        data = json.dumps(document, default=str).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _served(db: MemoryDB, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What mlrun's server would answer. Raises MLRunHTTPStatusError."""
    parts = urlsplit(path)
    given = {name: values[0] for name, values in parse_qs(parts.query).items()}
    iteration = int(given.get("iter") or 0)
    if parts.path == "/api/v1/client-spec":
        return {"version": mlrun.__version__}
    if run := _RUN.fullmatch(parts.path):
        if method == "GET":
            return {"data": db.read_run(run["uid"], run["project"], iteration)}
        if method == "POST":
            db.store_run(body, run["uid"], run["project"], iteration)
        elif method == "PATCH":
            db.update_run(body, run["uid"], run["project"], iteration)
        return {}
    if artifact := _ARTIFACT.fullmatch(parts.path):
        where: dict[str, Any] = {"project": artifact["project"], "tag": given.get("tag"), "tree": given.get("tree")}
        if method == "GET":
            return db.read_artifact(artifact["key"], iter=iteration if "iter" in given else None, **where)
        return db.store_artifact(artifact["key"], body, iter=iteration, **where)
    raise mlrun.errors.MLRunBadRequestError(f"{method} {parts.path} needs an MLRun API server; this platform has none")
