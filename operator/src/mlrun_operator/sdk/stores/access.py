"""Data in the store, from where the user is.

In this order: the user's own way (a folder, an S3 endpoint of the environment, the operator's public endpoint, the
pods' endpoint where it can be reached), then a short fetch run whose log carries the bytes. What does not work is said
with all the ways.
"""

import asyncio
import shutil
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.values.names import short_hash
from mlrun_operator.sdk.backend import Backend
from mlrun_operator.sdk.errors import DataUnreachable, InvalidArgument, NotFound, SdkError
from mlrun_operator.store import Catalogue, NotFoundError, Store, StoreError, below, open_store, open_uri, replacing

_PROBE_SECONDS: Final = 1.5
_WAYS: Final = (
    "There are three ways: a public endpoint of the store in the operator's settings (store.publicEndpoint), your own "
    "(AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY here), or a fetch run for small data."
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

    async def download(self, uri: str, folder: Path) -> Path:
        """What is at a URI, a file or a whole folder, into `folder`; where it is then.

        Raises NotFound, and DataUnreachable with every way and why it does not lead there.
        """
        scheme = urlsplit(uri).scheme
        if scheme in ("http", "https"):
            return await asyncio.to_thread(_download_http, uri, folder)
        if scheme in ("", "file"):
            return _local(uri, folder)
        if scheme not in ("s3", "s3a", "s3n"):
            raise DataUnreachable(f"{uri} cannot be read from here", hint="Read it in a run, as its input.")
        return await self._download_s3(uri, folder)

    async def _download_s3(self, uri: str, folder: Path) -> Path:
        problems: list[str] = []
        for info in await self._backend.stores(self.namespace):
            shown = info.endpoint or "AWS"
            try:
                if not await _reachable(info):
                    problems.append(f"{shown} cannot be reached from here")
                    continue
                return await asyncio.to_thread(_download_store, uri, info, folder)
            except ModuleNotFoundError:
                problems.append("boto3 is not installed (pip install 'mlrun-operator[data]')")
                break
            except NotFoundError as error:
                raise NotFound(str(error)) from error
            except StoreError as error:
                problems.append(str(error))
        from mlrun_operator.sdk.stores.fetch import fetch

        try:
            return await fetch(self._backend, self.namespace, uri, folder)
        except NotFound:
            raise
        except SdkError as error:
            problems.append(str(error))
        raise DataUnreachable(f"{uri} cannot be read from here: {'; '.join(problems)}", hint=_WAYS)

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


def local_name(uri: str) -> str:
    """What the file or folder at a URI is called here."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        name = PurePosixPath(unquote(parts.path)).name
        return name if name not in ("", "..") else short_hash(uri)
    return PurePosixPath(_key_of(uri)).name if "://" in uri and parts.scheme != "file" else _local_path(uri).name


def _download_store(uri: str, info: StoreInfo, folder: Path) -> Path:
    """From the S3 server of `info`."""
    parts = urlsplit(uri)
    store = open_uri(f"s3://{parts.netloc}", info, attempts=2)
    return download_from(store, _key_of(uri), folder)


def _key_of(uri: str) -> str:
    """The key of an s3:// URI, which is written as it is."""
    return uri.partition("://")[2].partition("/")[2]


def download_from(store: Store, path: str, folder: Path) -> Path:
    """An object, or for a path that ends with `/` all below it, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    if not path.endswith("/"):
        target = folder / PurePosixPath(path).name
        with replacing(target) as temporary:
            store.download(path, temporary)
        return target
    target = below(folder, PurePosixPath(path).name)
    found = list(store.list(path))
    if not found:
        raise NotFoundError(f"{store.uri(path)} does not exist")
    for stat in found:
        file = below(target, stat.path.removeprefix(path))
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            store.download(stat.path, temporary)
    return target


def _download_http(url: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / local_name(url)
    request = urllib.request.Request(url, headers={"User-Agent": "mlrun-operator"})  # noqa: S310 - http(s) only
    try:
        with (
            urllib.request.urlopen(request, timeout=60) as answer,  # noqa: S310 - as above
            replacing(target) as temporary,
            temporary.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)
    except OSError as error:
        raise DataUnreachable(f"{url} cannot be read from here: {error}") from error
    return target


def _local_path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path) if uri.startswith("file:") else uri).expanduser()


def _local(uri: str, folder: Path) -> Path:
    source = _local_path(uri)
    if not source.exists():
        raise NotFound(f"{source} does not exist")
    target = folder / source.name
    if target.resolve() == source.resolve():
        raise InvalidArgument("destination", f"{target} is the data itself")
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_copy, dirs_exist_ok=True)
    else:
        _copy(source, target)
    return target


def _copy(source: str | Path, target: str | Path) -> None:
    with replacing(Path(target)) as temporary:
        shutil.copy2(source, temporary)
