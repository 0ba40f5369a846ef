"""Data in the store, from where the user is.

In this order: the user's own way (a folder, an S3 endpoint of the environment, the operator's public endpoint, the
pods' endpoint where it can be reached), then a short fetch run whose log carries the bytes. What does not work is said
with all the ways.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.values.names import short_hash
from mlrun_operator.api.words import clauses
from mlrun_operator.sdk.backend import Backend
from mlrun_operator.sdk.errors import DataUnreachable, InvalidArgument, NotFound, SdkError
from mlrun_operator.sdk.stores.names import last_part, safe_name, safe_path
from mlrun_operator.sdk.stores.web import download_url
from mlrun_operator.store import Catalogue, NotFoundError, Store, StoreError, below, open_store, open_uri, replacing

_PROBE_SECONDS: Final = 1.5
_WAYS: Final = (
    "There are three ways: a public endpoint of the store in the operator's settings (store.publicEndpoint), your own "
    "(AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY here), or a fetch run for small data."
)
_POD: Final = (
    "If it is on a volume, mount that in a run and return the file from there: then it is in the store. "
    "A file of this machine is for you to open."
)


class Access:
    """The store of a namespace."""

    def __init__(self, backend: Backend, namespace: str) -> None:
        self._backend = backend
        self.namespace = namespace

    async def root(self) -> str:
        """The store's root as runs write it. Raises DataUnreachable where nobody tells."""
        found = await self._backend.stores(self.namespace)
        if found:
            return found[0].root.rstrip("/")
        platform = await self._backend.platform(self.namespace)
        if platform is None:
            raise DataUnreachable("the operator does not tell where its store is", hint=_WAYS)
        return platform.store.root.replace("{namespace}", self.namespace).rstrip("/")

    async def catalogue(self) -> Catalogue | None:
        """The store's entities where it can be written from here; None where it cannot be reached."""
        for info in await self._backend.stores(self.namespace):
            try:
                if await _reachable(info):
                    return Catalogue(await asyncio.to_thread(open_store, info, attempts=2))
            except ModuleNotFoundError:
                return None
        return None

    async def download(self, uri: str, folder: Path, name: str = "", *, own: bool = False) -> Path:
        """Download what is at a URI, a file or a whole folder, into `folder`; return where it is then.

        It gets the `name`, or what it is called at its URI, as a safe name. Only where this process' user wrote the URI
        (`own`), or the run was here, may it be any path or address of this machine. Raises NotFound, and
        DataUnreachable with every way and why it does not lead there.
        """
        target = folder / safe_name(name or last_part(uri) or short_hash(uri))
        is_trusted = own or self._backend.kind == "local"
        scheme = scheme_of(uri)
        if scheme in ("http", "https"):
            return await asyncio.to_thread(download_url, uri, target, inner=is_trusted)
        if scheme in ("", "file"):
            if not is_trusted and not await self._is_in_store(uri):
                raise DataUnreachable(f"{uri} is a path in the run's pod, and is not read from this machine", hint=_POD)
            return await asyncio.to_thread(_local, uri, target, is_trusted)
        if scheme not in ("s3", "s3a", "s3n"):
            raise DataUnreachable(f"{uri} cannot be read from here", hint="Read it in a run, as its input.")
        return await self._download_s3(uri, target)

    async def _is_in_store(self, uri: str) -> bool:
        """Return whether the file is in a store that is a folder of this machine, also after symbolic links."""
        roots = [info.root for info in await self._backend.stores(self.namespace)]
        folders = [_local_path(root).resolve() for root in roots if scheme_of(root) == "file"]
        try:
            file = _local_path(uri).resolve()
        except (OSError, ValueError, RuntimeError):
            return False
        return any(file.is_relative_to(folder) for folder in folders)

    async def _download_s3(self, uri: str, target: Path) -> Path:
        problems: list[str] = []
        for info in await self._backend.stores(self.namespace):
            shown = info.endpoint or "AWS"
            try:
                if not await _reachable(info):
                    problems.append(f"{shown} cannot be reached from here")
                    continue
                return await asyncio.to_thread(_download_store, uri, info, target)
            except ModuleNotFoundError:
                problems.append("boto3 is not installed (pip install 'mlrun-operator[data]')")
                break
            except NotFoundError as error:
                raise NotFound(str(error)) from error
            except StoreError as error:
                problems.append(str(error))
        from mlrun_operator.sdk.stores.fetch import fetch

        try:
            return await fetch(self._backend, self.namespace, uri, target)
        except NotFound:
            raise
        except SdkError as error:
            problems.append(str(error))
        raise DataUnreachable(f"{uri} cannot be read from here: {clauses(*problems)}", hint=_WAYS)

    async def upload(self, path: str, file: Path) -> str:
        """A local file into the store; its URI. Raises DataUnreachable."""
        catalogue = await self.catalogue()
        if catalogue is None:
            raise DataUnreachable(f"{file} cannot be put into the store from here", hint=_WAYS)
        try:
            await asyncio.to_thread(catalogue.store.upload, path, file)
        except StoreError as error:
            raise DataUnreachable(f"{file} cannot be put into the store: {error}", hint=_WAYS) from error
        return catalogue.store.uri(path)


async def _reachable(info: StoreInfo) -> bool:
    """Whether something listens at the endpoint. AWS and folders are believed."""
    if not info.endpoint or not info.root.startswith("s3://"):
        return True
    parts = urlsplit(info.endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _download_store(uri: str, info: StoreInfo, target: Path) -> Path:
    """From the S3 server of `info`."""
    parts = urlsplit(uri)
    store = open_uri(f"s3://{parts.netloc}", info, attempts=2)
    return download_from(store, uri.partition("://")[2].partition("/")[2], target)


def download_from(store: Store, path: str, target: Path) -> Path:
    """Download an object, or for a path that ends with `/` all below it, to `target`."""
    if not path.endswith("/"):
        _download_object(store, path, target)
        return target
    found = list(store.list(path))
    if not found:
        raise NotFoundError(f"{store.uri(path)} does not exist")
    for stat in found:
        if name := stat.path.removeprefix(path):
            below(target, name)  # a name that leaves the folder is refused, not made safe
            _download_object(store, stat.path, target / safe_path(name))
    return target


def _download_object(store: Store, path: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        store.download(path, temporary)


def scheme_of(uri: str) -> str:
    """Return the URI's scheme; that of a path is empty."""
    try:
        return urlsplit(uri).scheme
    except ValueError as error:
        raise DataUnreachable(f"{uri} is not a URI: {error}") from error


def _local_path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path) if uri.startswith("file:") else uri).expanduser()


def _local(uri: str, target: Path, is_trusted: bool) -> Path:  # noqa: FBT001 - for to_thread
    source = _local_path(uri)
    if not source.exists():
        raise NotFound(f"{source} does not exist")
    if target.resolve() == source.resolve():
        raise InvalidArgument("destination", f"{target} is the data itself")
    if not source.is_dir():
        _copy(source, target)
    for file in source.rglob("*") if source.is_dir() else ():
        name = file.relative_to(source)
        if file.is_file():
            _copy(file, target / (name if is_trusted else safe_path(name.as_posix())))
    return target


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        shutil.copy2(source, temporary)
