"""The functions of the asynchronous twin: `from mlrun_operator import aio as dh`, then `await dh.…`."""

import warnings
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Unpack

from mlrun_operator.api import constants
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.sdk import exports, manifests
from mlrun_operator.sdk.aio import entities
from mlrun_operator.sdk.aio.entities import AsyncArtifact, AsyncDataItem, AsyncEntity, AsyncModel
from mlrun_operator.sdk.aio.function import AsyncFunction
from mlrun_operator.sdk.aio.project import AsyncProject, Secret, twin
from mlrun_operator.sdk.aio.run import AsyncRun
from mlrun_operator.sdk.arguments import EntityArguments, FunctionArguments
from mlrun_operator.sdk.backend import Backend
from mlrun_operator.sdk.errors import InvalidArgument, NotFound
from mlrun_operator.sdk.naming import parse_function, project_name
from mlrun_operator.sdk.session import Session, current, default_session, open_session, use
from mlrun_operator.sdk.stores.runs import project_of
from mlrun_operator.sdk.translate.floats import declared
from mlrun_operator.sdk.translate.shapes import validated


class Connection:
    """What `connect` gives: where runs run from now on."""

    def __init__(self, session: Session, namespace: str) -> None:
        self._session = session
        self.backend = session.backend
        self.namespace = namespace

    @property
    def kind(self) -> str:
        """`kubernetes` or `local`."""
        return self.backend.kind

    def __repr__(self) -> str:
        return f"Connection({self.backend.describe()})"


async def connect(
    backend: str | Backend | None = None,
    *,
    context: str | None = None,
    namespace: str | None = None,
    kubeconfig: str | None = None,
    home: str | Path | None = None,
    quiet: bool = False,
) -> Connection:
    """Choose where everything runs from now on; without it the first use chooses.

    `backend` is `kubernetes` or `local`; one that is named is used or fails. Without it: MLRUN_OPERATOR_BACKEND, the
    cluster that this process runs in, the kube context if it serves our resources, this machine. `namespace` may hold
    `{project}`. `home` is the folder of the local backend. Raises NotConnected, NotAuthenticated, CrdsMissing.
    """
    session = await open_session(
        backend, context=context, namespace=namespace, kubeconfig=kubeconfig, home=home, quiet=quiet
    )
    use(session)
    return Connection(session, await session.backend.namespace(None))


async def disconnect() -> None:
    """Close what this event loop holds open; the next use connects anew."""
    session = current()
    if session is not None:
        await session.backend.close()
        if session.fallback is not None:
            await session.fallback.backend.close()
        use(None)


async def _project(name: str | None) -> AsyncProject:
    """The project of that name; None is the last one of this process, else the namespace's own."""
    session = await default_session()
    name = name or session.project
    if name is None:
        name = await session.backend.namespace(None)
    return AsyncProject(session, name, await session.backend.namespace(name))


async def get_or_create_project(name: str, *, description: str | None = None, **ignored: Any) -> AsyncProject:
    """The project; from now on the one of everything that names none.

    Nothing is made in the cluster: a project is a name that its functions, runs and entities carry. `ignored` takes
    DigitalHub's further arguments (`local`, `context`, `setup_kwargs`), which have no meaning here.
    """
    session = await default_session()
    session.project = project_name(name, "name")
    metadata = {"description": description} if description else {}
    return AsyncProject(session, name, await session.backend.namespace(name), metadata)


new_project = create_project = get_project = load_project = get_or_create_project


async def list_projects() -> list[str]:
    """The names of the projects that have functions or runs in the namespace."""
    session = await default_session()
    namespace = await session.backend.namespace(None)
    from mlrun_operator.cluster.resources import FUNCTIONS

    found = {AsyncFunction(session, obj).project for obj in await session.backend.find(FUNCTIONS, namespace)}
    return sorted(found | {project_of(run) for run in await session.backend.find(RUNS, namespace)})


async def update_project(project: AsyncProject) -> AsyncProject:
    """Nothing to write: a project is its name. For programs written for DigitalHub."""
    return project


async def delete_project(name: str, *, cascade: bool = True, **ignored: Any) -> None:
    """Delete the project's functions and runs."""
    session = await default_session()
    await (await _project(name)).delete(cascade=cascade)
    if session.project == name:
        session.project = None


async def import_project(filename: str | PathLike[str]) -> AsyncProject:
    """Save what a file of `project.export()` holds. Functions that it only refers to must be there already."""
    name, metadata, embedded, others, held = exports.load_project(Path(fspath(filename)).read_text())
    project = await get_or_create_project(name, description=metadata.get("description"))
    await project.imported(embedded, held)
    for key in others:
        try:
            await project.get_function(key.rpartition(":")[0] if key.count(":") > 1 else key)
        except NotFound:
            warnings.warn(f"the project refers to {key}, which is not here", UserWarning, stacklevel=2)
    return project


# Functions


async def new_function(
    name: str, kind: str = "mlrun", project: str | None = None, **arguments: Unpack[FunctionArguments]
) -> AsyncFunction:
    """As `project.new_function`; without a project in the last one of this process, else the namespace's."""
    return await (await _project(project)).new_function(name, kind, **arguments)


async def get_function(identifier: str, project: str | None = None) -> AsyncFunction:
    """By name, key or function string. Raises NotFound."""
    return await (await _project(parse_function(identifier)[0] or project)).get_function(identifier)


async def list_functions(project: str | None = None) -> list[AsyncFunction]:
    """The project's functions, by name."""
    return await (await _project(project)).list_functions()


async def update_function(
    function: AsyncFunction | str, project: str | None = None, **changes: Unpack[FunctionArguments]
) -> AsyncFunction:
    """Save a changed handle, or change the function of that name."""
    said = project if isinstance(function, str) else twin(function).project
    return await (await _project(said)).update_function(function, **changes)


async def delete_function(identifier: str, project: str | None = None) -> None:
    """Delete it. Raises NotFound."""
    await (await _project(parse_function(identifier)[0] or project)).delete_function(identifier)


# Runs


async def get_run(identifier: str, project: str | None = None) -> AsyncRun:
    """By name or key, or `@latest`. Raises NotFound."""
    return await (await _project(_of_key(identifier) or project)).get_run(identifier)


async def list_runs(project: str | None = None, function: str | None = None) -> list[AsyncRun]:
    """The project's runs, oldest first."""
    return await (await _project(project)).list_runs(function)


async def delete_run(identifier: str, project: str | None = None) -> None:
    """Delete it, its Job and its pods. Raises NotFound."""
    await (await _project(_of_key(identifier) or project)).delete_run(identifier)


# Entities


async def new_dataitem(
    name: str, kind: str | None = None, project: str | None = None, **arguments: Unpack[EntityArguments]
) -> AsyncDataItem:
    """As `project.new_dataitem`."""
    return await (await _project(project)).new_dataitem(name, kind, **arguments)


async def new_artifact(
    name: str, kind: str | None = None, project: str | None = None, **arguments: Unpack[EntityArguments]
) -> AsyncArtifact:
    """As `project.new_artifact`."""
    return await (await _project(project)).new_artifact(name, kind, **arguments)


async def new_model(
    name: str, kind: str | None = None, project: str | None = None, **arguments: Unpack[EntityArguments]
) -> AsyncModel:
    """As `project.new_model`."""
    return await (await _project(project)).new_model(name, kind, **arguments)


async def get_dataitem(identifier: str, project: str | None = None) -> AsyncDataItem:
    """By name (the latest) or key. Raises NotFound."""
    return await (await _project(_of_key(identifier) or project)).get_dataitem(identifier)


async def get_artifact(identifier: str, project: str | None = None) -> AsyncArtifact:
    """By name (the latest) or key. Raises NotFound."""
    return await (await _project(_of_key(identifier) or project)).get_artifact(identifier)


async def get_model(identifier: str, project: str | None = None) -> AsyncModel:
    """By name (the latest) or key. Raises NotFound."""
    return await (await _project(_of_key(identifier) or project)).get_model(identifier)


async def list_dataitems(project: str | None = None) -> list[AsyncDataItem]:
    """The latest of each name."""
    return await (await _project(project)).list_dataitems()


async def list_artifacts(project: str | None = None) -> list[AsyncArtifact]:
    """The latest of each name."""
    return await (await _project(project)).list_artifacts()


async def list_models(project: str | None = None) -> list[AsyncModel]:
    """The latest of each name."""
    return await (await _project(project)).list_models()


async def update_dataitem(entity: AsyncEntity) -> AsyncEntity:
    """Write a changed handle to the store. Raises DataUnreachable."""
    held: AsyncEntity = twin(entity)
    return await held.save()


update_artifact = update_model = update_dataitem


async def delete_dataitem(identifier: str, project: str | None = None) -> None:
    """Forget it; its data stays. Raises NotFound."""
    await (await _project(_of_key(identifier) or project)).delete_dataitem(identifier)


async def delete_artifact(identifier: str, project: str | None = None) -> None:
    """Forget it; its data stays. Raises NotFound."""
    await (await _project(_of_key(identifier) or project)).delete_artifact(identifier)


async def delete_model(identifier: str, project: str | None = None) -> None:
    """Forget it; its data stays. Raises NotFound."""
    await (await _project(_of_key(identifier) or project)).delete_model(identifier)


async def new_secret(name: str, secret_value: str, project: str | None = None) -> Secret:
    """As `project.new_secret`."""
    return await (await _project(project)).new_secret(name, secret_value)


async def from_yaml(manifest: str | Path) -> list[AsyncFunction | AsyncRun]:
    """The functions and runs of a manifest (a text, or a file's Path), checked and not saved; `save()` applies each."""
    session = await default_session()
    found: list[AsyncFunction | AsyncRun] = []
    for obj in manifests.load(manifest):
        is_function = obj["kind"] == constants.FUNCTION_KIND
        try:
            validated(FunctionSpec if is_function else RunSpec, obj.get("spec"))
        except InvalidArgument as error:
            raise error.within(f"{obj['kind']} {obj['metadata']['name']}: spec") from None
        namespace = obj["metadata"].get("namespace") or await session.backend.namespace((obj["spec"]).get("project"))
        placed = {**declared(obj), "metadata": {**obj["metadata"], "namespace": namespace}}
        found.append(AsyncFunction(session, placed) if is_function else AsyncRun(session, placed))
    return found


def _of_key(identifier: str) -> str | None:
    """The project in a key."""
    return entities.parse_key(identifier).project if identifier.startswith("store://") else None
