"""A Git server: where it is after redirects, at which addresses, and with which credentials."""

import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mlrun_operator.api import bounds
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.words import clauses
from mlrun_wrapper.errors import SOURCE, StepError
from mlrun_wrapper.guards.addresses import check_host, resolved
from mlrun_wrapper.http import download
from mlrun_wrapper.opener import Manners
from mlrun_wrapper.sources.base import Request, invalid
from mlrun_wrapper.sources.git.command import Git, environment
from mlrun_wrapper.sources.git.credentials import HINT, Credentials
from mlrun_wrapper.sources.git.ssh import ssh_environment

_SERVICE: Final = "/info/refs?service=git-upload-pack"
_PORTS: Final = {"https": 443, "http": 80, "ssh": 22}
_ADVERTISEMENT: Final = bounds.GIT_REFS.limit


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository that answers. `git` speaks to its server in a folder."""

    url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    credentials: Credentials | None = None

    def git(self, folder: Path, largest: int) -> Git:
        """git in that folder, for this server; no file of it, so no pack, has more than `largest` bytes."""
        env = environment(urlsplit(self.url).scheme, self.settings, self.env)
        return Git(folder, env, self.credentials, largest)


def reach(url: str, request: Request) -> Remote:
    """The repository at the URL. Credentials go to the server that the function itself names, to no other.

    Raises StepError where it does not answer or refuses, GuardError where a rule does.
    """
    host, port = _endpoint(url)
    if not _by_proxy(url):
        _check_addresses(host, port, request)
    if urlsplit(url).scheme == "ssh":
        return Remote(url, env=ssh_environment(os.environ, host))
    own = _endpoint(url) == _endpoint(request.uri.url) and request.uri.scheme == "https"
    credentials = Credentials.from_environment(os.environ) if own else None
    final = _followed(url, request, credentials)
    if _endpoint(final) != _endpoint(url):
        credentials = None
    settings = _pinned(final, request)
    if credentials is not None:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(final))
        settings[f"http.{origin}/.extraHeader"] = f"Authorization: {credentials.header}"
    return Remote(final, settings, credentials=credentials)


def _followed(url: str, request: Request, credentials: Credentials | None) -> str:
    """The repository's URL after redirects: git itself follows none, since it would look at no rule."""
    headers = {"Git-Protocol": "version=2"}
    if credentials is not None:
        headers["Authorization"] = credentials.header
    manners = Manners(request.rules.link_local, downgrade=False, limit=_ADVERTISEMENT, headers=headers)
    file = request.scratch / "info-refs"
    try:
        got = download(url.rstrip("/") + _SERVICE, file, SOURCE, attempts=request.attempts, manners=manners)
    except StepError as failure:
        raise _told(failure, url, credentials) from failure
    file.unlink()
    final, found, _ = got.url.partition(_SERVICE)
    if not found or got.content_type == "text/html":
        raise invalid(f"{url} answers, but not as a Git server does; is it the repository's URL?")
    return final


def _told(failure: StepError, url: str, credentials: Credentials | None) -> StepError:
    """What the server's refusal means for a repository."""
    answer = failure.message.removeprefix(f"{SOURCE.what}: ").replace(f"{url.rstrip('/')}/info/refs?…", url)
    if failure.reason is Reason.PERMISSION_DENIED:
        why = f"it refuses those of {credentials.variables}" if credentials else f"it wants credentials: {HINT}"
        return SOURCE.denied(clauses(answer, why))
    if failure.reason is Reason.SOURCE_NOT_FOUND:
        why = "" if credentials else f"; where it is not public, {HINT}"
        return SOURCE.missing(f"{answer}: no such repository, or it may not be read{why}")
    return StepError(failure.reason, f"{SOURCE.what}: {answer}")


def _endpoint(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _by_proxy(url: str) -> bool:
    scheme, (host, _) = urlsplit(url).scheme, _endpoint(url)
    proxies = urllib.request.getproxies()
    return scheme != "ssh" and scheme in proxies and not urllib.request.proxy_bypass(host)


def _check_addresses(host: str, port: int, request: Request) -> list[str]:
    try:
        found = resolved(host, port, link_local=request.rules.link_local)
    except OSError as error:
        raise SOURCE.down(f"{host} cannot be resolved: {error.strerror}") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _pinned(url: str, request: Request) -> dict[str, str]:
    """git connects to the very addresses that were looked at."""
    host, port = _endpoint(url)
    if not request.rules.link_local:
        check_host(host)
    if _by_proxy(url) or ":" in host:
        return {}
    addresses = ",".join(f"[{each}]" if ":" in each else each for each in _check_addresses(host, port, request))
    return {"http.curloptResolve": f"{host}:{port}:{addresses}"}
