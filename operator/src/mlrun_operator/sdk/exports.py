"""A project as one file, and back. Pure."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mlrun_operator.api.limited_yaml import LimitedLoader
from mlrun_operator.api.objects import Object
from mlrun_operator.api.values.keys import Key
from mlrun_operator.sdk.errors import InvalidArgument
from mlrun_operator.sdk.foreign import digitalhub
from mlrun_operator.sdk.manifests import clean, dump
from mlrun_operator.sdk.naming import function_key, project_name
from mlrun_operator.store import Entity

_TYPES = {"dataitem": "dataitems", "artifact": "artifacts", "model": "models"}


def dump_project(
    name: str, metadata: Mapping[str, Any], functions: Sequence[Object], entities: Sequence[Entity]
) -> str:
    """The project's file: functions whole where they are embedded, else by key."""
    spec: Object = {"functions": [_function(each) for each in functions]}
    for type_, plural in _TYPES.items():
        held = [each for each in entities if each.key.type == type_]
        spec[plural] = [
            {"name": each.key.name, "key": str(each.key), "metadata": dict(each.metadata), "spec": dict(each.spec)}
            for each in held
        ]
    return dump({"kind": "project", "name": name, "metadata": dict(metadata), "spec": spec})


def _function(obj: Object) -> Object:
    spec, meta = obj["spec"], obj["metadata"]
    name = spec.get("name") or meta["name"]
    project = spec.get("project") or meta.get("namespace", "")
    key = function_key(project, name, spec.get("uuid") or meta.get("uid"))
    if spec.get("embedded") is False:
        return {"name": name, "key": key, "embedded": False}
    whole = clean(obj)
    whole["metadata"] = {field: value for field, value in whole["metadata"].items() if field != "namespace"}
    return {"name": name, "key": key, "embedded": True, "object": whole}


def load_project(text: str) -> tuple[str, Object, list[Object], list[str], list[Entity]]:
    """Name, metadata, embedded functions, keys of the others, and entities. Raises InvalidArgument."""
    try:
        data = yaml.load(text, LimitedLoader)  # noqa: S506 - made of a SafeLoader
    except yaml.YAMLError as error:
        raise InvalidArgument("project file", f"is no YAML: {error}") from None
    if not isinstance(data, dict) or data.get("kind") != "project":
        raise InvalidArgument("project file", "is no project that export() wrote")
    spec = data.get("spec") or {}
    listed = spec.get("functions") or []
    embedded = [each["object"] for each in listed if each.get("embedded") and "object" in each]
    embedded += _converted(spec, [each for each in listed if _is_foreign(each)])
    others = [_key(each) for each in listed if "object" not in each and not _is_foreign(each)]
    entities = [_entity(each) for plural in _TYPES.values() for each in spec.get(plural) or []]
    return project_name(data.get("name"), "name"), data.get("metadata") or {}, embedded, others, entities


def _is_foreign(function: Mapping[str, Any]) -> bool:
    """Whether it is whole, as DigitalHub or MLRun write it."""
    return "object" not in function and isinstance(function.get("spec"), Mapping)


def _key(function: Mapping[str, Any]) -> str:
    key = function.get("key") or function.get("name")
    if not isinstance(key, str):
        raise InvalidArgument("project file", "a function has neither a key nor a name")
    return key


def _converted(spec: Mapping[str, Any], functions: Sequence[Object]) -> list[Object]:
    """DigitalHub's and MLRun's functions as `mlrunctl convert` makes them; a warning for what is left."""
    if not functions:
        return []
    whole = {"kind": "project", "spec": {"functions": functions, "tasks": spec.get("tasks") or []}}
    found = digitalhub.convert([(whole, "project file")])
    left = [f"{name} are left out" for name in ("workflows", "runs") if spec.get(name)]
    for line in (*digitalhub.news(found), *left):
        warnings.warn(line, UserWarning, stacklevel=3)
    return found.objects


def _entity(data: Object) -> Entity:
    try:
        key = Key.parse(data["key"])
    except (KeyError, ValueError) as error:
        raise InvalidArgument("project file", f"an entity has no key: {error}") from None
    return Entity(key, data.get("metadata") or {}, data.get("spec") or {}, data.get("status") or {})
