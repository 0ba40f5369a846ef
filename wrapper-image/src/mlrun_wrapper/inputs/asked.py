"""What a handler asks of the store while it runs: an entity by its key or name, with its data, or a list of them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from mlrun_operator.api import bounds
from mlrun_operator.api.v1alpha1.inputs import MAX_INPUTS, InputRef
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import DamagedError, Entity, NotFoundError, StoreError
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.executor.filters import filtered, matches
from mlrun_wrapper.inputs.entities import as_artifact
from mlrun_wrapper.inputs.fetching import Fetcher
from mlrun_wrapper.names import mlrun_project_of
from mlrun_wrapper.parallel import each

# Types and kinds of what runs and the SDK store.
_KINDS: Final = (
    ("artifact", "artifact"),
    ("dataitem", "table"),
    ("dataitem", "dataitem"),
    ("dataitem", "artifact"),
    ("model", "model"),
)
_TYPES: Final = ("artifact", "dataitem", "model")
# Where mlrun's kinds and categories are.
_TYPES_OF: Final = {"dataset": ("dataitem",), "model": ("model",)}
_ALL: Final = "*"
_LISTED: Final = bounds.LISTED_ARTIFACTS.limit
# Entities read at a time, and before it is seen whether they are enough.
_AT_ONCE: Final = 8
_READ_BETWEEN: Final = 64


def answer(context: Context, question: dict[str, Any]) -> dict[str, Any]:
    """The artifact with its data fetched now, a list of artifacts, or why there is none."""
    try:
        if "list" in question:
            return _list(context, **question["list"])
        found = _find(context, **question["find"]) if "find" in question else Key.parse(question["key"])
        return {"artifact": _fetched(context, found)}
    except (StepError, StoreError, ValueError) as error:
        return {"error": str(error)}


def _fetched(context: Context, key: Key) -> dict[str, Any] | None:
    fetched = Fetcher(context).fetch(key.name, InputRef(key=str(key)))
    info = fetched.info
    held = {(held.key, held.path) for held in context.inputs}
    if len(context.inputs) < MAX_INPUTS and (info.key, info.path) not in held:
        context.inputs.append(info)
    return fetched.artifact


def _find(context: Context, name: str, project: str, version: str | None) -> Key:
    """The key of the newest entity of that name, of whatever type."""
    store_project = _project(context, project)
    found = [
        entity
        for type_, kind in _KINDS
        if (entity := _read(context, Key.parse(f"store://{store_project}/{type_}/{kind}/{name}"), version)) is not None
    ]
    if not found:
        said = f" in version {version}" if version else ""
        raise NotFoundError(f"project {store_project} has no artifact {name}{said}, and this run has not logged it")
    return max(found, key=_created).key


def _list(context: Context, project: str, name: str, tag: str, conditions: dict[str, Any]) -> dict[str, Any]:
    """A project's entities that meet mlrun's conditions, newest first. What is left out is a warning of the run."""
    keys = _keys(context, _project(context, project), name, tag, _types(conditions))
    found: list[dict[str, Any]] = []
    damaged: list[str] = []

    def listed(key: Key) -> dict[str, Any] | None:
        try:
            entity = _read(context, key, None)
        except DamagedError:
            damaged.append(str(key))
            return None
        return _described(entity) if entity is not None else None

    while len(found) <= _LISTED and (some := list(islice(keys, _READ_BETWEEN))):
        read = each(some, listed, at_once=_AT_ONCE)
        found += filtered((artifact for artifact in read if artifact is not None), **conditions)
    if len(found) > _LISTED:
        _warn(context, f"list_artifacts: the first {_LISTED} artifacts of project {project} are listed. Filter by name")
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        _warn(context, f"list_artifacts: {min(damaged)}{more} left out: entity.json is damaged")
    newest_first = sorted(found[:_LISTED], key=lambda artifact: str(artifact["metadata"].get("created")), reverse=True)
    return {"artifacts": newest_first}


def _types(conditions: dict[str, Any]) -> tuple[str, ...]:
    """The types of entities that can have the kind or category that is asked for."""
    return _TYPES_OF.get(conditions["kind"] or conditions["category"], _TYPES)


def _described(entity: Entity) -> dict[str, Any]:
    """The artifact without its data, which come by its key when they are read."""
    artifact = as_artifact(entity, entity.path or "")
    artifact["spec"]["target_path"] = str(entity.key)
    return artifact


def _warn(context: Context, words: str) -> None:
    if words not in context.warnings:
        context.warnings.append(words)


def _keys(context: Context, project: str, name: str, tag: str, types: tuple[str, ...]) -> Iterator[Key]:
    """The keys that are asked for: of each name the latest, those of a tag, or every version."""
    catalogue = context.catalogue
    for type_ in types:
        for key in catalogue.names(project, type_):
            if matches(name, key.name):
                if tag == _ALL:
                    yield from catalogue.versions(key)
                else:
                    yield _versioned(key, tag if tag != "latest" else None)


def _read(context: Context, key: Key, version: str | None) -> Entity | None:
    """The entity; None where there is none. Raises DamagedError."""
    try:
        return context.catalogue.read(_versioned(key, version) if version else key)
    except NotFoundError:
        return None


def _versioned(key: Key, version: str | None) -> Key:
    return Key(key.project, key.type, key.kind, key.name, version or None)


def _created(entity: Entity) -> str:
    return str(entity.metadata.get("created") or "")


def _project(context: Context, name: str) -> str:
    """The project as the store calls it: mlrun knows the run's own by another spelling."""
    own = context.run.run.project
    return own if name in ("", mlrun_project_of(own)) else name
