"""Real servers for the wrapper's tests: S3 by seaweedfs, HTTPS with its own certificate authority."""

import datetime
import http.server
import ipaddress
import json
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.ports import free_ports

OPEN_BUCKET = "open"
CLOSED_BUCKET = "closed"
ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key"
_IDENTITIES = {
    "identities": [
        {"name": "anonymous", "actions": [f"{action}:{OPEN_BUCKET}" for action in ("Read", "Write", "List")]},
        {
            "name": "owner",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
    ]
}


class S3Server:
    """seaweedfs with an open bucket and one that wants credentials."""

    def __init__(self, folder: Path) -> None:
        names = ("master", "volume", "filer", "s3", "admin")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.endpoint = f"http://127.0.0.1:{ports['s3']}"
        config = folder / "identities.json"
        config.write_text(json.dumps(_IDENTITIES))
        data = folder / "data"
        data.mkdir()
        weed = Path(sys.executable).parent / "weed"
        flags = [f"-{name}.port={port}" for name, port in ports.items()]
        flags += [f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={config}", "-webdav=false"]
        flags += [
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.autoCreateBucket=false",
            "-admin.ui=false",
            "-master.telemetry=false",
        ]
        flags += [f"-bucket={OPEN_BUCKET},{CLOSED_BUCKET}"]
        flags += [f"-filer.localSocket={folder}/filer.sock", f"-s3.localSocket={folder}/s3.sock"]
        self._log = (folder / "weed.log").open("wb")
        self._process = subprocess.Popen([weed, "mini", *flags], stdout=self._log, stderr=self._log, cwd=folder)
        self._wait(folder)

    def _wait(self, folder: Path) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.endpoint}/{OPEN_BUCKET}?list-type=2", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError((folder / "weed.log").read_text(errors="replace")[-4000:])

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


class Authority:
    """A certificate authority that no system trusts, and a server certificate of it."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        root = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        root = root.add_extension(_usage(ca=True), critical=True)
        root = root.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        self.pem = root.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
        server_key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        names = x509.SubjectAlternativeName(
            [
                x509.DNSName("localhost"),
                x509.DNSName("*.corp.test"),  # known to the forward proxy only
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            ]
        )
        leaf = _builder(subject, name, server_key).add_extension(names, critical=False)
        leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        self.certificate = folder / "server.pem"
        self.certificate.write_bytes(
            leaf.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            + server_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass
class Page:
    """What a path answers: these statuses first, one a request, then the body; `truncate` breaks the connection."""

    body: bytes = b""
    content_type: str | None = None
    first: list[int] = field(default_factory=list)
    status: int = 200
    location: str | None = None
    truncate: int = 0
    delay: float = 0.0
    cache: str | None = None
    filename: str | None = None


class HttpsServer:
    """GET only: HEAD is refused, as by many servers."""

    def __init__(self, authority: Authority | None) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[str] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        scheme = "http"
        if authority is not None:
            scheme = "https"
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(authority.certificate)
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{scheme}://localhost:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.requests.append(path)
        page = self.pages.get(path, Page(status=404))
        time.sleep(page.delay)
        status = page.first.pop(0) if page.first else page.status
        body = page.body if status == 200 else b"no"
        request.send_response(status)
        if page.content_type:
            request.send_header("Content-Type", page.content_type)
        if page.filename:
            name = urllib.parse.quote(page.filename)
            request.send_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")
        if page.cache:
            request.send_header("Cache-Control", page.cache)
        if page.location:
            request.send_header("Location", page.location)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if page.truncate:
            page.truncate, body = 0, body[: page.truncate]
        request.wfile.write(body)

    def serve(self, path: str, body: bytes | str = b"", **page: object) -> str:
        """Put a page up; its URL."""
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = Page(body=data, **page)  # type: ignore[arg-type]
        return self.url + path

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
