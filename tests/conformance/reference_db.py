"""mlrun's database in memory: what mlrun's own API server would answer to one client.

It is the reference, so it follows the server where the client can tell: artifacts have a uid of their content, the tag
`latest` moves to the newest, a link marks the best iteration, and lists take mlrun's filters.
"""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import mlrun
from mlrun.db.factory import RunDBFactory
from mlrun.db.nopdb import NopDB
from mlrun.utils import update_in

# Labels are no part of it either: a change of them changes the artifact in its place.
_VOLATILE = ("created", "updated", "uid", "tag", "hash", "labels")
_CATEGORIES = {"model": {"model"}, "dataset": {"dataset"}, "document": {"document"}, "llm-prompt": {"llm-prompt"}}


class Row:
    """One artifact as the server keeps it."""

    def __init__(self, key: str, project: str, tree: str, iteration: int, body: dict[str, Any]) -> None:
        self.key, self.project, self.tree, self.iteration, self.body = key, project, tree, iteration, body
        self.tags: set[str] = set()
        self.best = False

    def document(self, tag: str | None = None) -> dict[str, Any]:
        """What a client reads."""
        body = copy.deepcopy(self.body)
        body["metadata"]["tag"] = tag or ("latest" if "latest" in self.tags else next(iter(sorted(self.tags)), None))
        return body


class ReferenceDB(NopDB):
    """Runs, artifacts, functions and projects; the rest of the interface is mlrun's no-op."""

    def __init__(self) -> None:
        super().__init__("./")
        self.runs: dict[tuple[str, int], dict[str, Any]] = {}
        self.rows: list[Row] = []
        self.functions: dict[tuple[str, str], list[tuple[str, set[str], dict[str, Any]]]] = {}
        self.projects: dict[str, Any] = {}
        self.logs: dict[str, bytes] = {}

    def __getattribute__(self, name: str) -> Any:
        if name in ReferenceDB.__dict__ or name.startswith("_"):
            return object.__getattribute__(self, name)
        return super().__getattribute__(name)

    def connect(self, secrets: Any = None) -> ReferenceDB:
        return self

    def store_log(self, uid: str, project: str = "", body: Any = None, append: bool = False) -> None:
        data = body.encode() if isinstance(body, str) else body or b""
        self.logs[uid] = (self.logs.get(uid, b"") if append else b"") + data

    def store_run(self, struct: Any, uid: str, project: str = "", iter: int = 0) -> None:
        self.runs[uid, iter] = copy.deepcopy(struct.to_dict() if hasattr(struct, "to_dict") else struct)

    def update_run(self, updates: dict[str, Any], uid: str, project: str = "", iter: int = 0) -> None:
        run = self.runs.setdefault((uid, iter), {"metadata": {"uid": uid, "project": project, "iteration": iter}})
        for name, value in updates.items():
            update_in(run, name, copy.deepcopy(value))

    def read_run(self, uid: str, project: str = "", iter: int = 0, format_: Any = None) -> dict[str, Any]:
        if (uid, iter) not in self.runs:
            raise mlrun.errors.MLRunNotFoundError(f"Run {project}:{uid}:{iter} not found")
        run = copy.deepcopy(self.runs[uid, iter])
        rows = [row for row in self.rows if row.tree == uid and row.iteration == iter]
        run.setdefault("status", {})["artifacts"] = [row.document() for row in rows]
        return run

    def list_runs(
        self,
        name: Any = None,
        uid: Any = None,
        project: Any = None,
        labels: Any = None,
        state: Any = None,
        states: Any = None,
        sort: bool = True,
        last: int = 0,
        iter: bool = False,
        **_: Any,
    ) -> Any:
        uids = [uid] if isinstance(uid, str) else uid
        wanted = [state] if isinstance(state, str) else states or state
        found = [
            copy.deepcopy(run)
            for (run_uid, iteration), run in self.runs.items()
            if (iter or not iteration)
            and (not uids or run_uid in uids)
            and _named(name, run["metadata"].get("name", ""))
            and _labelled(labels, run["metadata"].get("labels") or {})
            and (not wanted or run["status"].get("state") in wanted)
        ]
        return mlrun.lists.RunList(found[-last:] if last else found)

    def store_artifact(
        self,
        key: str,
        artifact: Any,
        iter: int | None = None,
        tag: str = "",
        project: str = "",
        tree: str | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        body = copy.deepcopy(artifact if isinstance(artifact, dict) else artifact.to_dict())
        metadata = body.setdefault("metadata", {})
        tree = tree or metadata.get("tree") or ""
        iteration = iter or metadata.get("iter") or 0
        if body.get("kind") == "link":
            return self._mark_best(key, body, tree, tag)
        metadata["uid"] = _content_uid(body, iteration, tree)
        row = self._held(key, project, metadata["uid"])
        if row is None:
            row = Row(key, project, tree, iteration, body)
            self.rows.append(row)
        row.body = body
        self._tag(row, "latest", *([tag] if tag else []))
        return row.document()

    def _held(self, key: str, project: str, uid: str) -> Row | None:
        held = [r for r in self.rows if (r.key, r.project, r.body["metadata"]["uid"]) == (key, project, uid)]
        return held[0] if held else None

    def _tag(self, row: Row, *tags: str) -> None:
        for other in self.rows:
            if (other.key, other.project, other.iteration) == (row.key, row.project, row.iteration):
                other.tags -= set(tags)
        row.tags |= set(tags)

    def _mark_best(self, key: str, link: dict[str, Any], tree: str, tag: str) -> dict[str, Any]:
        """A link names the best iteration of this key."""
        spec = link["spec"]
        wanted = (spec.get("link_key") or key, spec.get("link_tree") or tree, spec.get("link_iteration") or 0)
        linked = [row for row in self.rows if (row.key, row.tree, row.iteration) == wanted]
        if not linked:
            raise mlrun.errors.MLRunNotFoundError(f"Link artifact {key} points at nothing")
        for row in self.rows:
            row.best = row.best and (row.key, row.tree) != wanted[:2]
        linked[-1].best = True
        self._tag(linked[-1], "latest", *([tag] if tag else []))
        return linked[-1].document()

    def read_artifact(
        self,
        key: str,
        tag: str | None = None,
        iter: int | None = None,
        project: str = "",
        tree: str | None = None,
        uid: str | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        rows = [row for row in self.rows if row.key == key and row.project == project]
        if tree:
            rows = [row for row in rows if row.tree == tree]
        if uid:
            rows = [row for row in rows if row.body["metadata"]["uid"] == uid]
        if tag or not (tree or uid):
            rows = [row for row in rows if (tag or "latest") in row.tags]
        if iter is not None:
            rows = [row for row in rows if row.iteration == iter] or [row for row in rows if row.best and not iter]
        if not rows:
            raise mlrun.errors.MLRunNotFoundError(f"Artifact {project}/{key}:{tag}:{tree}:{iter} not found")
        best = [row for row in rows if row.best or not row.iteration]
        return (best or rows)[-1].document(tag)

    def list_artifacts(
        self,
        name: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        labels: Any = None,
        since: Any = None,
        until: Any = None,
        iter: int | None = None,
        best_iteration: bool = False,
        kind: str | None = None,
        category: Any = None,
        tree: str | None = None,
        producer_uri: str | None = None,
        format_: Any = None,
        limit: int | None = None,
        **_: Any,
    ) -> Any:
        found = []
        for row in self.rows:
            row_kind = row.body.get("kind") or "artifact"
            kinds = _CATEGORIES.get(str(getattr(category, "value", category)), set()) if category else set()
            if (
                (not project or row.project == project)
                and _named(name, row.key)
                and (not tag or tag == "*" or tag in row.tags)
                and _labelled(labels, row.body["metadata"].get("labels") or {})
                and (iter is None or row.iteration == iter)
                and (not best_iteration or row.best or not row.iteration)
                and (not kind or row_kind == kind)
                and (not kinds or row_kind in kinds)
                and (not tree or row.tree == tree)
            ):
                found.append(row.document(tag if tag != "*" else None))
        return mlrun.lists.ArtifactList(found[:limit] if limit else found)

    def del_artifact(self, key: str, tag: str | None = None, project: str = "", tree: Any = None, **_: Any) -> None:
        self.rows = [
            row
            for row in self.rows
            if not (row.key == key and row.project == project and (not tree or row.tree == tree))
        ]

    def store_function(
        self, function: Any, name: str, project: str = "", tag: str = "", versioned: bool = False
    ) -> str:
        body = copy.deepcopy(function.to_dict() if hasattr(function, "to_dict") else function)
        digest = hashlib.sha1(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
        body.setdefault("metadata", {})["hash"] = digest
        held = self.functions.setdefault((project, name), [])
        for _, tags, _body in held:
            tags.discard(tag or "latest")
        held.append((digest, {tag or "latest"}, body))
        return digest

    def get_function(self, name: str, project: str = "", tag: str = "", hash_key: str = "", **_: Any) -> dict[str, Any]:
        for digest, tags, body in reversed(self.functions.get((project, name), [])):
            if digest == hash_key or (not hash_key and (tag or "latest") in tags):
                return copy.deepcopy(body)
        raise mlrun.errors.MLRunNotFoundError(f"Function not found {project}/{name}:{tag}")

    def list_functions(self, name: str | None = None, project: str | None = None, **_: Any) -> list[dict[str, Any]]:
        held = {key: versions for key, versions in self.functions.items() if _named(name, key[1])}
        return [copy.deepcopy(versions[-1][2]) for (of, _name), versions in held.items() if project in (None, "", of)]

    def get_project(self, name: str) -> Any:
        if name not in self.projects:
            self.projects[name] = mlrun.projects.MlrunProject.from_dict({"metadata": {"name": name}, "spec": {}})
        return self.projects[name]

    def store_project(self, name: str, project: Any) -> Any:
        if isinstance(project, dict):
            project = mlrun.projects.MlrunProject.from_dict(project)
        self.projects[name] = project
        return project

    def create_project(self, project: Any) -> Any:
        body = project if isinstance(project, dict) else project.to_dict()
        return self.store_project(body["metadata"]["name"], body)

    def list_projects(self, *_: Any, **__: Any) -> list[Any]:
        return list(self.projects.values())


def _named(wanted: str | None, name: str) -> bool:
    """mlrun's names: whole, or any part after a tilde."""
    if not wanted:
        return True
    return wanted[1:].lower() in name.lower() if wanted.startswith("~") else wanted == name


def _labelled(wanted: Any, labels: dict[str, str]) -> bool:
    """mlrun's selectors: `name` or `name=value`, as a list, a text or a map."""
    if not wanted:
        return True
    if isinstance(wanted, dict):
        wanted = [f"{name}={value}" for name, value in wanted.items()]
    parts = wanted.split(",") if isinstance(wanted, str) else wanted
    split = [part.partition("=") for part in parts]
    return all(name in labels and (not equal or str(labels[name]) == value) for name, equal, value in split)


def _content_uid(body: dict[str, Any], iteration: int, tree: str) -> str:
    metadata = {name: value for name, value in body.get("metadata", {}).items() if name not in _VOLATILE}
    document = [iteration, tree, body.get("kind"), metadata, body.get("spec")]
    return hashlib.sha1(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def install() -> ReferenceDB:
    """Make it mlrun's database in this process, whatever URL is asked for."""
    factory = RunDBFactory()
    database = ReferenceDB()
    factory._run_db = database
    factory._last_db_url = mlrun.mlconf.dbpath = "./"
    factory.create_run_db = lambda *_, **__: database
    return database
