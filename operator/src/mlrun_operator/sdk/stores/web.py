"""Downloads over HTTP(S) to the reader's machine, whose own addresses are not for what a run wrote."""

import http.client
import shutil
import ssl
import urllib.request
from ipaddress import ip_address
from pathlib import Path
from socket import inet_aton
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from mlrun_operator.sdk.errors import DataUnreachable
from mlrun_operator.store import replacing

_TIMEOUT_SECONDS: Final = 60


def download_url(url: str, target: Path, *, inner: bool) -> Path:
    """Download a URL into a file and return the file. Without `inner`, no address of this machine or link is asked.

    Raises DataUnreachable.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "mlrun-operator"})  # noqa: S310 - http(s) only
        with (
            _opener(inner=inner).open(request, timeout=_TIMEOUT_SECONDS) as answer,
            replacing(target) as temporary,
            temporary.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DataUnreachable(f"{url} cannot be read from here: {error}") from error
    return target


def is_inner(host: str) -> bool:
    """Return whether the host is written as an address, or a name, of this machine or of its link."""
    host = host.strip("[]").rstrip(".").partition("%")[0].lower()
    try:
        ip = ip_address(host if ":" in host else inet_aton(host))
    except (ValueError, OSError):
        return host == "localhost" or host.endswith(".localhost")
    carried = getattr(ip, "ipv4_mapped", None) or ip
    return carried.is_loopback or carried.is_link_local or carried.is_unspecified


def _opener(*, inner: bool) -> urllib.request.OpenerDirector:
    """Return an opener for http and https, also after redirects."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler() if inner else _Http(),
        urllib.request.HTTPSHandler() if inner else _Https(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _refuse(url_host: str, address: str) -> None:
    if is_inner(address):
        at = "" if url_host == address else f" ({address})"
        raise DataUnreachable(
            f"{url_host}{at} is this machine or its link, where a run's data are not",
            hint="To read it all the same, give the URL yourself: new_dataitem(name, path=URL).",
        )


class _HttpConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _refuse(self.host, self.sock.getpeername()[0])


class _HttpsConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _refuse(self.host, self.sock.getpeername()[0])


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_guarded(req, _HttpConnection, http.client.HTTPConnection), req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        connection = _guarded(req, _HttpsConnection, http.client.HTTPSConnection)
        return self.do_open(connection, req, context=ssl.create_default_context())


def _guarded(request: urllib.request.Request, guarded: Any, plain: Any) -> Any:
    """Return the class of the connection. A proxy may be on this machine; behind it only the written host is known."""
    host = unquote(urlsplit(request.full_url).hostname or "")
    _refuse(host, host)
    is_proxied = request.has_proxy() or getattr(request, "_tunnel_host", None)
    return plain if is_proxied else guarded
