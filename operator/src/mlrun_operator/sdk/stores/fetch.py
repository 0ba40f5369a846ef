"""The last way to data: a short run that prints it, framed and with checksums, into its log.

Needs no more rights than any run. Frames are lines `@mlrun-fetch <number> <crc32> <base64>`, the last one
`@mlrun-fetch end <count> <sha256>`; together they are a gzipped tar archive.
"""

import asyncio
import base64
import hashlib
import io
import tarfile
import zlib
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api import bounds, constants
from mlrun_operator.api.objects import status_of
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.sdk.backend import Backend
from mlrun_operator.sdk.errors import DataUnreachable, NotFound, SdkError
from mlrun_operator.sdk.naming import run_name
from mlrun_operator.sdk.status import has_ended
from mlrun_operator.sdk.stores.names import safe_path
from mlrun_operator.store import StoreError, below, replacing

MARK: Final = "@mlrun-fetch"
_DEFAULT_LIMIT: Final = 8 << 20
# The operator deletes the run itself; nobody has to.
_KEPT_SECONDS: Final = 60
_DEADLINE_SECONDS: Final = bounds.FETCH_SECONDS.limit
_OVERHEAD: Final = bounds.FETCH_OVERHEAD.limit

CODE: Final = f'''
"""Prints what the input is, for a client that cannot reach the store."""
import base64, hashlib, io, os, sys, tarfile, zlib


def size_of(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(f, n)) for f, _, names in os.walk(path) for n in names)


def fetch(context, data, limit):
    path = data.local().rstrip("/")
    size = size_of(path)
    if size > limit:
        raise ValueError(f"{{size}} bytes are more than the {{limit}} that a fetch run may print")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        archive.add(path, os.path.basename(path))
    whole = packed.getvalue()
    step = 6000
    frames = [whole[at:at + step] for at in range(0, len(whole), step)]
    for number, frame in enumerate(frames):
        print("{MARK}", number, zlib.crc32(frame), base64.b64encode(frame).decode())
    print("{MARK}", "end", len(frames), hashlib.sha256(whole).hexdigest())
    sys.stdout.flush()
'''


async def fetch(backend: Backend, namespace: str, uri: str, target: Path) -> Path:
    """Bring what is at the URI to `target`, and return that. Raises NotFound and DataUnreachable."""
    limit = await _limit(backend)
    run = await backend.create(RUNS, fetch_run(namespace, uri, limit))
    name = run["metadata"]["name"]
    lines: list[str] = []
    size = 0
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            async for line in backend.log(run, follow=True):
                if line.startswith(MARK):
                    size += len(line)
                    if size > 2 * (limit + _OVERHEAD):
                        raise DataUnreachable(f"the fetch run {name} prints more than it may")
                    lines.append(line)
            ended = await _ended(backend, namespace, name)
    except TimeoutError:
        raise DataUnreachable(f"the fetch run {name} did not bring it within {_DEADLINE_SECONDS} s") from None
    finally:
        await _forget(backend, namespace, name)
    status = status_of(ended)
    if status.get("phase") != "Succeeded":
        words = str(status.get("message") or status.get("reason") or "it ended early").split("\n", 1)[0]
        if status.get("reason") == "InputNotFound":
            raise NotFound(f"{uri} does not exist: {words}")
        raise DataUnreachable(f"the fetch run {name} did not bring it: {words}")
    return await asyncio.to_thread(unpack, unframed(lines), target, limit)


def fetch_run(namespace: str, uri: str, limit: int) -> dict[str, Any]:
    """The run that prints what is at the URI."""
    return {
        "apiVersion": constants.API_VERSION,
        "kind": constants.RUN_KIND,
        "metadata": {"name": run_name("fetch"), "namespace": namespace},
        "spec": {
            "function": {"name": "mlrun-operator-fetch", "source": {"code": CODE}, "handler": "fetch"},
            "inputs": {"data": {"path": uri}},
            "parameters": {"limit": limit},
            "activeDeadlineSeconds": _DEADLINE_SECONDS,
            "backoffLimit": 0,
            "runTtlSecondsAfterFinished": _KEPT_SECONDS,
        },
    }


def unframed(lines: list[str]) -> bytes:
    """The bytes in the frames. Raises DataUnreachable where one is missing or damaged."""
    frames: dict[int, bytes] = {}
    end: tuple[int, str] | None = None
    for line in lines:
        _, number, *rest = line.split(" ")
        try:
            if number == "end":
                end = int(rest[0]), rest[1]
                continue
            frame = base64.b64decode(rest[1], validate=True)
            if zlib.crc32(frame) == int(rest[0]):
                frames[int(number)] = frame
        except (ValueError, IndexError):
            continue
    if end is None or len(frames) != end[0]:
        raise DataUnreachable("the fetch run's log did not come whole")
    whole = b"".join(frames[number] for number in range(end[0]))
    if hashlib.sha256(whole).hexdigest() != end[1]:
        raise DataUnreachable("the fetch run's log is damaged")
    return whole


def unpack(archive: bytes, target: Path, limit: int = _DEFAULT_LIMIT) -> Path:
    """Unpack the file or folder in the archive to `target`, and return that. Raises DataUnreachable.

    A pod's log may say anything: no path leaves `target`, and no more is unpacked than a fetch run may print.
    """
    count = total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(_unzipped(archive, limit)), mode="r:") as packed:
            for member in packed:
                count, total = count + 1, total + member.size
                if total > limit:  # also of sparse files, which take no room in the archive
                    raise DataUnreachable("the fetch run's archive is larger than it may be")
                _place(packed, member, target)
    except (tarfile.TarError, ValueError, EOFError, OverflowError, RecursionError) as error:
        raise DataUnreachable(f"the fetch run's archive cannot be read: {error}") from error
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
        raise DataUnreachable("the fetch run's archive has a file and a folder of one name") from error
    if not count:
        raise DataUnreachable("the fetch run's archive is empty")
    return target


def _unzipped(archive: bytes, limit: int) -> bytes:
    unzipper = zlib.decompressobj(wbits=31)
    try:
        whole = unzipper.decompress(archive, limit + _OVERHEAD)
    except zlib.error as error:
        raise DataUnreachable(f"the fetch run's archive cannot be read: {error}") from error
    if unzipper.unconsumed_tail:
        raise DataUnreachable("the fetch run's archive is larger than it may be")
    return whole


def _place(packed: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Write a file or folder of the archive; its first part is the target. Links and devices are left out."""
    try:
        below(target, member.name)
    except StoreError as error:
        raise DataUnreachable(f"the fetch run's archive is refused: {error}") from error
    place = target / safe_path(member.name.partition("/")[2])
    content = packed.extractfile(member) if member.isfile() else None
    if content is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with replacing(place) as temporary:
            temporary.write_bytes(content.read())
    elif member.isdir():
        place.mkdir(parents=True, exist_ok=True)


async def _limit(backend: Backend) -> int:
    limit = getattr(backend, "fetch_limit", None)
    return _DEFAULT_LIMIT if limit is None else int(await limit())


async def _ended(backend: Backend, namespace: str, name: str) -> dict[str, Any]:
    async for run in backend.follow(RUNS, namespace, name):
        if run is None:
            break
        if has_ended(run):
            return run
    raise DataUnreachable(f"the fetch run {name} was deleted")


async def _forget(backend: Backend, namespace: str, name: str) -> None:
    try:
        await backend.delete(RUNS, namespace, name)
    except SdkError:
        return  # its own TTL deletes it
