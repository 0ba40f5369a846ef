"""The blocking handles: each method waits for its asynchronous twin, which holds the logic (see portal.py)."""

from collections.abc import Iterator
from typing import Any, Final, Literal, Unpack, overload

from mlrun_operator.api.objects import Object
from mlrun_operator.api.visible import visible
from mlrun_operator.sdk.aio import top
from mlrun_operator.sdk.aio.entities import AsyncArtifact, AsyncDataItem, AsyncEntity, AsyncModel
from mlrun_operator.sdk.aio.function import AsyncFunction
from mlrun_operator.sdk.aio.project import AsyncProject
from mlrun_operator.sdk.aio.run import AsyncRun
from mlrun_operator.sdk.arguments import RunArguments
from mlrun_operator.sdk.backend import LogLine
from mlrun_operator.sdk.portal import at_end, blocking, blocking_function, portal
from mlrun_operator.sdk.views import EntityView, FunctionView, RunView
from mlrun_operator.store import Entity as StoredEntity


class Log:
    """The lines of a run's log: iterate over them as they were written, or take `str()` of the whole to show it."""

    def __init__(self, run: AsyncRun, *, follow: bool) -> None:
        self._run = run
        self._follow = follow

    def __iter__(self) -> Iterator[LogLine]:
        return portal().iterate(self._run.logs(self._follow))

    def __str__(self) -> str:
        return visible("\n".join(self))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - IPython's signature
        printer.text(str(self))


class Entity(EntityView):
    """Something in the store, or at a path of the user's own."""

    def __init__(self, twin: AsyncEntity) -> None:
        self._twin = twin

    @property
    def _entity(self) -> StoredEntity:  # type: ignore[override]
        return self._twin._entity

    refresh = blocking(AsyncEntity.refresh, lambda twin: Entity(twin))
    download = blocking(AsyncEntity.download)
    upload = blocking(AsyncEntity.upload, lambda twin: Entity(twin))
    save = blocking(AsyncEntity.save, lambda twin: Entity(twin))


class DataItem(Entity):
    """A table, or data of another kind."""

    _twin: AsyncDataItem

    as_df = blocking(AsyncDataItem.as_df)
    write_df = blocking(AsyncDataItem.write_df)


class Artifact(Entity):
    """A file or a folder."""


class Model(Entity):
    """A model: a file or a folder, and what was said of it."""


_HANDLES: Final[dict[type[AsyncEntity], type[Entity]]] = {
    AsyncDataItem: DataItem,
    AsyncArtifact: Artifact,
    AsyncModel: Model,
}


def _entity(twin: AsyncEntity) -> Any:
    """The blocking handle of an entity; its class is that of its type."""
    return _HANDLES.get(type(twin), Entity)(twin)


def _outputs(found: dict[str, Any]) -> dict[str, Any]:
    return {name: _entity(each) if isinstance(each, AsyncEntity) else each for name, each in found.items()}


class Run(RunView):
    """One run. Its properties tell what was read last; `refresh` and `wait` read anew."""

    def __init__(self, twin: AsyncRun) -> None:
        self._twin = twin

    @property
    def _obj(self) -> Object:  # type: ignore[override]
        return self._twin._obj

    refresh = blocking(AsyncRun.refresh, lambda twin: Run(twin))
    save = blocking(AsyncRun.save, lambda twin: Run(twin))
    submit = blocking(AsyncRun.save, lambda twin: Run(twin))
    wait = blocking(AsyncRun.wait, lambda twin: Run(twin))
    stop = blocking(AsyncRun.stop, lambda twin: Run(twin))
    suspend = blocking(AsyncRun.suspend, lambda twin: Run(twin))
    resume = blocking(AsyncRun.resume, lambda twin: Run(twin))
    rerun = blocking(AsyncRun.rerun, lambda twin: Run(twin))
    replay = blocking(AsyncRun.replay, lambda twin: Run(twin))
    delete = blocking(AsyncRun.delete)
    events = blocking(AsyncRun.events)
    run_json = blocking(AsyncRun.run_json)
    outputs = blocking(AsyncRun.outputs, _outputs)
    output = blocking(AsyncRun.output, _entity)
    results = blocking(AsyncRun.results)
    result = blocking(AsyncRun.result)
    values = blocking(AsyncRun.values)
    inputs = blocking(AsyncRun.inputs, _outputs)
    next_run = blocking(AsyncRun.next_run, lambda twin: Run(twin))
    runs = blocking(AsyncRun.runs, lambda many: [Run(each) for each in many])

    def logs(self, follow: bool = False) -> Log:  # noqa: FBT001, FBT002 - DigitalHub's
        """The log: iterate for its lines, `print` for the whole; with `follow` until the run has ended.

        From the pods, and from the store where a pod is gone.
        """
        return Log(self._twin, follow=follow)

    def raise_for_status(self) -> None:
        """Raise RunFailed or RunStopped where, as it was read last, the run ended so."""
        self._twin.raise_for_status()


class Function(FunctionView):
    """One function."""

    def __init__(self, twin: AsyncFunction) -> None:
        self._twin = twin

    @property
    def _obj(self) -> Object:  # type: ignore[override]
        return self._twin._obj

    refresh = blocking(AsyncFunction.refresh, lambda twin: Function(twin))
    save = blocking(AsyncFunction.save, lambda twin: Function(twin))
    update = blocking(AsyncFunction.update, lambda twin: Function(twin))
    delete = blocking(AsyncFunction.delete)
    runs = blocking(AsyncFunction.runs, lambda many: [Run(each) for each in many])

    @overload
    def run(
        self,
        action: str = "job",
        *,
        dry_run: Literal[True],
        local_execution: bool = False,
        **arguments: Unpack[RunArguments],
    ) -> Object: ...
    @overload
    def run(
        self,
        action: str = "job",
        *,
        dry_run: Literal[False] = False,
        local_execution: bool = False,
        wait: bool | None = None,
        log_info: bool = True,
        submit: bool = True,
        **arguments: Unpack[RunArguments],
    ) -> Run: ...
    def run(self, action: str = "job", **arguments: Any) -> Any:
        """Run the function; the run's handle, at once. See `AsyncFunction.run`."""
        found: Any = portal().call(self._twin.run(action, **arguments))
        return Run(found) if isinstance(found, AsyncRun) else found


class Project:
    """One project. It exists by its name alone; nothing is made in the cluster for it."""

    def __init__(self, twin: AsyncProject) -> None:
        self._twin = twin

    @property
    def name(self) -> str:
        """Its name."""
        return self._twin.name

    @property
    def namespace(self) -> str:
        """Where its objects are."""
        return self._twin.namespace

    @property
    def description(self) -> str | None:
        """For people; kept in exports."""
        return self._twin.description

    def to_dict(self) -> Object:
        """Name, key and description."""
        return self._twin.to_dict()

    def __repr__(self) -> str:
        return repr(self._twin)

    refresh = blocking(AsyncProject.refresh, lambda twin: Project(twin))
    save = blocking(AsyncProject.save, lambda twin: Project(twin))
    export = blocking(AsyncProject.export)
    delete = blocking(AsyncProject.delete)

    new_function = blocking(AsyncProject.new_function, Function)
    get_function = blocking(AsyncProject.get_function, Function)
    list_functions = blocking(AsyncProject.list_functions, lambda many: [Function(each) for each in many])
    update_function = blocking(AsyncProject.update_function, Function)
    delete_function = blocking(AsyncProject.delete_function)

    get_run = blocking(AsyncProject.get_run, Run)
    list_runs = blocking(AsyncProject.list_runs, lambda many: [Run(each) for each in many])
    delete_run = blocking(AsyncProject.delete_run)

    new_dataitem = blocking(AsyncProject.new_dataitem, DataItem)
    get_dataitem = blocking(AsyncProject.get_dataitem, DataItem)
    list_dataitems = blocking(AsyncProject.list_dataitems, lambda many: [DataItem(each) for each in many])
    update_dataitem = blocking(AsyncProject.update_dataitem, _entity)
    delete_dataitem = blocking(AsyncProject.delete_dataitem)

    new_artifact = blocking(AsyncProject.new_artifact, Artifact)
    get_artifact = blocking(AsyncProject.get_artifact, Artifact)
    list_artifacts = blocking(AsyncProject.list_artifacts, lambda many: [Artifact(each) for each in many])
    update_artifact = blocking(AsyncProject.update_dataitem, _entity)
    delete_artifact = blocking(AsyncProject.delete_artifact)

    new_model = blocking(AsyncProject.new_model, Model)
    get_model = blocking(AsyncProject.get_model, Model)
    list_models = blocking(AsyncProject.list_models, lambda many: [Model(each) for each in many])
    update_model = blocking(AsyncProject.update_dataitem, _entity)
    delete_model = blocking(AsyncProject.delete_model)

    new_secret = blocking(AsyncProject.new_secret)


def _handle(twin: AsyncFunction | AsyncRun) -> Function | Run:
    return Function(twin) if isinstance(twin, AsyncFunction) else Run(twin)


def update_project(project: Project) -> Project:
    """Nothing to write: a project is its name. For programs written for DigitalHub."""
    return project


at_end.append(top.disconnect)

connect = blocking_function(top.connect)
disconnect = blocking_function(top.disconnect)
get_or_create_project = blocking_function(top.get_or_create_project, Project)
new_project = create_project = get_project = load_project = get_or_create_project
list_projects = blocking_function(top.list_projects)
delete_project = blocking_function(top.delete_project)
import_project = blocking_function(top.import_project, Project)
new_function = blocking_function(top.new_function, Function)
get_function = blocking_function(top.get_function, Function)
list_functions = blocking_function(top.list_functions, lambda many: [Function(each) for each in many])
update_function = blocking_function(top.update_function, Function)
delete_function = blocking_function(top.delete_function)
get_run = blocking_function(top.get_run, Run)
list_runs = blocking_function(top.list_runs, lambda many: [Run(each) for each in many])
delete_run = blocking_function(top.delete_run)
new_dataitem = blocking_function(top.new_dataitem, DataItem)
get_dataitem = blocking_function(top.get_dataitem, DataItem)
list_dataitems = blocking_function(top.list_dataitems, lambda many: [DataItem(each) for each in many])
update_dataitem = blocking_function(top.update_dataitem, _entity)
delete_dataitem = blocking_function(top.delete_dataitem)
new_artifact = blocking_function(top.new_artifact, Artifact)
get_artifact = blocking_function(top.get_artifact, Artifact)
list_artifacts = blocking_function(top.list_artifacts, lambda many: [Artifact(each) for each in many])
update_artifact = blocking_function(top.update_dataitem, _entity)
delete_artifact = blocking_function(top.delete_artifact)
new_model = blocking_function(top.new_model, Model)
get_model = blocking_function(top.get_model, Model)
list_models = blocking_function(top.list_models, lambda many: [Model(each) for each in many])
update_model = blocking_function(top.update_dataitem, _entity)
delete_model = blocking_function(top.delete_model)
new_secret = blocking_function(top.new_secret)
from_yaml = blocking_function(top.from_yaml, lambda many: [_handle(each) for each in many])
