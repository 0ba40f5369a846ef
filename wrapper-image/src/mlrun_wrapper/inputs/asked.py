"""What a handler asks of the store while it runs: an entity by its key or name, with its data, or a list of them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from mlrun_operator.api import bounds
from mlrun_operator.api.v1alpha1.inputs import MAX_INPUTS, InputRef
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Entity, NotFoundError, StoreError
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
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
_ALL: Final = "*"
_LISTED: Final = bounds.LISTED_ARTIFACTS.limit
# Entities read at a time.
_AT_ONCE: Final = 8


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


def _list(context: Context, project: str, name: str, tag: str) -> dict[str, Any]:
    """A project's entities, newest first; those that cannot be read are left out."""
    keys = list(islice(_keys(context, _project(context, project), name, tag), _LISTED + 1))
    read = each(keys[:_LISTED], lambda key: _read(context, key, None), at_once=_AT_ONCE)
    found = sorted((entity for entity in read if entity is not None), key=_created, reverse=True)
    answered: dict[str, Any] = {"artifacts": [as_artifact(entity, entity.path or "") for entity in found]}
    if len(keys) > _LISTED:
        answered["cut"] = f"project {project} has more than {_LISTED} artifacts; only so many are listed: give a name"
    return answered


def _keys(context: Context, project: str, name: str, tag: str) -> Iterator[Key]:
    """The keys that are asked for: of each name the latest, those of a tag, or every version."""
    catalogue = context.catalogue
    for type_ in _TYPES:
        for key in catalogue.names(project, type_):
            if not name or (name[1:].lower() in key.name.lower() if name.startswith("~") else name == key.name):
                if tag == _ALL:
                    yield from catalogue.versions(key)
                else:
                    yield _versioned(key, tag if tag != "latest" else None)


def _read(context: Context, key: Key, version: str | None) -> Entity | None:
    """The entity; None where there is none, or where it is damaged."""
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
