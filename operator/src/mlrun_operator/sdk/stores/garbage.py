"""What nobody needs of a store: older versions, half-written ones, and folders of runs that are gone."""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Final

from mlrun_operator.api.objects import Object, spec_of
from mlrun_operator.api.values.keys import Key
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.sdk.backend import Backend
from mlrun_operator.sdk.errors import DataUnreachable, NotAllowed, NotSupported, SdkError
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.store import Catalogue, DamagedError, NotFoundError, Stat, Store, StoreError, parse_document
from mlrun_operator.store.entities import ENTITY_FILE, folder_of, is_pointer

# Names another store than the operator's.
ROOT_VARIABLE: Final = "MLRUN_OPERATOR_STORE"
_READERS: Final = 8
# A name's folder → the uuids that its pointers name.
Pointed = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Folder:
    """A version of an entity, or an attempt of a run, that can go. `files` are its objects, the entity's own first."""

    path: str
    why: str
    size: int
    files: tuple[str, ...]

    def wire(self) -> Object:
        """For --json."""
        return {name: value for name, value in asdict(self).items() if name != "files"}


@dataclass(frozen=True, slots=True)
class Held:
    """What runs that exist refer to: uuids of entities, and the runs' own names."""

    uuids: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()


def held_by(runs: Iterable[Object], root: str) -> Held:
    """What these runs read, will read, and made: by its key, or by its path in the store at `root`."""
    uuids: set[str] = set()
    names: set[str] = set()
    for run in runs:
        names |= {run["metadata"]["name"], str(spec_of(run).get("name") or "")}
        said = json.dumps([run.get("spec"), run.get("status")], ensure_ascii=False)
        uuids |= _keyed(said) | _pathed(said, root)
    return Held(frozenset(uuids), frozenset(names))


def _keyed(said: str) -> set[str]:
    """The uuids in the keys that JSON holds."""
    texts = said.split('"')
    return {text.rpartition(":")[2] for text in texts if text.startswith("store://") and _has_uuid(text)}


def _pathed(said: str, root: str) -> set[str]:
    """The uuids in the paths into the store that JSON holds. S3 has three schemes for the same place."""
    place = root.partition("://")[2] + "/"
    inside = (text.partition("://")[2] for text in said.split('"'))
    folders = (folder_of(path.removeprefix(place)) for path in inside if path.startswith(place))
    return {folder.rpartition("/")[2] for folder in folders if folder}


def garbage(stats: Iterable[Stat], pointed: Pointed, held: Held, before: float) -> list[Folder]:
    """The folders of which nothing is newer than `before` (Unix seconds) and that nobody needs.

    What is not laid out as an entity is left alone.
    """
    folders: dict[str, list[Stat]] = defaultdict(list)
    for stat in stats:
        if folder := folder_of(stat.path):
            folders[folder].append(stat)
    found = []
    for path, inside in sorted(folders.items()):
        why = _why(path, inside, pointed, held)
        if why and max(stat.modified for stat in inside) < before:
            files = sorted(
                (stat.path for stat in inside), key=lambda file: (not file.endswith(f"/{ENTITY_FILE}"), file)
            )
            found.append(Folder(path, why, sum(stat.size for stat in inside), tuple(files)))
    return found


async def collect(backend: Backend, namespace: str, before: float, *, delete: bool) -> list[Folder]:
    """The garbage of a namespace's store; with `delete` it is deleted.

    Only where the operator tells whose store it is, since the runs of all its namespaces hold what they made. Raises
    NotSupported elsewhere, DataUnreachable where the store cannot be reached, NotAllowed where it belongs to several
    namespaces and the user may not see the runs of all.
    """
    platform = await backend.platform(namespace) if backend.kind == "kubernetes" else None
    if platform is None or ROOT_VARIABLE in os.environ:
        words = "whose store this is cannot be told, so nothing in it can be called garbage"
        raise NotSupported(words, hint=f"Use a cluster whose operator tells its settings, without {ROOT_VARIABLE}.")
    shared = "{namespace}" not in platform.store.root
    catalogue = await Access(backend, namespace).catalogue()
    if catalogue is None:
        raise DataUnreachable("the store cannot be reached from here", hint="Run it where the store can be reached.")
    try:
        runs = await backend.find(RUNS, "" if shared else namespace)
    except NotAllowed as error:
        words = "the store belongs to all namespaces, and you may not list their runs, which hold what they made"
        raise NotAllowed(words, hint="An administrator can do it.") from error
    try:
        return await asyncio.to_thread(_collect, catalogue, held_by(runs, catalogue.store.root), before, delete)
    except StoreError as error:
        raise SdkError(f"the store cannot be read: {error}") from error


def _collect(catalogue: Catalogue, held: Held, before: float, delete: bool) -> list[Folder]:  # noqa: FBT001 - collect's
    stats = list(catalogue.store.list(""))
    found = _unreferred(catalogue.store, stats, held, before)
    for folder in found if delete else ():
        for file in folder.files:
            catalogue.store.delete(file)
    return found


def _unreferred(store: Store, stats: list[Stat], held: Held, before: float) -> list[Folder]:
    """The garbage without the data of entities that are kept, which may be in the folder of another."""
    entities = {stat.path for stat in stats if stat.path.endswith(f"/{ENTITY_FILE}") and folder_of(stat.path)}
    pointed, read = _pointed(store, stats), set[str]()
    with ThreadPoolExecutor(_READERS) as pool:
        while found := garbage(stats, pointed, held, before):
            kept = entities - read - {file for folder in found for file in folder.files}
            if not kept:
                break
            read |= kept
            uuids = frozenset().union(*pool.map(lambda file: _referred(store, file), kept))
            held = replace(held, uuids=held.uuids | uuids)
    return found


def _referred(store: Store, entity: str) -> set[str]:
    """The uuids of the folders that hold the data of an entity, and of the entities that it names as parts of it."""
    try:
        text = store.read(entity).decode(errors="replace")
        parts = spec_of(parse_document(entity, text))
    except NotFoundError:
        return set()  # deleted meanwhile
    except DamagedError:
        parts = {}
    return _pathed(text, store.root) | _keyed(json.dumps(parts))


def _pointed(store: Store, stats: Iterable[Stat]) -> Pointed:
    found: dict[str, set[str]] = defaultdict(set)
    for path in [stat.path for stat in stats if is_pointer(stat.path)]:
        found[path.rpartition("/")[0]].add(str(parse_document(path, store.read(path)).get("uuid")))
    return found


def _why(path: str, inside: list[Stat], pointed: Pointed, held: Held) -> str:
    """Why the folder can go; empty where it is needed."""
    name_folder, _, uuid = path.rpartition("/")
    type_, name = path.split("/")[1], path.split("/")[3]
    if uuid in held.uuids or uuid in pointed.get(name_folder, ()):
        return ""
    if type_ == "run":
        return "" if name in held.runs else "its run is gone"
    if not any(stat.path == f"{path}/{ENTITY_FILE}" for stat in inside):
        return "half-written"
    return "there is a newer version" if name_folder in pointed else ""


def _has_uuid(text: str) -> bool:
    try:
        return Key.parse(text).uuid is not None
    except ValueError:
        return False
