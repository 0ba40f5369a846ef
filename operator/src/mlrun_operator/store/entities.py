"""Entities in the store: `<project>/<type>/<kind>/<name>/<uuid>/…`, `entity.json` written last.

Beside the uuid folders stands `latest`, which names the newest entity of that name by the start of the run that made
it, and never moves back. A reader finds an entity only by its entity.json, so nobody sees a half-written one.
"""

import json
import uuid
from dataclasses import dataclass, field
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
        """The entity of a key, the latest where the key has no uuid. Raises NotFoundError."""
        full = key if key.uuid else self._latest(key)
        try:
            text = self.store.read(f"{self.folder(full)}/{ENTITY_FILE}")
        except NotFoundError:
            raise NotFoundError(f"{key} does not exist in {self.store.root}") from None
        data = {"metadata": {}, "spec": {}, "status": {}} | _given(parse_document(f"{ENTITY_FILE} of {full}", text))
        if not all(isinstance(data[part], dict) for part in ("metadata", "spec", "status")):
            raise DamagedError(f"{ENTITY_FILE} of {full} is damaged: metadata, spec and status must be objects")
        return Entity(full, data["metadata"], data["spec"], data["status"])

    def publish(self, key: Key, started: str) -> bool:
        """Let `latest` name this entity unless it names one whose run started later; whether it does now.

        `started` is a UTC time in ISO 8601 with a fixed number of digits, so that texts compare as times.
        """
        path = f"{self.folder(_without_uuid(key))}/{LATEST_FILE}"
        mine = {"uuid": key.uuid, "started": started}
        for _ in range(_RACES):
            version: str | None = None
            try:
                data, version = self.store.read_version(path)
                held = self._pointer(key, data)
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

    def _latest(self, key: Key) -> Key:
        try:
            data = self.store.read(f"{self.folder(key)}/{LATEST_FILE}")
        except NotFoundError:
            raise NotFoundError(f"{key} does not exist in {self.store.root}") from None
        return Key(key.project, key.type, key.kind, key.name, self._pointer(key, data)["uuid"])

    def _pointer(self, key: Key, data: bytes) -> dict[str, str]:
        return parse_document(f"{LATEST_FILE} of {_without_uuid(key)}", data, uuid=str, started=str)


def _given(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def _without_uuid(key: Key) -> Key:
    return Key(key.project, key.type, key.kind, key.name)
