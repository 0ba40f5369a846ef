"""What goes wrong with an operator's requests: a file each, in a folder that the operator's process reads.

A trouble concerns the requests about objects whose names begin with its prefix. Listings are never concerned.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError

Kind = Literal["die", "refuse", "cut off", "interrupt"]
# For so long the operator's request waits for those who interrupt it.
_PATIENCE_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.01
_WAITING: Final = ".waiting"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong, at the n-th request; `refuse` concerns one verb on one resource."""

    kind: Kind
    prefix: str
    requests: int = 1
    is_after: bool = False
    verb: str = ""
    plural: str = ""
    code: int = 0
    reason: str = ""
    message: str = ""


class Troubles:
    """The folder, as those who make troubles see it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._numbers = count()

    def add(self, trouble: Trouble) -> Path:
        """Let it happen from now on; return its file."""
        file = self.folder / f"{next(self._numbers):06d}"
        draft = self.folder.with_name(f"{self.folder.name}-draft")
        draft.write_text(json.dumps(asdict(trouble)))
        return draft.rename(file)

    def end(self, kind: Kind | None = None, prefix: str = "") -> None:
        """End what goes wrong: all of this kind and prefix."""
        for file, trouble in _troubles(self.folder):
            if kind in (None, trouble.kind) and trouble.prefix.startswith(prefix):
                file.unlink(missing_ok=True)

    async def interrupted(self, file: Path) -> None:
        """Wait until the operator has come to that request, or the trouble has ended."""
        while _exists(file):  # noqa: ASYNC110 - another process tells it by a file
            await asyncio.sleep(_POLL_SECONDS)

    def let_go(self, file: Path) -> None:
        """Let the interrupted request go on."""
        file.with_suffix(_WAITING).unlink(missing_ok=True)


def arm(folder: Path) -> None:
    """Let the requests of this process go wrong."""
    plain, left = ApiClient._request, dict[str, int]()

    async def troubled(self: ApiClient, verb: str, resource: Any, url: str, **kwargs: Any) -> Any:
        if "limit" in kwargs.get("params", ()):
            return await plain(self, verb, resource, url, **kwargs)
        name, sub = _name_of(url, resource.plural, kwargs.get("body"))
        what = " ".join(filter(None, (verb, sub)))
        dies = False
        for file, trouble in _troubles(folder):
            if not name.startswith(trouble.prefix):
                continue
            if trouble.kind == "cut off":
                raise ApiError(0, "Unreachable", f"{verb} {url}: cut off")
            if trouble.kind == "refuse":
                _refuse(file, trouble, what, resource.plural)
                continue
            left[file.name] = left.get(file.name, trouble.requests) - 1
            if left[file.name] > 0:
                continue
            if trouble.kind == "interrupt":
                await _interrupt(file)
                continue
            dies = True
            file.unlink(missing_ok=True)
            if not trouble.is_after:
                os._exit(137)
        try:
            return await plain(self, verb, resource, url, **kwargs)
        finally:
            if dies:
                os._exit(137)

    ApiClient._request = troubled  # type: ignore[method-assign]


def _troubles(folder: Path) -> Iterator[tuple[Path, Trouble]]:
    for entry in sorted(folder.iterdir()):
        with suppress(FileNotFoundError):  # it has just ended
            if not entry.suffix:
                yield entry, Trouble(**json.loads(entry.read_text()))


def _refuse(file: Path, trouble: Trouble, what: str, plural: str) -> None:
    if (trouble.verb, trouble.plural) == (what, plural):
        file.unlink(missing_ok=True)
        raise ApiError(trouble.code, trouble.reason, trouble.message)


async def _interrupt(file: Path) -> None:
    """Tell that the request is there, and wait until somebody has acted."""
    waiting = _set_waiting(file)
    for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
        if not _exists(waiting):
            return
        await asyncio.sleep(_POLL_SECONDS)
    waiting.unlink(missing_ok=True)


def _set_waiting(file: Path) -> Path:
    waiting = file.with_suffix(_WAITING)
    with suppress(FileNotFoundError):
        file.rename(waiting)
    return waiting


def _exists(file: Path) -> bool:
    return file.exists()


def _name_of(url: str, plural: str, body: dict[str, Any] | None) -> tuple[str, str]:
    """Return the name of the object that a request is about, empty for a listing, and the subresource."""
    name, _, sub = url.partition(f"/{plural}")[2].strip("/").partition("/")
    about = body or {}
    involved = (about.get("involvedObject") or {}).get("name")
    return str(name or involved or (about.get("metadata") or {}).get("name") or ""), sub
