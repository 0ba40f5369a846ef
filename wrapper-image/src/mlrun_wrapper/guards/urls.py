"""Rules for addresses that somebody else chose: `redirect` for a server's answer, `transport` for a submodule's URL."""

import posixpath
import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from mlrun_wrapper.guards import GuardError

# user@host:path, as ssh's own tools write it.
_SCP: Final = re.compile(r"(?P<user>\w[\w.-]*@)?(?P<host>\w[\w.-]*):(?P<path>(?!//).+)", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9_\[]")


def check_redirect(old: str, new: str, *, downgrade: bool) -> None:
    """Raise GuardError where a server sends on to another scheme than http and https.

    Without `downgrade` also from https to http, where anybody on the way could put other code in its place.
    """
    before, after = urlsplit(old), urlsplit(new)
    allow = "if it is right, name that URL yourself"
    if after.scheme not in ("http", "https"):
        raise GuardError("redirect", f"{before.hostname} sends on to {after.scheme}://", allow)
    if before.scheme == "https" and after.scheme == "http" and not downgrade:
        raise GuardError("redirect", f"{before.hostname} sends on from https to http", allow)


def submodule_url(parent: str, url: str) -> str:
    """The absolute URL of a submodule of the repository at `parent`.

    Raises GuardError for all but https:// and, below a repository that is itself fetched by ssh, ssh://.
    """
    if url.startswith(("./", "../")):
        base = urlsplit(parent)
        return urlunsplit(base._replace(path=posixpath.normpath(f"{base.path}/{url}")))
    scp = _SCP.fullmatch(url)
    if scp and "://" not in url and not url.startswith("/"):
        url = f"ssh://{scp['user'] or ''}{scp['host']}/{scp['path'].lstrip('/')}"
    allowed = ("https", "ssh") if urlsplit(parent).scheme == "ssh" else ("https",)
    if url.partition("://")[0] not in allowed:
        text = f"the submodule's URL {_shown(url)!r} is none of {' and '.join(f'{each}://' for each in allowed)}"
        raise GuardError("transport", text, "write an https:// or a relative URL into .gitmodules")
    if not _is_plain(url):
        text = f"the submodule's URL {_shown(url)!r} names a user, a password, or no host"
        raise GuardError("transport", text, "write a plain URL into .gitmodules")
    return url


def _is_plain(url: str) -> bool:
    """Whether it names a host, and a user only for ssh."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    user = parts.username is None or parts.scheme == "ssh"
    return user and parts.password is None and _HOST.match(parts.netloc.rpartition("@")[2]) is not None


def _shown(url: str) -> str:
    return re.sub(r"://[^/@]*@", "://…@", url)
