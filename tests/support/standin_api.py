"""An API server that a test plays: enough of one for people's programs, and answers of the test's own before that."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from mlrun_operator.schema.crds import function_crd, run_crd

Object = dict[str, Any]
GROUP = "/apis/mlrun-operator.dev/v1alpha1"
# Answers a request before the stand-in does: method and path → (code, body), or None to let it.
Answer = Callable[[str, str], tuple[int, Any] | None]


class StandIn:
    """Its objects by their path, and who may answer in its place."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.answers: list[Answer] = []
        self.requests: list[str] = []
        self.version = 1
        self.ended = threading.Event()
        # What happens to a run that is created: its status.
        self.status: Object | None = None

    def put(self, plural: str, obj: Object, namespace: str = "default") -> Object:
        """Make it so, with what a cluster adds."""
        self.version += 1
        meta = {"namespace": namespace, "uid": f"uid-{self.version}", "generation": 1, **obj["metadata"]}
        meta |= {"resourceVersion": str(self.version), "creationTimestamp": "2026-11-24T12:00:00Z"}
        root = GROUP if plural.startswith("mlrun") else "/api/v1"
        whole = {**obj, "metadata": meta}
        self.objects[f"{root}/namespaces/{namespace}/{plural}/{meta['name']}"] = whole
        return whole

    def refuse(self, fragment: str, code: int, **body: Any) -> None:
        """Answer every request whose path holds the fragment so."""
        self.answers.append(lambda _, path: (code, {"kind": "Status", **body}) if fragment in path else None)

    def answer(self, method: str, path: str, body: Object | None) -> tuple[int, Any]:
        for answer in reversed(self.answers):
            if (said := answer(method, path)) is not None:
                return said
        if path == GROUP:
            return 200, {"resources": [{"name": "mlrunruns"}, {"name": "mlrunfunctions"}]}
        if path.startswith("/openapi/"):
            return 200, _openapi()
        if path.endswith("selfsubjectaccessreviews"):
            return 201, {**(body or {}), "status": {"allowed": True}}
        return self._objects(method, path, body)

    def _objects(self, method: str, path: str, body: Object | None) -> tuple[int, Any]:
        collection, _, name = path.rpartition("/")
        if method == "POST" and body is not None:
            status = {"status": self.status} if self.status is not None else {}
            return 201, self.put(name, {**body, **status}, collection.split("/namespaces/")[1])
        if path in self.objects:
            return self._object(method, path, body)
        if name in ("mlrunruns", "mlrunfunctions", "pods", "events"):
            found = [obj for key, obj in self.objects.items() if key.rpartition("/")[0] == path]
            return 200, {"metadata": {"resourceVersion": str(self.version)}, "items": found}
        return 404, {
            "kind": "Status",
            "reason": "NotFound",
            "message": f'{collection.rpartition("/")[2]} "{name}" not found',
        }

    def _object(self, method: str, path: str, body: Object | None) -> tuple[int, Any]:
        obj = self.objects[path]
        if method == "DELETE":
            return 200, self.objects.pop(path)
        if method == "PATCH" and body is not None:
            whole: Object = {part: {**obj.get(part, {}), **body[part]} for part in ("spec", "data") if part in body}
            kept = {part: {k: v for k, v in held.items() if v is not None} for part, held in whole.items()}
            self.objects[path] = {**obj, **kept}
        return 200, self.objects[path]


def _labels(obj: Object) -> Object:
    return obj["metadata"].get("labels") or {}


@cache
def _openapi() -> Object:
    return {"components": {"schemas": {c["spec"]["names"]["kind"]: _open(c) for c in (run_crd(), function_crd())}}}


def _open(crd: Object) -> Object:
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return {**schema, "x-kubernetes-group-version-kind": [{"kind": crd["spec"]["names"]["kind"]}]}


@contextmanager
def standing_in(folder: Path) -> Iterator[tuple[StandIn, Path]]:
    """The server, and a kubeconfig that leads to it."""
    played = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            url = urlsplit(self.path)
            played.requests.append(f"{self.command} {self.path}")
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            if "watch" in parse_qs(url.query):
                self._watch()
                return
            code, said = played.answer(self.command, url.path, body)
            if isinstance(said, dict) and "items" in said:
                labels = dict(
                    part.split("=") for s in parse_qs(url.query).get("labelSelector", ()) for part in s.split(",")
                )
                said = {**said, "items": [obj for obj in said["items"] if labels.items() <= _labels(obj).items()]}
            data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any  # noqa: N815

        def _watch(self) -> None:
            """Nothing ever happens."""
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            played.ended.wait(20)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield played, kubeconfig(folder, f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        played.ended.set()
        server.shutdown()
        server.server_close()


def kubeconfig(folder: Path, server: str) -> Path:
    """A kubeconfig of one context."""
    file = folder / "kubeconfig"
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "played",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "played", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(yaml.safe_dump(whole))
    return file
