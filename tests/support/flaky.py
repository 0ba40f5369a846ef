"""Servers on a bad day: one that breaks off, stalls and knows ranges or not, and a wire that is cut."""

import contextlib
import http.server
import re
import socket
import threading
import time
from dataclasses import dataclass, field


@dataclass
class FlakyPage:
    """A page whose first answers break off after so many bytes each. `pause` seconds lie between pieces."""

    body: bytes
    breaks: list[int] = field(default_factory=list)
    etag: str | None = '"one"'
    ranges: bool = True
    pause: float = 0.0
    piece: int = 64 << 10


class FlakyServer:
    """GET only. `asked` holds each request's Range, None where it had none."""

    def __init__(self) -> None:
        self.pages: dict[str, FlakyPage] = {}
        self.asked: list[str | None] = []
        self.most_at_once = 0
        self._at_once = 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def serve(self, path: str, body: bytes, **page: object) -> str:
        self.pages[path] = FlakyPage(body, **page)  # type: ignore[arg-type]
        return self.url + path

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        page, span = self.pages[request.path], request.headers["Range"]
        self.asked.append(span)
        start = 0
        if span and page.ranges and request.headers["If-Range"] == page.etag:
            start = int(re.fullmatch(r"bytes=(\d+)-", span)[1])  # type: ignore[index]
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        if page.etag:
            request.send_header("ETag", page.etag)
        request.send_header("Content-Length", str(len(page.body) - start))
        request.end_headers()
        end = start + page.breaks.pop(0) if page.breaks else len(page.body)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        for at in range(start, min(end, len(page.body)), page.piece):
            request.wfile.write(page.body[at : min(at + page.piece, end)])
            time.sleep(page.pause)
        self._at_once -= 1

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class CutWire:
    """Passes connections on to a server, and cuts the first ones once so many bytes came back on them."""

    def __init__(self, server: tuple[str, int], cuts: list[int]) -> None:
        self._target, self._cuts = server, cuts
        self.requests = b""
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                server = socket.create_connection(self._target)
                self._open.append(server)
                limit = self._cuts.pop(0) if self._cuts else None
                threading.Thread(target=self._pass, args=(client, server, None), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, limit), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while (limit is None or passed < limit) and (data := source.recv(64 << 10)):
                if target.getpeername() == self._target:
                    self.requests += data
                target.sendall(data if limit is None else data[: limit - passed])
                passed += len(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
