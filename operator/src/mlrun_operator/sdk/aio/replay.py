"""A run again on this machine: code, data and parameters as its last execution had them.

What was recorded decides: the commit of a repository, the version of each entity that was read, by its uuid. Data of
the store is copied here first. What cannot be the same is told: other code or bytes, other versions of packages.
"""

import asyncio
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, spec_of, status_of
from mlrun_operator.api.v1alpha1.inputs import InputRef, input_ref, parameter_name
from mlrun_operator.api.values.keys import Key
from mlrun_operator.api.values.names import short_hash
from mlrun_operator.render.execution import is_same_execution, is_same_function
from mlrun_operator.sdk.aio.entities import read_entity
from mlrun_operator.sdk.errors import BackendError, InvalidArgument, NotSupported
from mlrun_operator.sdk.session import Session
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.store import Catalogue, Entity

# What of a run's spec is the same on any machine. Options about pods, limits and retries are not.
_KEPT: Final = (
    *("project", "parameters", "floatParameters", "outputs", "values", "returns", "env", "secrets", "hyperparameters"),
    *("nonRetryable",),
)


def replayed_function(run: Object, function: Object | None, *, current: bool) -> Object:
    """Return the spec of the function as it ran. `function` is the MlrunFunction as it is now; None if it is gone.

    Raises InvalidArgument where it has changed since, unless `current`.
    """
    status = status_of(run)
    recorded = status.get("function") or {}
    spec = spec_of(run).get("function") or spec_of(function)
    if not spec:
        raise InvalidArgument("", f"its function {recorded.get('name')!r} is not there any more")
    if not current and is_same_function(str(recorded.get("digest")), spec) is False:
        raise InvalidArgument(
            "", "its function has changed since it ran", hint="Replay it with the function as it is now: --current."
        )
    name, commit = recorded.get("name"), (status.get("source") or {}).get("commit")
    found = {**({"name": name} if name else {}), **{field: value for field, value in spec.items() if field != "run"}}
    uri = str(spec["source"].get("source", ""))
    if commit and uri.startswith("git+"):
        found["source"] = {**spec["source"], "source": f"{uri.partition('#')[0]}#{commit}"}
    return found


def replayed_options(run: Object, function: Object, *, current: bool) -> Object:
    """Return the run's spec without its inputs. Raises NotSupported and InvalidArgument."""
    spec, execution = spec_of(run), status_of(run).get("execution") or {}
    if "schedule" in spec:
        raise NotSupported("a schedule runs nothing itself", hint="Replay one of its runs.")
    if not execution:
        raise InvalidArgument("", "it has not started anything yet")
    if not current and is_same_execution(str(execution.get("hash")), spec) is False:
        raise InvalidArgument(
            "", "it has been edited since its last execution", hint="Replay it as it is now: --current."
        )
    return {"function": function, **{name: spec[name] for name in _KEPT if name in spec}, "backoffLimit": 0}


def differences(then: Object, now: Object) -> Iterator[str]:
    """Yield what is not the same in two run.json, a sentence each, the causes before the outcome."""
    for what, left, right in (
        ("the code", _source(then), _source(now)),
        *((f"input {name!r}", *both) for name, both in _of_both(_digests(then), _digests(now))),
        *((f"package {name}", *both) for name, both in _of_both(_packages(then), _packages(now))),
        ("reason", then.get("reason"), now.get("reason")),
        ("message", then.get("message"), now.get("message")),
    ):
        if left != right:
            yield f"{what}: then {left or 'none'}, now {right or 'none'}"


def _of_both(left: Object, right: Object) -> list[tuple[str, tuple[Any, Any]]]:
    return [(name, (left[name], right[name])) for name in left if name in right]


def _packages(report: Object) -> Object:
    return {name: version for name, version in (report.get("versions") or {}).items() if name != "wrapper"}


def _source(report: Object) -> str | None:
    source = report.get("source") or {}
    return source.get("commit") or source.get("sha256")


def _digests(report: Object) -> Object:
    """Return the digests that are known: what is mounted, or in a folder of this machine, is not read for one."""
    return {given["name"]: given["sha256"] for given in report.get("inputs") or () if given.get("sha256")}


class Replay:
    """Takes a run of `session` to the session of this machine."""

    def __init__(self, session: Session, local: Session, run: Object) -> None:
        self._session = session
        self._local = local
        self._run = run
        self._namespace = str(run["metadata"]["namespace"])
        self._recorded = {given["name"]: given for given in status_of(run).get("inputs") or ()}

    async def object(self, function: Object | None, *, current: bool) -> Object:
        """Return the MlrunRun for this machine, its data in place. Raises SdkError."""
        spec = replayed_options(self._run, replayed_function(self._run, function, current=current), current=current)
        given = spec_of(self._run).get("inputs") or {}
        inputs = {name: await self._input(value, parameter_name(name)) for name, value in given.items()}
        name = self._run["metadata"]["name"]
        project = spec.get("project") or spec["function"].get("project") or self._namespace
        meta = {
            "name": f"{name[:200].rstrip('-.')}-replay-{secrets.token_hex(3)}",
            "namespace": await self._local.backend.namespace(project),
        }
        return {
            "apiVersion": constants.API_VERSION,
            "kind": constants.RUN_KIND,
            "metadata": meta,
            "spec": {**spec, "project": project, **({"inputs": inputs} if inputs else {})},
        }

    async def _input(self, value: Any, name: str) -> Any:
        """Return an input, a list or a map of inputs as this machine can read it; `name` is its name in the status."""
        if isinstance(value, list):
            return [await self._input(item, f"{name}[{i}]") for i, item in enumerate(value)]
        if isinstance(value, dict) and value.keys().isdisjoint(InputRef.model_fields):
            return {key: await self._input(item, f"{name}[{key}]") for key, item in value.items()}
        given = input_ref(value if isinstance(value, str) else InputRef.model_validate(value))
        if given.key is not None:
            read = self._recorded.get(name, {}).get("key")
            return {**_wire(given), "key": await self._copied(str(read or given.key))}
        if str(given.path).startswith("s3://"):
            return {**_wire(given), "path": str(await self._downloaded(str(given.path)))}
        if str(given.path).startswith(("/", "file:")) and self._local is not self._session:
            raise InvalidArgument(
                "",
                f"its input {name!r} is {given.path} in the pod, which is not here",
                hint="Run it with a copy of that.",
            )
        return value

    async def _downloaded(self, uri: str) -> Path:
        folder = self._home() / short_hash(uri)
        return await Access(self._session.backend, self._namespace).download(uri, folder)

    def _home(self) -> Path:
        from mlrun_operator.sdk.backends.local import LocalBackend

        backend = self._local.backend
        if not isinstance(backend, LocalBackend):
            raise BackendError("a replay needs the backend of this machine")
        return backend.home / "replays" / str(self._run["metadata"]["uid"])

    async def _copied(self, text: str) -> str:
        """Copy the entity and its data into the store of this machine; its key, with the uuid."""
        entity = await read_entity(self._session, self._namespace, text)
        if self._local is self._session:
            return str(entity.key)
        key, path = entity.key, entity.spec.get("path")
        catalogue = await self._catalogue(key)
        spec = dict(entity.spec)
        if path:
            with tempfile.TemporaryDirectory() as temporary:
                there = await Access(self._session.backend, self._namespace).download(str(path), Path(temporary))
                spec["path"] = await asyncio.to_thread(_uploaded, catalogue, catalogue.folder(key), there)
        await asyncio.to_thread(catalogue.write, Entity(key, entity.metadata, spec, entity.status))
        return str(key)

    async def _catalogue(self, key: Key) -> Catalogue:
        namespace = await self._local.backend.namespace(key.project)
        catalogue = await Access(self._local.backend, namespace).catalogue()
        if catalogue is None:
            raise BackendError("the store of this machine cannot be written")
        return catalogue


def _uploaded(catalogue: Catalogue, folder: str, data: Path) -> str:
    """Put a file or a folder into the store's folder; its URI there."""
    if not data.is_dir():
        catalogue.store.upload(f"{folder}/{data.name}", data)
        return catalogue.store.uri(f"{folder}/{data.name}")
    for file in sorted(each for each in data.rglob("*") if each.is_file()):
        catalogue.store.upload(f"{folder}/{data.name}/{file.relative_to(data).as_posix()}", file)
    return f"{catalogue.store.uri(f'{folder}/{data.name}')}/"


def _wire(given: InputRef) -> Object:
    return given.model_dump(exclude_none=True, by_alias=True)
