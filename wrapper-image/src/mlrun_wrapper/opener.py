"""How the wrapper speaks HTTP: proxies and certificates as set, every connection and every redirect guarded."""

import http.client
import socket
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final
from urllib.parse import urljoin, urlsplit

from mlrun_operator.api import bounds
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.guards.addresses import check_url, connect
from mlrun_wrapper.guards.urls import check_redirect

_TIMEOUT: Final = float(bounds.SERVER_SILENCE.limit)


@dataclass(frozen=True, slots=True)
class Manners:
    """How to ask for something, and what to take.

    `link_local` allows link-local addresses, `downgrade` redirects from https to http. `limit` is the most bytes to
    take, and `allow` tells how to get more. `headers` are for the first server only, also after redirects.
    """

    link_local: bool = False
    downgrade: bool = True
    limit: int | None = None
    allow: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def build_request(url: str, manners: Manners) -> urllib.request.Request:
    """A GET."""
    request = urllib.request.Request(url, headers={"User-Agent": "mlrun-operator", "Accept": "*/*"})  # noqa: S310
    for name, value in manners.headers.items():
        request.add_unredirected_header(name, value)
    return request


def build_opener(manners: Manners) -> urllib.request.OpenerDirector:
    """An opener without urllib's handlers for files, FTP and data URLs. GuardErrors pass through it."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        _Hosts(manners),
        urllib.request.ProxyHandler(),
        _Http(manners),
        _Https(manners),
        _Redirects(manners),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _connector(manners: Manners) -> Callable[..., socket.socket]:
    def create_connection(address: tuple[str, int], timeout: Any = None, *_: Any) -> socket.socket:
        seconds = timeout if isinstance(timeout, int | float) else _TIMEOUT
        return connect(*address, seconds, link_local=manners.link_local)

    return create_connection


class _Hosts(urllib.request.BaseHandler):
    """Checks the URL's host, for where a proxy connects in our place. A name is the proxy's to guard."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        if not self._manners.link_local:
            check_url(request.full_url)
        return request

    https_request = http_request


class _Http(urllib.request.HTTPHandler):
    def __init__(self, manners: Manners) -> None:
        super().__init__()
        self._connector = _connector(manners)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)

    def _connection(self, host: str, **more: Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(host, **more)
        connection._create_connection = self._connector  # type: ignore[attr-defined]
        return connection


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, manners: Manners) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(context=self._tls)
        self._connector = _connector(manners)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req, context=self._tls)

    def _connection(self, host: str, **more: Any) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(host, **more)
        connection._create_connection = self._connector  # type: ignore[attr-defined]
        return connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects within the rules. Headers added as unredirected go on only to the same server."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage
    ) -> Any:
        target = headers.get("Location") or headers.get("URI")
        if target:
            try:
                check_redirect(req.full_url, urljoin(req.full_url, target), downgrade=self._manners.downgrade)
            except GuardError:
                fp.close()
                raise
            except ValueError as error:
                fp.close()
                text = f"{urlsplit(req.full_url).hostname} sends on to what is no URL"
                raise GuardError("redirect", text, "name the right URL yourself") from error
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(  # noqa: PLR0913, PLR0917 - the standard library's
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and urlsplit(newurl)[:2] == urlsplit(req.full_url)[:2]:
            for name, value in req.unredirected_hdrs.items():
                if name != "Host":
                    request.add_unredirected_header(name, value)
        return request
