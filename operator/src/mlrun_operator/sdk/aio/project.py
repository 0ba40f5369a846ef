"""A project's handle: a name that functions, runs and entities carry."""

import contextlib
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Self, Unpack

from mlrun_operator.api.objects import Object
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.sdk import exports
from mlrun_operator.sdk.aio import entities, functions
from mlrun_operator.sdk.aio.entities import AsyncArtifact, AsyncDataItem, AsyncEntity, AsyncModel
from mlrun_operator.sdk.aio.function import AsyncFunction
from mlrun_operator.sdk.aio.run import AsyncRun
from mlrun_operator.sdk.arguments import EntityArguments, FunctionArguments
from mlrun_operator.sdk.errors import InvalidArgument, NotFound
from mlrun_operator.sdk.naming import entity_name, is_dns_name, project_name, project_secret
from mlrun_operator.sdk.session import Session
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.sdk.stores.runs import project_of
from mlrun_operator.store import Entity, StoreError


class Secret:
    """A secret of a project: its name, never its value."""

    def __init__(self, project: str, name: str) -> None:
        self.project = project
        self.name = name

    @property
    def path(self) -> str:
        """`kubernetes://<Secret>/<key>`, as DigitalHub writes it."""
        return f"kubernetes://{project_secret(self.project)}/{self.name}"

    def __repr__(self) -> str:
        return f"Secret({self.path})"


class AsyncProject:
    """One project. It exists by its name alone; nothing is made in the cluster for it."""

    def __init__(self, session: Session, name: str, namespace: str, metadata: Object | None = None) -> None:
        self._session = session
        self._name = project_name(name, "name")
        self._namespace = namespace
        self._metadata = metadata or {}

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def namespace(self) -> str:
        """Where its objects are."""
        return self._namespace

    @property
    def description(self) -> str | None:
        """For people; kept in exports."""
        return self._metadata.get("description")

    async def refresh(self) -> Self:
        """Nothing to read: a project is its name. For programs written for DigitalHub."""
        return self

    async def save(self) -> Self:
        """Nothing to write: a project is its name. For programs written for DigitalHub."""
        return self

    # Functions

    async def new_function(
        self, name: str, kind: str = "mlrun", **arguments: Unpack[FunctionArguments]
    ) -> AsyncFunction:
        """Make a function, or make the project's function of that name so.

        A local `.py` file as source is read and travels in the function. Raises InvalidArgument, which names the field.
        """
        return await functions.new_function(self._session, self.name, name, kind, dict(arguments))

    async def get_function(self, identifier: str) -> AsyncFunction:
        """By name, key or function string. Raises NotFound."""
        return await functions.get_function(self._session, self.name, identifier)

    async def list_functions(self) -> list[AsyncFunction]:
        """The project's functions, by name."""
        return await functions.list_functions(self._session, self.name)

    async def update_function(
        self, function: AsyncFunction | str, **changes: Unpack[FunctionArguments]
    ) -> AsyncFunction:
        """Save a changed handle, or change the function of that name by `new_function`'s arguments."""
        found = await self.get_function(function) if isinstance(function, str) else twin(function)
        return await found.update(**changes) if changes else await found.save()

    async def delete_function(self, identifier: str) -> None:
        """Delete it. Raises NotFound."""
        await (await self.get_function(identifier)).delete()

    # Runs

    async def get_run(self, identifier: str) -> AsyncRun:
        """By name or key; `@latest` is the project's newest run. Raises NotFound."""
        if identifier == "@latest":
            found = await self.list_runs()
            if not found:
                raise NotFound(f"project {self.name} has no runs")
            return found[-1]
        name, uuid = identifier, None
        if identifier.startswith("store://"):
            key = entities.parse_key(identifier)
            name, uuid = key.name, key.uuid
        found = [run for run in await self.list_runs() if name in (run.name, run.object_name, run.uuid)]
        found = [run for run in found if uuid in (None, run.uuid)]
        if not found:
            raise NotFound(f"project {self.name} has no run {identifier!r}")
        return found[-1]

    async def list_runs(self, function: str | None = None) -> list[AsyncRun]:
        """The project's runs, oldest first; of one function where its name is given."""
        if function is not None:
            return await (await self.get_function(function)).runs()
        found = await self._session.backend.find(RUNS, self.namespace)
        runs = sorted(found, key=lambda run: str(run["metadata"].get("creationTimestamp")))
        return [AsyncRun(self._session, run) for run in runs if project_of(run) == self.name]

    async def delete_run(self, identifier: str) -> None:
        """Delete it, its Job and its pods. Raises NotFound."""
        await (await self.get_run(identifier)).delete()

    # Entities

    async def new_dataitem(
        self, name: str, kind: str | None = None, **arguments: Unpack[EntityArguments]
    ) -> AsyncDataItem:
        """Name data at a path: a URL, an s3:// object or a local file. `kind` is `table` by default."""
        return AsyncDataItem(self._session, await self._made("dataitem", name, kind, dict(arguments)), self.namespace)

    async def new_artifact(
        self, name: str, kind: str | None = None, **arguments: Unpack[EntityArguments]
    ) -> AsyncArtifact:
        """Name a file or folder at a path."""
        return AsyncArtifact(self._session, await self._made("artifact", name, kind, dict(arguments)), self.namespace)

    async def new_model(self, name: str, kind: str | None = None, **arguments: Unpack[EntityArguments]) -> AsyncModel:
        """Name a model at a path."""
        return AsyncModel(self._session, await self._made("model", name, kind, dict(arguments)), self.namespace)

    async def get_dataitem(self, identifier: str) -> AsyncDataItem:
        """By name (the latest) or key. Raises NotFound."""
        return AsyncDataItem(self._session, await self._read("dataitem", identifier), self.namespace)

    async def get_artifact(self, identifier: str) -> AsyncArtifact:
        """By name (the latest) or key. Raises NotFound."""
        return AsyncArtifact(self._session, await self._read("artifact", identifier), self.namespace)

    async def get_model(self, identifier: str) -> AsyncModel:
        """By name (the latest) or key. Raises NotFound."""
        return AsyncModel(self._session, await self._read("model", identifier), self.namespace)

    async def list_dataitems(self) -> list[AsyncDataItem]:
        """The latest of each name."""
        return [AsyncDataItem(self._session, each, self.namespace) for each in await self._all("dataitem")]

    async def list_artifacts(self) -> list[AsyncArtifact]:
        """The latest of each name."""
        return [AsyncArtifact(self._session, each, self.namespace) for each in await self._all("artifact")]

    async def list_models(self) -> list[AsyncModel]:
        """The latest of each name."""
        return [AsyncModel(self._session, each, self.namespace) for each in await self._all("model")]

    async def update_dataitem(self, entity: AsyncEntity) -> AsyncEntity:
        """Write a changed handle to the store. Raises DataUnreachable."""
        held: AsyncEntity = twin(entity)
        return await held.save()

    update_artifact = update_model = update_dataitem

    async def delete_dataitem(self, identifier: str) -> None:
        """Forget it: the store no longer has it by name or key. Its data stays where it is.

        What a run has made is known by that run until the run is deleted, too.
        """
        await self._forget("dataitem", identifier)

    async def delete_artifact(self, identifier: str) -> None:
        """As `delete_dataitem`."""
        await self._forget("artifact", identifier)

    async def delete_model(self, identifier: str) -> None:
        """As `delete_dataitem`."""
        await self._forget("model", identifier)

    async def _made(self, type_: str, name: str, kind: str | None, given: Object) -> Entity:
        """The entity, in the store's catalogue where that can be reached, and in this process in any case."""
        entity = entities.new_entity(self.name, type_, name, kind, given)
        self._session.remember(entity)
        path = entity.path or ""
        if self._session.backend.kind == "local" or "://" in path:
            catalogue = await Access(self._session.backend, self.namespace).catalogue()
            if catalogue is not None:
                # A courtesy only: runs carry the path.
                with contextlib.suppress(StoreError):
                    await entities.write_entity(catalogue, entity)
        return entity

    async def _read(self, type_: str, identifier: str) -> Entity:
        if identifier.startswith("store://"):
            return await entities.read_entity(self._session, self.namespace, identifier)
        for kind in entities.KINDS[type_]:
            key = f"store://{self.name}/{type_}/{kind}/{entity_name(identifier, 'identifier')}"
            try:
                return await entities.read_entity(self._session, self.namespace, key)
            except NotFound:
                continue
        raise NotFound(f"project {self.name} has no {type_} {identifier!r} that is known here")

    async def _all(self, type_: str) -> list[Entity]:
        return await entities.list_entities(self._session, self.namespace, self.name, type_)

    async def _forget(self, type_: str, identifier: str) -> None:
        entity = await self._read(type_, identifier)
        gone = [key for key, held in self._session.entities.items() if held.key == entity.key]
        for key in gone:
            del self._session.entities[key]
        catalogue = await Access(self._session.backend, self.namespace).catalogue()
        if catalogue is not None:
            await entities.forget_entity(catalogue, entity)

    # Secrets

    async def new_secret(self, name: str, secret_value: str) -> Secret:
        """Keep a secret for the project's runs, which get it by `secrets=[name]` as a variable of that name.

        In a cluster this needs the right to write the Secret `mlrun-project-<project>`.
        """
        if is_dns_name(name):
            hint = f"{name.upper().replace('-', '_').replace('.', '_')}, for example."
            raise InvalidArgument("name", f"{name!r} would mean a whole Secret in `secrets`; use capitals", hint=hint)
        if not isinstance(secret_value, str):
            raise InvalidArgument("secret_value", "must be a text")
        await self._session.backend.set_secret(self.name, name, secret_value)
        return Secret(self.name, name)

    # The whole

    async def export(self, filename: str | PathLike[str] | None = None) -> str:
        """Write the project to a file that `import_project` reads; its path.

        Functions are in it whole, or by their keys where they are not `embedded`; dataitems, artifacts and models with
        their paths.
        """
        file = Path(fspath(filename) if filename else f"project-{self.name}.yaml")
        held = [*await self._all("dataitem"), *await self._all("artifact"), *await self._all("model")]
        found = await self.list_functions()
        text = exports.dump_project(self.name, self._metadata, [each.to_dict() for each in found], held)
        file.write_text(text)
        return str(file)

    async def imported(self, functions_: list[Object], entities_: list[Entity]) -> Self:
        """Save what an export holds. Used by `import_project`."""
        for obj in functions_:
            obj["metadata"]["namespace"] = self.namespace
            await AsyncFunction(self._session, obj).save()
        for entity in entities_:
            self._session.remember(entity)
        return self

    async def delete(self, *, cascade: bool = True) -> None:
        """Delete its functions and runs. What runs stored stays in the store. Without `cascade` nothing is deleted."""
        if not cascade:
            return
        for run in await self.list_runs():
            await run.delete()
        for function in await self.list_functions():
            await function.delete()

    def to_dict(self) -> Object:
        """Name, key and description."""
        return {"name": self.name, "kind": "project", "key": f"store://{self.name}", "metadata": dict(self._metadata)}

    def __repr__(self) -> str:
        return f"Project({self.name})"


def twin(value: Any) -> Any:
    """The asynchronous handle behind a blocking one."""
    return getattr(value, "_twin", value)
