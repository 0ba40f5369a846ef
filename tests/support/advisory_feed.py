"""A feed of advisories on this machine, in the form of OSV's API."""

import http.server
import json
import threading
from typing import Any

from audit.scan import PROBE


class AdvisoryFeed:
    """A server that speaks OSV's `/v1/query`, knows PROBE's advisory and what a test adds."""

    def __init__(self) -> None:
        self.advisories: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.asked: list[tuple[str, str]] = []
        self.broken: set[str] = set()
        self.add(PROBE.name, PROBE.version, "PYSEC-2020-96", "5.3.1", "CVE-2020-1747")
        feed = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet, else each answer waits for the other side

            def do_POST(self) -> None:
                query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = feed.answer(query["package"]["name"], query["version"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                self.wfile.flush()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1/query"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def add(self, package: str, version: str, name: str, fixed: str | None, *aliases: str) -> None:
        events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
        affected = {
            "package": {"name": package, "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": events}],
        }
        advisory = {"id": name, "aliases": aliases, "affected": [affected], "published": "2026-01-01T00:00:00Z"}
        self.advisories.setdefault((package, version), []).append(advisory)

    def answer(self, package: str, version: str) -> tuple[int, bytes]:
        self.asked.append((package, version))
        known = self.advisories.get((package, version))
        return 500 if package in self.broken else 200, json.dumps({"vulns": known} if known else {}).encode()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
