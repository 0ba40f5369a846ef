"""A function's handle."""

import copy
from typing import Any, Literal, Self, Unpack, overload

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, labels_of
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.cluster.resources import FUNCTIONS, RUNS
from mlrun_operator.render.cron_job import build_cron_job
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.job import build_job
from mlrun_operator.sdk.aio.function_object import build_function
from mlrun_operator.sdk.aio.inputs import Resolver
from mlrun_operator.sdk.aio.run import AsyncRun
from mlrun_operator.sdk.arguments import FunctionArguments, RunArguments
from mlrun_operator.sdk.errors import InvalidArgument
from mlrun_operator.sdk.session import Session
from mlrun_operator.sdk.tracing import traced
from mlrun_operator.sdk.translate import RunRequest, run_object, run_spec
from mlrun_operator.sdk.translate.declared import declared_names
from mlrun_operator.sdk.translate.run import check_action
from mlrun_operator.sdk.translate.shapes import snake
from mlrun_operator.sdk.views import FunctionView

# What `run` itself does with the run that it makes.
_OWN: tuple[str, ...] = ("local_execution", "dry_run", "wait", "log_info", "submit")
_NO_UID = "00000000-0000-0000-0000-000000000000"


class AsyncFunction(FunctionView):
    """One function of the backend, or one that is not saved yet."""

    def __init__(self, session: Session, obj: Object) -> None:
        self._session = session
        self._obj = obj

    async def refresh(self) -> Self:
        """Read the function again. Raises NotFound."""
        self._obj = await self._session.backend.read(FUNCTIONS, self.namespace, self.object_name)
        return self

    async def save(self) -> Self:
        """Create the function in the backend, or make the one of its name so."""
        meta = {n: v for n, v in self._obj["metadata"].items() if n in ("name", "namespace", "labels", "annotations")}
        written = {**self._obj, "metadata": meta}
        written.pop("status", None)
        self._obj = await self._session.backend.apply(FUNCTIONS, written)
        return self

    async def update(self, **changes: Unpack[FunctionArguments]) -> Self:
        """Change what is given, by `new_function`'s arguments, and save. Runs that have started keep what they had."""
        arguments = {"source": self.source, **_arguments_of(self._spec), **changes}
        obj = await build_function(self._session, self.project, self.name, self.kind, arguments, self.namespace)
        obj["metadata"]["name"] = self.object_name
        if "labels" not in changes:
            obj["metadata"]["labels"] = {**labels_of(self._obj), **obj["metadata"]["labels"]}
        self._obj = obj
        return await self.save()

    async def delete(self) -> None:
        """Delete the function. Its runs stay; those that have not started fail."""
        await self._session.backend.delete(FUNCTIONS, self.namespace, self.object_name)

    @overload
    async def run(
        self,
        action: str = "job",
        *,
        dry_run: Literal[True],
        local_execution: bool = False,
        **arguments: Unpack[RunArguments],
    ) -> Object: ...
    @overload
    async def run(
        self,
        action: str = "job",
        *,
        dry_run: Literal[False] = False,
        local_execution: bool = False,
        wait: bool | None = None,
        log_info: bool = True,
        submit: bool = True,
        **arguments: Unpack[RunArguments],
    ) -> AsyncRun: ...
    async def run(self, action: str = "job", **arguments: Any) -> Any:
        """Run the function; the run's handle, at once.

        `action` is `job`. The arguments are those of `RunArguments`, in snake or camel case. `dry_run=True` returns the
        Job that the operator would make, and submits nothing. `submit=False` returns the handle of a run that is not
        submitted, for `to_yaml()`. `wait=True` waits for the end, and raises RunFailed or RunStopped as `run.wait()`
        does; local runs wait and print their log unless `wait=False`. `local_execution=True` runs on this machine.
        Raises InvalidArgument that names the argument.
        """
        check_action(action)
        own, given = _taken(arguments)
        session = await self._session.local() if own.get("local_execution") else self._session
        if session is not self._session:
            return await AsyncFunction(session, await self._copied(session)).run(action, **given, **_but_local(own))
        run = await self._prepared(given)
        if own.get("dry_run"):
            return await self._job(run)
        if own.get("submit") is False:
            return run
        if not self.saved:
            await self.save()
        run._obj = await session.backend.create(RUNS, traced(run._obj))
        waits = own.get("wait")
        if waits or (waits is None and session.backend.kind == "local" and not run.spec.get("suspend")):
            await run.wait(logs=bool(own.get("log_info", True)))
        return run

    async def _prepared(self, given: Object) -> AsyncRun:
        """The run as it would be submitted."""
        declared = declared_names(self._obj["spec"])
        request = RunRequest(self.project, self.namespace, self.object_name, self.name, declared)
        resolver = Resolver(self._session, self.namespace, self.project)
        parameters = given.get("parameters")
        resolver.collect(given.get("inputs"))
        if isinstance(parameters, dict) and "inputs" not in declared:
            resolver.collect(parameters.get("inputs"))
        await resolver.resolve()
        spec = run_spec(request, given, resolver.found)
        return AsyncRun(self._session, run_object(request, spec, given))

    async def _job(self, run: AsyncRun) -> Object:
        """The Job of the run's first execution, or the CronJob of a schedule.

        Its name and uid-bound labels hold a uid that is only a stand-in.
        """
        platform = await self._session.backend.platform(self.namespace)
        if platform is None:
            platform = Platform(store=StoreInfo(root="s3://mlrun/{namespace}"))
        obj = copy.deepcopy(run._obj)
        obj["metadata"] = {**obj["metadata"], "uid": _NO_UID, "generation": 1}
        function = {**self._obj, "metadata": {"uid": _NO_UID, **self._obj["metadata"]}}
        try:
            spec = RunSpec.model_validate(obj["spec"])
            pinned = PinnedFunction.of_object(function)
            if spec.schedule is not None:
                return build_cron_job(obj, spec, pinned, platform, is_paused=bool(spec.suspend))
            return build_job(obj, spec, pinned, 1, platform)
        except ValueError as error:
            raise InvalidArgument("", str(error)) from error

    async def _copied(self, session: Session) -> Object:
        """This function in another backend."""
        obj = {"apiVersion": self._obj["apiVersion"], "kind": self._obj["kind"], "spec": self._spec}
        meta = {name: self._meta[name] for name in ("name", "labels") if name in self._meta}
        return {**obj, "metadata": {**meta, "namespace": await session.backend.namespace(self.project)}}

    async def runs(self) -> list[AsyncRun]:
        """The function's runs, oldest first."""
        found = [
            run
            for run in await self._session.backend.find(RUNS, self.namespace)
            if (run["spec"].get("functionRef") or {}).get("name") in (self.object_name, self.name)
        ]
        found.sort(key=lambda run: str(run["metadata"].get("creationTimestamp")))
        return [AsyncRun(self._session, run) for run in found]


def _taken(arguments: Object) -> tuple[Object, Object]:
    """`run`'s own arguments, and the run's."""
    own, given = {}, {}
    for written, value in arguments.items():
        name = next((name for name in _OWN if name in (written, snake(written))), None)
        if name is None:
            given[written] = value
        else:
            own[name] = value
    return own, given


def _but_local(own: Object) -> Object:
    return {name: value for name, value in own.items() if name != "local_execution"}


def _arguments_of(spec: Object) -> Object:
    """A function's spec as `new_function`'s arguments."""
    read = FunctionSpec.model_validate(spec)
    kept = read.model_dump(exclude_none=True, by_alias=False, exclude={"name", "project", "source", "run"})
    return {**kept, **({"run": spec["run"]} if "run" in spec else {})}
