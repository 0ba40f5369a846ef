"""Downloads over HTTP(S): streamed into a file, tried again where that may help.

Only GET is used, since many servers refuse HEAD.
"""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from mlrun_operator.api import bounds
from mlrun_operator.api.reasons import Reason
from mlrun_operator.store import unwatched
from mlrun_operator.store.pace import TooSlowError
from mlrun_wrapper.errors import Purpose, StepError
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.opener import Manners, build_opener, build_request
from mlrun_wrapper.retries import wait_after
from mlrun_wrapper.transfer import BrokenOffError, TooLargeError, Transfer

_TIMEOUT: Final = float(bounds.SERVER_SILENCE.limit)
_NO_SUCH_RANGE: Final = 416
_AGAIN: Final = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What came: bytes on disk, their hash, what the server called them, and where they were after redirects.

    `filename` is what it would have a browser save it as, as the server wrote it: for its suffix, never for a path.
    `encoding` is its Content-Encoding; what is on disk still has it.
    """

    size: int
    sha256: str
    content_type: str
    url: str
    filename: str = ""
    encoding: str = ""


class _TryAgainError(Exception):
    """The server may answer better later."""


def download(  # noqa: PLR0913 - what, where, how
    url: str,
    file: Path,
    purpose: Purpose,
    *,
    attempts: int,
    manners: Manners = Manners(),  # noqa: B008 - frozen
    watch: Callable[[int], None] = unwatched,
) -> Downloaded:
    """Fetch a URL into a file; a connection that breaks is taken up where it broke.

    `watch` is told of the bytes that come, and ends it by raising. Raises StepError with the purpose's reasons after
    `attempts` tries that brought nothing, or too little in a minute.
    """
    if urlsplit(url).username is not None:
        raise StepError(
            Reason.INVALID_RUN, f"{purpose.what}: {shown(url)} carries credentials in the URL; leave them out"
        )
    opener = build_opener(manners)
    transfer, tried, slow = Transfer(file, manners.limit, watch), 0, 0
    while True:
        before = transfer.reached
        try:
            return _fetch(opener, build_request(url, manners), transfer, purpose, manners)
        except GuardError as error:
            raise error.failure(f"{purpose.what}: {shown(url)}") from error
        except _TryAgainError as error:
            tried = 1 if transfer.reached > before else tried + 1
            slow += isinstance(error.__cause__, TooSlowError)
            if max(tried, slow) >= attempts:
                tries = f" ({max(tried, slow)} tries)" if max(tried, slow) > 1 else ""
                raise purpose.down(f"{shown(url)}: {error}{tries}") from error
            wait_after(tried)


def shown(url: str) -> str:
    """The URL as it may be logged: without user, password and query, which may hold a signature."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def _fetch(
    opener: urllib.request.OpenerDirector,
    request: urllib.request.Request,
    transfer: Transfer,
    purpose: Purpose,
    manners: Manners,
) -> Downloaded:
    url = request.full_url
    for name, value in transfer.headers().items():
        request.add_header(name, value)
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            transfer.take(answer)
            content_type = answer.headers.get_content_type() if "Content-Type" in answer.headers else ""
            filename = answer.headers.get_filename() or ""
            encoding = answer.headers.get("Content-Encoding", "")
            return Downloaded(transfer.size, transfer.sha256, content_type, answer.url, filename, encoding)
    except (BrokenOffError, TooSlowError) as error:
        raise _TryAgainError(str(error)) from error
    except TooLargeError as error:
        raise GuardError("size", f"it is larger than {error} bytes", manners.allow) from error
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _NO_SUCH_RANGE and transfer.size:
            transfer.restart()
            raise _TryAgainError("the page has changed") from error
        raise _refused(error, url, purpose) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            message = (
                f"the certificate is not trusted: {error.reason.verify_message}; set the CA bundle in the settings"
            )
            raise purpose.down(f"{shown(url)}: {message}") from error
        raise _TryAgainError(str(error.reason)) from error
    except (http.client.InvalidURL, ValueError) as error:  # no host or port that can be
        raise StepError(Reason.INVALID_RUN, f"{purpose.what}: {shown(url)} is not a URL: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _TryAgainError(f"{type(error).__name__}: {error}") from error


def _refused(error: urllib.error.HTTPError, url: str, purpose: Purpose) -> Exception:
    text = f"{shown(url)} answered {error.code} {error.reason}".rstrip()
    if error.code in (401, 403):
        return purpose.denied(text)
    if error.code in (404, 410):
        return purpose.missing(text)
    return _TryAgainError(text.removeprefix(f"{shown(url)} ")) if error.code in _AGAIN else purpose.down(text)
