"""A proxy in front of an S3 server: a test decides what becomes of each request."""

import http.client
import http.server
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

# Gets method and path (with query); a status answers in the server's place, None lets the request through.
Decide = Callable[[str, str], int | None]


class S3Proxy:
    """Forwards to `endpoint`; `requests` lists what was asked, as (method, path)."""

    def __init__(self, endpoint: str, decide: Decide) -> None:
        self.requests: list[tuple[str, str]] = []
        self._target = urlsplit(endpoint).netloc
        self._decide = decide
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                proxy._serve(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, request: http.server.BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.requests.append((request.command, request.path))
        status = self._decide(request.command, request.path)
        if status is None:
            self._forward(request, body)
        else:
            _answer(request, status, [], b"")

    def _forward(self, request: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        connection = http.client.HTTPConnection(self._target)
        headers = {n: v for n, v in request.headers.items() if n.lower() not in ("connection", "expect")}
        connection.request(request.command, request.path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        dropped = ("transfer-encoding", "connection", "content-length")
        kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in dropped]
        length = answer.getheader("Content-Length") if request.command == "HEAD" else None
        _answer(request, answer.status, kept, data, length)


def _answer(
    request: http.server.BaseHTTPRequestHandler,
    status: int,
    headers: list[tuple[str, str]],
    data: bytes,
    length: str | None = None,
) -> None:
    try:
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        request.send_header("Content-Length", length or str(len(data)))
        request.end_headers()
        request.wfile.write(data)
    except OSError:
        request.close_connection = True  # the client is gone
