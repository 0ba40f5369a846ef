"""A real Git server: `git http-backend` behind HTTPS, with credentials, redirects and old habits where a test asks."""

import base64
import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always")


def git(folder: Path, *arguments: str, given: str | None = None) -> str:
    """git without the machine's configuration."""
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nowhere"}
    command = ["git", *IDENTITY, *arguments]
    done = subprocess.run(command, cwd=folder, env=env, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.strip()


class Repository:
    """A bare repository in a folder, written through a clone beside it."""

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self.bare = root / name
        self.clone = root / f"{name}.clone"
        self.bare.mkdir(parents=True)
        git(self.bare, "init", "--quiet", "--bare", "--initial-branch=main")
        git(root, "clone", "--quiet", str(self.bare), str(self.clone))

    def commit(self, files: Mapping[str, str | bytes], *, branch: str = "main", tag: str | None = None) -> str:
        """Put these files into a new commit of the branch; its name."""
        existing = git(self.clone, "branch", "--list", branch)
        git(self.clone, "checkout", "--quiet", *([] if existing else ["-B"]), branch)
        for name, content in files.items():
            file = self.clone / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.push(branch=branch, tag=tag)

    def push(self, *, branch: str = "main", tag: str | None = None) -> str:
        """Commit and push whatever the clone's folder holds."""
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--allow-empty", "--message=change")
        if tag:
            git(self.clone, "tag", "--annotate", "--message=tag", tag)
        git(self.clone, "push", "--quiet", "origin", branch, *([tag] if tag else []))
        git(self.bare, "update-server-info")
        return git(self.clone, "rev-parse", "HEAD")

    def submodule(self, url: str, path: str, commit: str) -> None:
        """Note a submodule, whatever its URL is; `push` publishes it."""
        modules = self.clone / ".gitmodules"
        before = modules.read_text() if modules.exists() else ""
        modules.write_text(f'{before}[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
        (self.clone / path).mkdir(parents=True)
        git(self.clone, "add", ".gitmodules")
        git(self.clone, "update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
        git(self.clone, "commit", "--quiet", "--message=submodule")


class GitServer:
    """Serves every repository below `root`. `credentials` are what a repository's name wants, `redirects` where a
    path's beginning has moved to; `old` speaks the protocol's first version, `dumb` only hands out files.
    """

    def __init__(self, root: Path, certificate: Path, address: str = "127.0.0.1", host: str = "localhost") -> None:
        self.root = root
        self.credentials: dict[str, tuple[str, str]] = {}
        self.redirects: dict[str, str] = {}
        self.statuses: dict[str, list[int]] = {}
        self.seen: list[tuple[str, str | None]] = []
        self.old = self.dumb = False
        self.watch: Callable[[], object] = lambda: None
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def do_POST(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self.url = f"https://{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def repository(self, name: str) -> Repository:
        return Repository(self.root, name)

    def source(self, name: str, ref: str | None = None) -> str:
        """The source's URI of a repository."""
        return f"git+{self.url}/{name}" + (f"#{ref}" if ref else "")

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path, _, query = request.path.partition("?")
        self.seen.append((request.path, request.headers.get("Authorization")))
        self.watch()
        name = path.lstrip("/").partition("/")[0]
        for old, new in self.redirects.items():
            if path.startswith(old):
                return self._say(request, 301, {"Location": new + request.path.removeprefix(old)})
        if self.statuses.get(name):
            return self._say(request, self.statuses[name].pop(0), {})
        if name in self.credentials and not self._known(request, self.credentials[name]):
            return self._say(request, 401, {"WWW-Authenticate": 'Basic realm="git"'})
        if not (self.root / name).is_dir():
            return self._say(request, 404, {})
        if self.dumb:
            file = self.root / path.lstrip("/")
            found = file.is_file()
            return self._say(request, 200 if found else 404, {}, file.read_bytes() if found else b"")
        return self._backend(request, path, query)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _backend(self, request: http.server.BaseHTTPRequestHandler, path: str, query: str) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        env = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": request.command,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": "" if self.old else request.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        self._say(request, status, headers, content)

    @staticmethod
    def _known(request: http.server.BaseHTTPRequestHandler, expected: tuple[str, str]) -> bool:
        scheme, _, given = (request.headers.get("Authorization") or "").partition(" ")
        return scheme == "Basic" and base64.b64decode(given).decode() == ":".join(expected)

    @staticmethod
    def _say(
        request: http.server.BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes = b""
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
