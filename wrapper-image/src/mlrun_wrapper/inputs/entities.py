"""An entity of the store as the artifact that mlrun knows, with its data on this pod's disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mlrun_operator.store import Entity
from mlrun_wrapper.names import mlrun_project_of

_KINDS: Final = {"dataitem": "dataset", "model": "model"}
# What an entity says of a model that was stored without mlrun's own record.
_MODEL_FIELDS: Final = ("model_file", "framework", "algorithm", "metrics", "parameters")


def as_artifact(entity: Entity, path: str) -> dict[str, Any]:
    """mlrun's artifact for the entity, whose data is at `path`; a model's is always a folder and a file in it.

    What mlrun wrote of the artifact when it was logged is in it again: labels, schema, framework and so on.
    """
    key, record = entity.key, _record(entity)
    spec = {**_given(record, "spec"), "target_path": path, "db_key": key.name}
    spec["producer"] = {"kind": "entity", "key": str(key), "tag": key.uuid, "project": mlrun_project_of(key.project)}
    if key.type == "model" and not path.endswith("/"):
        spec |= {"target_path": f"{Path(path).parent}/", "model_file": Path(path).name}
    metadata = {
        "key": record.get("key") or key.name,
        "project": mlrun_project_of(key.project),
        "tree": key.uuid,
        "iter": 0,
        "labels": _labels(entity),
    }
    given = {name: entity.metadata[name] for name in ("tag", "created", "updated") if entity.metadata.get(name)}
    return {
        "kind": record["kind"],
        "metadata": metadata | given,
        "spec": spec,
        "status": {**_given(record, "status"), "state": "created"},
    }


def _record(entity: Entity) -> dict[str, Any]:
    """What mlrun wrote of the artifact; for an entity of another maker what can be said instead."""
    kind, record = _KINDS.get(entity.key.type, "artifact"), entity.spec.get("mlrun")
    if isinstance(record, Mapping):
        return {"kind": kind, **record}
    fields = _MODEL_FIELDS if entity.key.type == "model" else ()
    return {"kind": kind, "spec": {name: entity.spec[name] for name in fields if entity.spec.get(name)}}


def _given(record: Mapping[str, Any], section: str) -> dict[str, Any]:
    """A section of the record, which anybody may have written."""
    found = record.get(section)
    return dict(found) if isinstance(found, Mapping) else {}


def _labels(entity: Entity) -> dict[str, str]:
    texts = entity.metadata.get("labels")
    pairs = [str(text).partition(":") for text in texts] if isinstance(texts, list) else []
    return {name: value for name, _, value in pairs}
