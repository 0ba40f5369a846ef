"""What a run's inputs refer to, found out before it is submitted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api.values.names import short_hash
from mlrun_operator.sdk.aio.entities import read_entity
from mlrun_operator.sdk.errors import DataUnreachable, InvalidArgument, NotFound
from mlrun_operator.sdk.session import OwnEntity, Session
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.sdk.translate.inputs import inputs
from mlrun_operator.store import Entity

_TYPES: Final = {"dataitem": "table", "artifact": "artifact", "model": "model"}


@dataclass
class Resolver:
    """Turns each key and each local path of the inputs into what a run can carry.

    Call `collect` with the inputs, await `resolve`, and give `found` to the translation.
    """

    session: Session
    namespace: str
    project: str
    _texts: dict[str, str] = field(default_factory=dict)
    _found: dict[str, Any] = field(default_factory=dict)

    def collect(self, given: Any) -> None:
        """Note every key and path of the inputs."""
        if isinstance(given, Mapping):
            inputs(given, self._note)

    def _note(self, text: str, place: str) -> str:
        self._texts.setdefault(text, place)
        return text

    async def resolve(self) -> None:
        """Find out about all of them. Raises InvalidArgument that names the input."""
        for text, place in self._texts.items():
            self._found[text] = await self._one(text, place)

    def found(self, text: str, place: str) -> Any:
        """What the run carries in the place of the key or path."""
        return self._found.get(text, text)

    async def _one(self, text: str, place: str) -> Any:
        if text.startswith("store://"):
            return await self._entity(text, place)
        if "://" in text:
            return text
        return await self._path(text, place)

    async def _entity(self, text: str, place: str) -> Any:
        try:
            entity = await read_entity(self.session, self.namespace, text)
        except (NotFound, InvalidArgument) as error:
            raise InvalidArgument(place, error.message, hint=error.hint) from error
        if self._is_stored(entity):
            return {"key": str(entity.key)} if entity.key.uuid and ":" in text else {"key": text}
        if not entity.path:
            raise InvalidArgument(place, f"{text} has no path; it holds no data")
        path = entity.path
        if "://" not in path and (isinstance(entity, OwnEntity) or self.session.backend.kind == "local"):
            path = await self._path(path, place)
        elif "://" not in path and not path.startswith("/"):
            raise InvalidArgument(place, f"{text} is at {path}, a path in the pod that wrote it", hint="Give another.")
        kind = {"kind": _TYPES[entity.key.type]} if entity.key.kind in _TYPES.values() else {}
        return {"path": path, **kind}

    def _is_stored(self, entity: Entity) -> bool:
        """Whether pods find the entity by its key: it is below its own folder of the store."""
        key = entity.key
        return bool(entity.path) and f"/{key.project}/{key.type}/{key.kind}/{key.name}/{key.uuid}/" in str(entity.path)

    async def _path(self, text: str, place: str) -> str:
        """A path without a scheme: a local file goes to the store, anything absolute may be a mounted volume."""
        file = Path(text).expanduser()
        if self.session.backend.kind == "local":
            if not file.exists():
                raise InvalidArgument(place, f"{text!r} does not exist; it is looked for in {Path.cwd()}")
            return str(file.resolve())
        if not file.exists():
            if text.startswith("/"):
                return text
            hint = "Give a URL, a key, or the absolute path of a mounted volume."
            raise InvalidArgument(place, f"{text!r} does not exist in {Path.cwd()}", hint=hint)
        if not file.is_file():
            raise InvalidArgument(place, f"{text!r} is a folder, which cannot travel to the cluster", hint="Zip it.")
        return await self._uploaded(file, text, place)

    async def _uploaded(self, file: Path, text: str, place: str) -> str:
        digest = short_hash(f"{file.resolve()}{file.stat().st_mtime_ns}{file.stat().st_size}", 16)
        try:
            access = Access(self.session.backend, self.namespace)
            return await access.upload(f"{self.project}/upload/{digest}/{file.name}", file)
        except DataUnreachable as error:
            if text.startswith("/"):
                return text  # perhaps a path in the pod that is also one here
            raise InvalidArgument(place, error.message, hint=error.hint) from error
