"""The server: the files of a folder, and any HTTP error a test asks for."""

import re
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from devcluster import paths
from fileserver.authority import Authority

_STATUS = re.compile(r"/status/([1-5]\d\d)(/.*)?")


@contextmanager
def serve(folder: Path, *, address: str = paths.BRIDGE_IP, port: int = 0) -> Iterator[str]:
    """Serve `folder` over HTTPS in a thread and yield the URL, without a slash at its end.

    `/status/<code>/…` is answered with that HTTP status whatever follows; a file that is not there with 404. Port 0
    takes any free one. Raises OSError if this machine has no such address or the port is taken.
    """
    server = _Server(folder, address, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"https://{address}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, address: str, port: int) -> None:
        super().__init__((address, port), partial(_Handler, directory=str(folder)))
        # Each connection shakes hands in its own thread, so that a silent client holds up nobody.
        self.socket = _tls(address).wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up or do not trust the CA are their own affair."""


class _Handler(SimpleHTTPRequestHandler):
    def send_head(self) -> BytesIO | BinaryIO | None:
        if asked := _STATUS.fullmatch(self.path):
            self.send_error(int(asked[1]))
            return None
        return super().send_head()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: the demo's output is the demo's."""


def _tls(address: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:  # ssl loads keys from files only; this one is 0600 and short-lived
        file.write(Authority.kept().leaf([address, "127.0.0.1", "localhost"]))
        file.flush()
        context.load_cert_chain(file.name)
    return context
