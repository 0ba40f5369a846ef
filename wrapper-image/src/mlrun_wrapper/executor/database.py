"""mlrun's database without a server: what a run's own process needs, kept in memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import mlrun
from mlrun.db.base import RunDBInterface
from mlrun.db.factory import RunDBFactory
from mlrun.db.nopdb import NopDB
from mlrun.utils import update_in

from . import foreign_keys

_URL = "./"
# mlrun reads store://<project>/<type>/<kind>/<name>:<uuid> as a project of two slashes, a key and a tag.
_LEVELS = 2
_WORKING = frozenset(
    {
        *("connect", "url", "token_provider", "store_log"),
        *("store_run", "update_run", "read_run", "list_runs"),
        *("store_artifact", "read_artifact", "list_artifacts"),
        *("store_function", "get_function", "list_functions"),
        *("get_project", "store_project", "create_project", "list_projects"),
    }
)


class MemoryDB(NopDB):  # type: ignore[misc]
    """Runs, artifacts, functions, logs and projects of this process; whatever else is asked needs a server.

    Runs and artifacts are kept as mlrun wrote them, artifacts in the order of their logging.
    """

    def __init__(self, url: str = _URL) -> None:
        self.url = url
        self.token_provider = None
        self.runs: dict[tuple[str, int], dict[str, Any]] = {}
        self.artifacts: list[dict[str, Any]] = []
        self.entities: dict[str, dict[str, Any]] = {}
        self.ask: Callable[[dict[str, Any]], dict[str, Any]] | None = None
        self.functions: dict[tuple[str, str], dict[str, Any]] = {}
        self.projects: dict[str, Any] = {}

    def __getattribute__(self, name: str) -> Any:
        """Only what works here works; a method of mlrun's interface that does not is an error, never a silent no-op."""
        if name not in _WORKING and not name.startswith("_") and hasattr(RunDBInterface, name):
            raise mlrun.errors.MLRunBadRequestError(foreign_keys.unavailable(name))
        return object.__getattribute__(self, name)

    def store_log(self, *_: Any, **__: Any) -> None:
        """The log is the pod's."""

    def store_run(self, struct: Any, uid: str, project: str = "", iter: int = 0) -> None:  # noqa: A002
        """Keep a copy of the run."""
        run = struct.to_dict() if hasattr(struct, "to_dict") else struct
        self.runs[uid, iter] = copy.deepcopy(run)

    def update_run(self, updates: dict[str, Any], uid: str, project: str = "", iter: int = 0) -> None:  # noqa: A002
        """Set the fields by their dotted names."""
        run = self.runs.setdefault((uid, iter), {"metadata": {"uid": uid, "project": project, "iteration": iter}})
        for name, value in updates.items():
            update_in(run, name, copy.deepcopy(value))

    def read_run(self, uid: str, project: str = "", iter: int = 0, **_: Any) -> dict[str, Any]:  # noqa: A002
        """The run. Raises MLRunNotFoundError."""
        if (uid, iter) not in self.runs:
            raise mlrun.errors.MLRunNotFoundError(f"run {uid} is not one of this process")
        return copy.deepcopy(self.runs[uid, iter])

    def list_runs(self, name: str | None = None, uid: Any = None, project: str | None = None, **_: Any) -> Any:
        """The runs of this process, by name and uid where they are given."""
        uids = [uid] if isinstance(uid, str) else uid
        found = [
            copy.deepcopy(run)
            for (run_uid, _iter), run in self.runs.items()
            if (not uids or run_uid in uids) and (not name or run.get("metadata", {}).get("name") == name)
        ]
        return mlrun.lists.RunList(found)

    def store_artifact(self, key: str, artifact: dict[str, Any], iter: int | None = None, **_: Any) -> dict[str, Any]:  # noqa: A002
        """Keep the artifact in the place of an older one of the same key, tree and iteration."""
        kept = copy.deepcopy(artifact)
        identity = _identity(key, kept, iter)
        self.artifacts = [a for a in self.artifacts if a["_identity"] != identity] + [{**kept, "_identity": identity}]
        return kept

    def read_artifact(
        self,
        key: str,
        tag: str | None = None,
        iter: int | None = None,  # noqa: A002
        tree: str | None = None,
        project: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        """The newest artifact of that key, or the store's entity. Raises MLRunNotFoundError."""
        if project.count("/") == _LEVELS:
            return self._entity(f"store://{project}/{key}" + (f":{tag}" if tag and tag != "latest" else ""))
        for artifact in reversed(self.artifacts):
            held_key, held_tree, held_iter = artifact["_identity"]
            if held_key == key and tree in (None, "", held_tree) and iter in (None, held_iter):
                return {name: copy.deepcopy(value) for name, value in artifact.items() if name != "_identity"}
        raise mlrun.errors.MLRunNotFoundError(foreign_keys.unknown_artifact(key, project))

    def _entity(self, key: str) -> dict[str, Any]:
        """The artifact of a key of our store; the wrapper fetches its data now, unless the run has it already."""
        if key not in self.entities and self.ask is not None:
            answer = self.ask({"key": key})
            if "artifact" not in answer:
                raise mlrun.errors.MLRunNotFoundError(answer["error"])
            self.entities[key] = answer["artifact"]
        if key not in self.entities:
            raise mlrun.errors.MLRunNotFoundError(f"{key} cannot be looked up here")
        return copy.deepcopy(self.entities[key])

    def list_artifacts(self, name: str = "", project: str = "", **_: Any) -> Any:
        """The artifacts of this process, by key where one is given."""
        found = [a for a in self.artifacts if not name or name in (a["_identity"][0], a["metadata"].get("key"))]
        return mlrun.lists.ArtifactList([{k: v for k, v in a.items() if k != "_identity"} for a in found])

    def store_function(self, function: Any, name: str, project: str = "", **_: Any) -> str:
        """Keep the function; the answer is its hash key."""
        kept = function.to_dict() if hasattr(function, "to_dict") else copy.deepcopy(function)
        self.functions[project, name] = kept
        return str(kept.get("metadata", {}).get("hash") or "")

    def get_function(self, name: str, project: str = "", **_: Any) -> dict[str, Any]:
        """The function. Raises MLRunNotFoundError."""
        if (project, name) not in self.functions:
            raise mlrun.errors.MLRunNotFoundError(f"function {name} is not one of this process")
        return copy.deepcopy(self.functions[project, name])

    def list_functions(self, name: str | None = None, project: str = "", **_: Any) -> list[dict[str, Any]]:
        """The functions of this process."""
        return [copy.deepcopy(f) for (_, held), f in self.functions.items() if name in (None, held)]

    def get_project(self, name: str) -> Any:
        """The project; one that was never stored exists all the same, empty."""
        if name not in self.projects:
            self.projects[name] = mlrun.projects.MlrunProject.from_dict({"metadata": {"name": name}, "spec": {}})
        return self.projects[name]

    def store_project(self, name: str, project: Any) -> Any:
        """Keep the project."""
        if isinstance(project, dict):
            project = mlrun.projects.MlrunProject.from_dict(project)
        self.projects[name] = project
        return project

    def create_project(self, project: Any) -> Any:
        """Keep the project."""
        kept = project if isinstance(project, dict) else project.to_dict()
        return self.store_project(kept["metadata"]["name"], kept)

    def list_projects(self, **_: Any) -> list[Any]:
        """The projects of this process."""
        return list(self.projects.values())


def _identity(key: str, artifact: dict[str, Any], iteration: int | None) -> tuple[str, str, int]:
    metadata = artifact.get("metadata", {})
    return key, metadata.get("tree") or "", iteration or metadata.get("iter") or 0


def install() -> MemoryDB:
    """Make it mlrun's database in this process."""
    factory = RunDBFactory()
    if isinstance(factory._run_db, MemoryDB):
        return factory._run_db
    factory._run_db = ours = MemoryDB()
    factory._last_db_url = mlrun.mlconf.dbpath = _URL
    connect = factory.create_run_db

    def connecting(url: str = "", *args: Any, **kwargs: Any) -> Any:
        return connect(url, *args, **kwargs) if "://" in url else ours

    factory.create_run_db = connecting  # older versions connect anew for every function
    return ours
