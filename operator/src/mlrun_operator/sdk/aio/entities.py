"""Dataitems, artifacts and models."""

import asyncio
import importlib.util
import json
import tempfile
import uuid as uuids
from collections.abc import Mapping
from datetime import UTC, datetime
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlrun_operator.api import bounds
from mlrun_operator.api.objects import Object
from mlrun_operator.api.values.keys import Key
from mlrun_operator.api.values.names import short_hash
from mlrun_operator.sdk.arguments import EntityArguments
from mlrun_operator.sdk.errors import InvalidArgument, MissingExtra, NotFound, NotSupported, SdkError
from mlrun_operator.sdk.naming import entity_name, project_name
from mlrun_operator.sdk.session import OwnEntity, Session
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.sdk.stores.names import last_part, output_name, safe_name
from mlrun_operator.sdk.translate.function import uuid4
from mlrun_operator.sdk.translate.shapes import labels, sequence, snaked
from mlrun_operator.sdk.views import EntityView
from mlrun_operator.store import Catalogue, Entity, NotFoundError, StoreError
from mlrun_operator.store.entities import ENTITY_FILE, LATEST_FILE

if TYPE_CHECKING:
    import pandas as pd

# Entity types and the kinds that are known of each.
KINDS: Final = {"dataitem": ("table", "dataitem", "artifact"), "artifact": ("artifact",), "model": ("model",)}
_READERS: Final = {
    "csv": "read_csv",
    "parquet": "read_parquet",
    "pq": "read_parquet",
    "json": "read_json",
    "xlsx": "read_excel",
    "feather": "read_feather",
}
_WRITERS: Final = {"csv": "to_csv", "parquet": "to_parquet"}
_PREVIEW_ROWS: Final = bounds.PREVIEW_ROWS.limit


class AsyncEntity(EntityView):
    """Something in the store, or at a path of the user's own."""

    def __init__(self, session: Session, entity: Entity, namespace: str = "") -> None:
        self._session = session
        self._entity = entity
        self._namespace = namespace

    async def refresh(self) -> "AsyncEntity":
        """Read it again from the store. Raises NotFound."""
        self._entity = await read_entity(self._session, await self._place(), str(self._entity.key))
        return self

    async def download(self, destination: str | PathLike[str] | None = None, *, overwrite: bool = False) -> str:
        """The data as a local file or folder; its path.

        `destination` is a folder (default: the current one). What a run stored is called as the entity, with the
        data's suffix. Raises InvalidArgument where something of that name is there, unless `overwrite`, and
        DataUnreachable where no way leads to the data.
        """
        folder = Path(fspath(destination) if destination is not None else ".").expanduser()
        path = self._some_path()
        target = folder / self._local_name()
        if target.exists() and not overwrite and not (self._is_own and target.resolve() == Path(path).resolve()):
            raise InvalidArgument("destination", f"{target} exists", hint="Say overwrite=True to replace it.")
        return str(await self._downloaded(folder))

    async def upload(self, source: str | PathLike[str]) -> "AsyncEntity":
        """Put a local file into the store as this entity's data. Raises DataUnreachable."""
        file = Path(fspath(source)).expanduser()
        if not file.is_file():
            raise InvalidArgument("source", f"{file} is not a file")
        return await self._stored(file)

    async def save(self) -> "AsyncEntity":
        """Write it to the store's catalogue. Raises DataUnreachable where that cannot be reached."""
        from mlrun_operator.sdk.errors import DataUnreachable

        catalogue = await Access(self._session.backend, await self._place()).catalogue()
        if catalogue is None:
            raise DataUnreachable(f"{self.key} cannot be written: the store cannot be reached from here")
        await write_entity(catalogue, self._entity)
        return self

    async def _stored(self, file: Path, **status: Any) -> "AsyncEntity":
        access = Access(self._session.backend, await self._place())
        key = self._entity.key
        uri = await access.upload(f"{_folder(key)}/{key.name}{file.suffix}", file)
        spec = {**self._entity.spec, "path": uri}
        found = Entity(key, self._entity.metadata, spec, {**self._entity.status, "size": file.stat().st_size, **status})
        self._entity = found
        self._session.remember(found)
        catalogue = await access.catalogue()
        if catalogue is not None:
            await write_entity(catalogue, found)
        return self

    @property
    def _is_own(self) -> bool:
        return isinstance(self._entity, OwnEntity)

    def _local_name(self) -> str:
        """Return the name of the data on this machine: of one's own what it is called where it is."""
        path = self._some_path()
        own = safe_name(last_part(path) or short_hash(path))
        return own if self._is_own else output_name(self.name, path)

    async def _downloaded(self, folder: Path) -> Path:
        access = Access(self._session.backend, await self._place())
        return await access.download(self._some_path(), folder, self._local_name(), own=self._is_own)

    async def _place(self) -> str:
        if not self._namespace:
            self._namespace = await self._session.backend.namespace(self.project)
        return self._namespace

    def _some_path(self) -> str:
        if not self.path:
            raise InvalidArgument("path", f"{self.key} has no path; it holds no data")
        return self.path


class AsyncDataItem(AsyncEntity):
    """A table, or data of another kind."""

    async def as_df(self, /, file_format: str | None = None, **reader: Any) -> "pd.DataFrame":
        """The data as a pandas DataFrame.

        `file_format` is csv, parquet, json, xlsx or feather; default: the file's suffix, or what the file is. `reader`
        goes to pandas. Raises MissingExtra without pandas.
        """
        pandas = _pandas()
        with tempfile.TemporaryDirectory() as folder:
            file = await self._downloaded(Path(folder))
            kind = file_format or _format_of(file)
            if kind not in _READERS:
                known = ", ".join(_READERS)
                raise InvalidArgument("file_format", f"{kind!r} of {self.path} is none of {known}")
            return await asyncio.to_thread(getattr(pandas, _READERS[kind]), file, **reader)

    async def write_df(
        self, /, df: "pd.DataFrame", extension: str | None = None, *, file_format: str | None = None, **writer: Any
    ) -> str:
        """Put a DataFrame into the store as this dataitem's data; the path. `extension` is parquet or csv."""
        _pandas()
        kind = (extension or file_format or "parquet").lstrip(".")
        if kind not in _WRITERS:
            raise InvalidArgument("extension", f"{kind!r} is none of {', '.join(_WRITERS)}")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{self.name}.{kind}"
            settings = {"index": False, **writer}
            await asyncio.to_thread(getattr(df, _WRITERS[kind]), file, **settings)
            await self._stored(file, preview=_preview(df))
        return str(self.path)


class AsyncArtifact(AsyncEntity):
    """A file or a folder."""


class AsyncModel(AsyncEntity):
    """A model: a file or a folder, and what was said of it."""


_HANDLES: Final[dict[str, type[AsyncEntity]]] = {
    "dataitem": AsyncDataItem,
    "artifact": AsyncArtifact,
    "model": AsyncModel,
}


def handle(session: Session, entity: Entity, namespace: str = "") -> AsyncEntity:
    """The handle for an entity of its type."""
    return _HANDLES.get(entity.key.type, AsyncArtifact)(session, entity, namespace)


def new_entity(project: str, type_: str, name: str, kind: str | None, given: Mapping[str, Any]) -> OwnEntity:
    """An entity as the user says it is. Raises InvalidArgument and NotSupported."""
    arguments = snaked(given, EntityArguments.__annotations__, f"new_{type_}")
    kind = kind or KINDS[type_][0]
    if kind not in KINDS[type_]:
        raise NotSupported(f"kind {kind!r} is not supported", hint=f"Use one of {', '.join(KINDS[type_])}.")
    uuid = uuid4(arguments.pop("uuid")) if "uuid" in arguments else str(uuids.uuid4())
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    metadata: Object = {"created": now, "updated": now}
    users = arguments.pop("labels", None)
    metadata["labels"] = _label_list(users) if users is not None else []
    for name_, kept in (("description", "description"), ("git_source", "source"), ("embedded", "embedded")):
        if name_ in arguments:
            metadata[kept] = arguments.pop(name_)
    if "path" in arguments:
        arguments["path"] = fspath(arguments["path"])
        if not arguments["path"]:
            raise InvalidArgument("path", "is empty")
    key = Key(project_name(project), type_, kind, entity_name(name), uuid)
    return OwnEntity(key, metadata, arguments, {})


def _label_list(given: Any) -> list[str]:
    if isinstance(given, Mapping):
        return [f"{name}:{value}" if value else name for name, value in labels(given).items()]
    return [str(each) for each in sequence(given, "labels")]


async def write_entity(catalogue: Catalogue, entity: Entity) -> None:
    """Make it visible in the store, as the latest of its name."""

    def write() -> None:
        catalogue.write(entity)
        catalogue.publish(entity.key, str(entity.metadata.get("created") or ""))

    await asyncio.to_thread(write)


async def forget_entity(catalogue: Catalogue, entity: Entity) -> None:
    """Take it out of the store's catalogue; the newest of its name that is left becomes the latest."""

    def forget() -> None:
        key = entity.key
        catalogue.store.delete(f"{catalogue.folder(key)}/{ENTITY_FILE}")
        gone = [tag for tag, uuid in catalogue.pointers(key) if uuid in (key.uuid, None)]
        for tag in gone:
            catalogue.unpublish(key, tag)
        left = _read_all(catalogue, f"{catalogue.folder(key.any_version())}/") if LATEST_FILE in gone else []
        if left:
            newest = max(left, key=lambda each: str(each.metadata.get("created")))
            catalogue.publish(newest.key, str(newest.metadata.get("created") or ""))

    try:
        await asyncio.to_thread(forget)
    except StoreError as error:
        raise SdkError(f"{entity.key} cannot be taken out of the store: {error}") from error


async def read_entity(session: Session, namespace: str, text: str) -> Entity:
    """The entity of a key: what this process knows, the store, the outputs of the namespace's runs. Raises NotFound."""
    key = parse_key(text)
    known = session.known(text)
    if known is not None:
        return known
    problem = ""
    catalogue = await Access(session.backend, namespace).catalogue()
    if catalogue is not None:
        try:
            entity = await asyncio.to_thread(catalogue.read, key)
        except NotFoundError:
            problem = f"it is not in {catalogue.store.root}"
        except StoreError as error:
            problem = str(error)
        else:
            session.remember(entity)
            return entity
    from mlrun_operator.sdk.aio.run_outputs import entity_of_runs

    found = await entity_of_runs(session, namespace, key)
    if found is None:
        hint = "" if catalogue is not None else "The store cannot be reached from here; give the data's path instead."
        raise NotFound(f"{text} is not known here{f': {problem}' if problem else ''}", hint=hint)
    session.remember(found)
    return found


async def list_entities(session: Session, namespace: str, project: str, type_: str) -> list[Entity]:
    """The latest of each name of a project: in the store, else in this process and the runs' outputs."""
    found = {str(e.key): e for e in session.entities.values() if (e.key.project, e.key.type) == (project, type_)}
    catalogue = await Access(session.backend, namespace).catalogue()
    if catalogue is not None:
        try:
            stored = await asyncio.to_thread(_read_all, catalogue, f"{project}/{type_}/")
            own = {key: entity for key, entity in found.items() if isinstance(entity, OwnEntity)}
            found |= {str(e.key): e for e in stored} | own
        except StoreError as error:
            raise SdkError(f"the store cannot be listed: {error}") from error
    else:
        from mlrun_operator.sdk.aio.run_outputs import entities_of_runs

        found |= {str(e.key): e async for e in entities_of_runs(session, namespace, project) if e.key.type == type_}
    newest: dict[str, Entity] = {}
    for entity in found.values():
        before = newest.get(entity.key.name)
        if before is None or str(before.metadata.get("created")) < str(entity.metadata.get("created")):
            newest[entity.key.name] = entity
    return [newest[name] for name in sorted(newest)]


def _read_all(catalogue: Catalogue, prefix: str) -> list[Entity]:
    found = []
    for stat in catalogue.store.list(prefix):
        parts = stat.path.split("/")
        if parts[-1] == ENTITY_FILE and len(parts) == 6:
            found.append(catalogue.read(Key(*parts[:5])))
    return found


def parse_key(text: str) -> Key:
    """The key. Raises InvalidArgument."""
    try:
        return Key.parse(text)
    except ValueError as error:
        raise InvalidArgument("key", str(error)) from None


def _folder(key: Key) -> str:
    return f"{key.project}/{key.type}/{key.kind}/{key.name}/{key.uuid}"


def _pandas() -> Any:
    if importlib.util.find_spec("pandas") is None:
        raise MissingExtra.of("A DataFrame", "data")
    import pandas as pd

    return pd


def _format_of(file: Path) -> str:
    """By the suffix, else by the first bytes."""
    suffix = file.suffix.lstrip(".").lower()
    if suffix in _READERS:
        return suffix
    with file.open("rb") as data:
        start = data.read(4)
    return "parquet" if start == b"PAR1" else suffix or "csv"


def _preview(df: "pd.DataFrame") -> Object:
    head = json.loads(df.head(_PREVIEW_ROWS).to_json(orient="split", date_format="iso"))
    columns = [
        {"name": str(name), "value": [row[index] for row in head["data"]]} for index, name in enumerate(head["columns"])
    ]
    return {"cols": columns, "rows": len(df)}
