"""mlrun's database without a server: what a run's own process needs, kept in memory."""
# ruff: noqa: A002, FBT001, FBT002, PLR0913, PLR0917 - the arguments are mlrun's

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import mlrun
from mlrun.db.base import RunDBInterface
from mlrun.db.factory import RunDBFactory
from mlrun.db.nopdb import NopDB
from mlrun.utils import update_in

from . import artifacts, foreign_keys
from .artifacts import EVERY_TAG, Logged, LoggedArtifacts, newest_versions
from .entities import CANNOT_CHANGE, Entities
from .filters import conditions_of, filtered, has_labels, matches

_URL = "./"
# mlrun reads store://<project>/<type>/<kind>/<name>:<uuid> as a project of two slashes, a key and a tag.
_LEVELS = 2
_WORKING = frozenset(
    {
        *("connect", "url", "token_provider", "store_log"),
        *("store_run", "update_run", "read_run", "list_runs"),
        *("store_artifact", "read_artifact", "list_artifacts", "paginated_list_artifacts"),
        *("store_function", "get_function", "list_functions"),
        *("get_project", "store_project", "create_project", "list_projects"),
    }
)


class MemoryDB(NopDB):  # type: ignore[misc]
    """Runs, artifacts, functions, logs and projects of this process, and the store's artifacts.

    Whatever else is asked needs a server. Runs and artifacts are kept as mlrun wrote them. `call` tells the iteration
    of the handler's call that is at work. Every method has the signature of mlrun's interface.
    """

    def __init__(self, url: str = _URL) -> None:
        self.url = url
        self.token_provider = None
        self.runs: dict[tuple[str, int], dict[str, Any]] = {}
        self.artifacts = LoggedArtifacts()
        self.entities = Entities()
        self.call: Callable[[], int] = lambda: 0
        self.functions: dict[tuple[str, str], dict[str, Any]] = {}
        self.projects: dict[str, Any] = {}

    def __getattribute__(self, name: str) -> Any:
        """Only what works here works; a method of mlrun's interface that does not is an error, never a silent no-op."""
        if name not in _WORKING and not name.startswith("_") and hasattr(RunDBInterface, name):
            raise mlrun.errors.MLRunBadRequestError(foreign_keys.unavailable(name))
        return object.__getattribute__(self, name)

    def store_log(self, uid: str, project: str = "", body: Any = None, append: bool = False) -> None:
        """The log is the pod's."""

    def store_run(self, struct: Any, uid: str, project: str = "", iter: int = 0) -> None:
        """Keep a copy of the run."""
        run = struct.to_dict() if hasattr(struct, "to_dict") else struct
        self.runs[uid, iter] = copy.deepcopy(run)

    def update_run(self, updates: dict[str, Any], uid: str, project: str = "", iter: int = 0) -> None:
        """Set the fields by their dotted names."""
        run = self.runs.setdefault((uid, iter), {"metadata": {"uid": uid, "project": project, "iteration": iter}})
        for name, value in updates.items():
            update_in(run, name, copy.deepcopy(value))

    def read_run(self, uid: str, project: str = "", iter: int = 0, format_: Any = None) -> dict[str, Any]:
        """The run. Raises MLRunNotFoundError."""
        if (uid, iter) not in self.runs:
            raise mlrun.errors.MLRunNotFoundError(f"run {uid} is not one of this process")
        return copy.deepcopy(self.runs[uid, iter])

    def list_runs(
        self,
        name: Any = None,
        uid: Any = None,
        project: Any = None,
        labels: Any = None,
        states: Any = None,
        sort: bool = True,
        iter: bool = False,
        start_time_from: Any = None,
        start_time_to: Any = None,
        last_update_time_from: Any = None,
        last_update_time_to: Any = None,
        end_time_from: Any = None,
        end_time_to: Any = None,
        partition_by: Any = None,
        rows_per_partition: int = 1,
        partition_sort_by: Any = None,
        partition_order: Any = None,
        max_partitions: int = 0,
        with_notifications: bool = False,
        **others: Any,
    ) -> Any:
        """The runs of this process, by name, uid, labels and states where they are given."""
        times = (start_time_from, start_time_to, last_update_time_from, last_update_time_to, end_time_from, end_time_to)
        if any((*times, partition_by, *others.values())):
            raise _needs_server("list_runs by anything but name, uid, labels and states")
        uids = [uid] if isinstance(uid, str) else uid
        wanted = {str(getattr(each, "value", each)) for each in states or ()}
        found = [
            copy.deepcopy(run)
            for (run_uid, _iter), run in self.runs.items()
            if (not uids or run_uid in uids)
            and matches(name, run.get("metadata", {}).get("name") or "")
            and has_labels(run.get("metadata", {}), labels)
            and (not wanted or run.get("status", {}).get("state") in wanted)
        ]
        return mlrun.lists.RunList(found)

    def store_artifact(
        self,
        key: str,
        artifact: dict[str, Any],
        iter: int | None = None,
        tag: str = "",
        project: str = "",
        tree: str | None = None,
    ) -> dict[str, Any]:
        """Keep the artifact in the place of an older one of the same key, tree and iteration."""
        kept = copy.deepcopy(artifact)
        metadata = kept.setdefault("metadata", {})
        own_tree, iteration = tree or metadata.get("tree") or "", iter or metadata.get("iter") or 0
        if tag:
            metadata["tag"] = tag
        given = str(metadata.get("tag") or "")
        tags = (given,) if given and given not in EVERY_TAG else ()
        self.artifacts.keep(Logged(key, own_tree, iteration, self.call(), kept, tags))
        return copy.deepcopy(kept)

    def read_artifact(
        self,
        key: str,
        tag: str | None = "",
        iter: int | None = None,
        project: str = "",
        tree: str | None = None,
        uid: str | None = None,
        format_: Any = None,
    ) -> dict[str, Any]:
        """The newest artifact of that key, or the store's entity. Raises MLRunNotFoundError."""
        version = tag if tag and tag != "latest" else None
        if ":" in project and project.count("/") > _LEVELS:  # a file below a version
            raise mlrun.errors.MLRunBadRequestError(f"store://{project}/{key}: {CANNOT_CHANGE}")
        if project.count("/") == _LEVELS:
            return self.entities.of_key(f"store://{project}/{key}" + (f":{version}" if version else ""))
        found = self.artifacts.find(key, tree, iter, project, tag)
        if found is not None:
            return copy.deepcopy(found.document)
        name = f"{key}-{iter}" if iter else key
        return self.entities.find(name, project, uid or tree or version)

    def list_artifacts(
        self,
        name: str | None = "",
        project: str | None = "",
        tag: str | None = "",
        labels: Any = None,
        since: Any = None,
        until: Any = None,
        iter: int | None = None,
        best_iteration: bool = False,
        kind: str | None = None,
        category: Any = None,
        tree: str | None = None,
        parent: str | None = None,
        format_: Any = None,
        partition_by: Any = None,
        rows_per_partition: int = 1,
        partition_sort_by: Any = None,
        partition_order: Any = None,
    ) -> Any:
        """The artifacts of this process and the store's: the latest of each name, those of a tag, or all (`*`)."""
        if partition_by or parent:
            raise _needs_server("list_artifacts with partition_by or parent")
        conditions = conditions_of(labels, since, until, iter, kind, category, tree)
        newest = newest_versions(self.artifacts)
        own = [
            copy.deepcopy(each.document)
            for each in self.artifacts
            if not each.is_link
            and (matches(name, each.key) or matches(name, each.name))
            and each.is_of(project, tag)
            and (tag or newest[each.identity] is each)
            and not (best_iteration and self.artifacts.is_of_a_worse_iteration(each))
        ]
        stored = self.entities.listed(project or "", name or "", tag or "", conditions)
        return mlrun.lists.ArtifactList([*filtered(own, **conditions), *stored])

    def paginated_list_artifacts(
        self,
        *args: Any,
        page: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        **kwargs: Any,
    ) -> tuple[Any, None]:
        """All of them on one page."""
        return self.list_artifacts(*args, **kwargs), None

    def store_function(
        self, function: Any, name: str, project: str = "", tag: str = "", versioned: bool = False
    ) -> str:
        """Keep the function; the answer is its hash key."""
        kept = function.to_dict() if hasattr(function, "to_dict") else copy.deepcopy(function)
        self.functions[project, name] = kept
        return str(kept.get("metadata", {}).get("hash") or "")

    def get_function(self, name: str, project: str = "", tag: str = "", hash_key: str = "") -> dict[str, Any]:
        """The function. Raises MLRunNotFoundError."""
        if (project, name) not in self.functions:
            raise mlrun.errors.MLRunNotFoundError(f"function {name} is not one of this process")
        return copy.deepcopy(self.functions[project, name])

    def list_functions(
        self,
        name: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        kind: str | None = None,
        labels: Any = None,
        states: Any = None,
        format_: Any = None,
        since: Any = None,
        until: Any = None,
    ) -> list[dict[str, Any]]:
        """The functions of this process, by name, kind and labels where they are given."""
        if states or since or until:
            raise _needs_server("list_functions by anything but name, kind and labels")
        return [
            copy.deepcopy(function)
            for (_, held), function in self.functions.items()
            if matches(name, held)
            and kind in (None, "", function.get("kind"))
            and has_labels(function.get("metadata", {}), labels)
        ]

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

    def list_projects(self, owner: Any = None, format_: Any = None, labels: Any = None, state: Any = None) -> list[Any]:
        """The projects of this process."""
        return list(self.projects.values())


def _needs_server(name: str) -> Any:
    return mlrun.errors.MLRunBadRequestError(f"{name} needs an MLRun API server, and this platform has none")


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

    artifacts.install(ours.store_artifact)
    factory.create_run_db = connecting  # older versions connect anew for every function
    return ours
