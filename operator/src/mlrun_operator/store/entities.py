"""Entities in the store: `<project>/<type>/<kind>/<name>/<uuid>/…`, `entity.json` written last.

Beside the uuid folders stand pointers: `latest`, and the tags that users gave. Each names one entity of that name, the
newest by the start of the run that made it, and never moves back. A reader finds an entity only by its entity.json, so
nobody sees a half-written one.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mlrun_operator.api.values.keys import ENTITY_TYPES, Key
from mlrun_operator.store.base import Store
from mlrun_operator.store.documents import parse_document
from mlrun_operator.store.errors import DamagedError, NotFoundError, UnavailableError

ENTITY_FILE: Final = "entity.json"
LATEST_FILE: Final = "latest"
_NAMESPACE: Final = uuid.UUID("6e1f2f3a-7a0e-5c1d-9a53-0f3c8f0b7c11")
_RACES: Final = 20
_PARTS: Final = 5  # project, type, kind, name, uuid


def derived_uuid(*parts: str | int) -> str:
    """The same parts give the same uuid; see BEHAVIOUR E for which parts an output has."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps([str(part) for part in parts])))


def folder_of(path: str) -> str | None:
    """The folder of the entity, or of the run's attempt, that an object or folder of a store is in; None elsewhere."""
    parts = path.split("/")
    return "/".join(parts[:_PARTS]) if len(parts) > _PARTS and parts[1] in ENTITY_TYPES else None


def is_pointer(path: str) -> bool:
    """Whether an object of a store is `latest` or a tag of a name."""
    parts = path.split("/")
    return len(parts) == _PARTS and parts[1] in ENTITY_TYPES and parts[1] != "run"


@dataclass(frozen=True, slots=True)
class Entity:
    """A dataitem, artifact or model, in DigitalHub's form."""

    key: Key
    metadata: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str | None:
        """Where the data is: a URI; a folder's ends with `/`."""
        return self.spec.get("path")

    def to_dict(self) -> dict[str, Any]:
        """The content of entity.json."""
        return {
            "project": self.key.project,
            "name": self.key.name,
            "id": self.key.uuid,
            "kind": self.key.kind,
            "key": str(self.key),
            "metadata": {"project": self.key.project, "name": self.key.name, "version": self.key.uuid, **self.metadata},
            "spec": self.spec,
            "status": self.status,
        }


class Catalogue:
    """The entities of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def folder(self, key: Key) -> str:
        """Where an entity and its data are, relative to the store's root; without uuid, where all of that name are."""
        name = f"{key.project}/{key.type}/{key.kind}/{key.name}"
        return f"{name}/{key.uuid}" if key.uuid else name

    def write(self, entity: Entity) -> None:
        """Make the entity visible by its uuid. Its data must be in place."""
        text = json.dumps(entity.to_dict(), ensure_ascii=False, indent=1)
        self.store.write(f"{self.folder(entity.key)}/{ENTITY_FILE}", text.encode())

    def read(self, key: Key) -> Entity:
        """The entity of a key: by its uuid or tag, the latest where the key has neither. Raises NotFoundError."""
        try:
            return self._read(key if key.uuid else self._pointed(key, LATEST_FILE))
        except NotFoundError:
            if key.uuid and not _is_uuid(key.uuid):
                return self._tagged(key, key.uuid)
            raise NotFoundError(f"{key} does not exist in {self.store.root}") from None

    def names(self, project: str, type_: str) -> Iterator[Key]:
        """The names of a project's entities of a type, as keys without a uuid."""
        for kind in self.store.folders(f"{project}/{type_}/"):
            for name in self.store.folders(f"{project}/{type_}/{kind}/"):
                yield Key(project, type_, kind, name)

    def versions(self, key: Key) -> Iterator[Key]:
        """Every version of a name, half-written ones too."""
        for version in self.store.folders(f"{self.folder(key.any_version())}/"):
            yield replace(key, uuid=version)

    def pointers(self, key: Key) -> Iterator[tuple[str, str | None]]:
        """`latest` and the tags of a name, each with the uuid that it names; None where it is damaged."""
        for stat in self.store.list(f"{self.folder(key.any_version())}/"):
            if is_pointer(stat.path):
                tag = stat.path.rpartition("/")[2]
                try:
                    yield tag, self._pointed(key, tag).uuid
                except DamagedError:
                    yield tag, None

    def unpublish(self, key: Key, tag: str) -> None:
        """Let `latest` or a tag name nothing."""
        self.store.delete(f"{self.folder(key.any_version())}/{tag}")

    def _tagged(self, key: Key, tag: str) -> Entity:
        try:
            return self._read(self._pointed(key, tag))
        except NotFoundError:
            raise NotFoundError(
                f"{key} does not exist in {self.store.root}: it is neither a version nor a tag"
            ) from None

    def _read(self, full: Key) -> Entity:
        text = self.store.read(f"{self.folder(full)}/{ENTITY_FILE}")
        data = {"metadata": {}, "spec": {}, "status": {}} | _given(parse_document(f"{ENTITY_FILE} of {full}", text))
        if not all(isinstance(data[part], dict) for part in ("metadata", "spec", "status")):
            raise DamagedError(f"{ENTITY_FILE} of {full} is damaged: metadata, spec and status must be objects")
        return Entity(full, data["metadata"], data["spec"], data["status"])

    def publish(self, key: Key, started: str, tag: str = LATEST_FILE) -> bool:
        """Let a tag name this entity unless it names one whose run started later; whether it does now.

        `started` is a UTC time in ISO 8601 with a fixed number of digits, so that texts compare as times.
        """
        path = f"{self.folder(key.any_version())}/{tag}"
        mine = {"uuid": key.uuid, "started": started}
        for _ in range(_RACES):
            version: str | None = None
            try:
                data, version = self.store.read_version(path)
                held = _pointer(key, tag, data)
                if (held["started"], held["uuid"]) >= (started, key.uuid):
                    return bool(held["uuid"] == key.uuid)
            except NotFoundError:
                pass
            except DamagedError:
                if version is None:
                    raise  # too large to be read
            if self.store.replace(path, json.dumps(mine).encode(), version):
                return True
        raise UnavailableError(f"{self.store.uri(path)}: lost {_RACES} races for it")

    def _pointed(self, key: Key, tag: str) -> Key:
        data = self.store.read(f"{self.folder(key.any_version())}/{tag}")
        return replace(key, uuid=_pointer(key, tag, data)["uuid"])


def _pointer(key: Key, tag: str, data: bytes) -> dict[str, str]:
    return parse_document(f"{tag} of {key.any_version()}", data, uuid=str, started=str)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _given(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}
