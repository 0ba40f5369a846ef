"""An entity of the store as the artifact that mlrun knows, with its data on this pod's disk."""

from pathlib import Path
from typing import Any, Final

from mlrun_operator.store import Entity

_KINDS: Final = {"dataitem": "dataset", "model": "model"}
# What mlrun's log_model wrote, and the entity has kept.
_MODEL_FIELDS: Final = ("model_file", "framework", "algorithm", "metrics", "parameters")


def as_artifact(entity: Entity, path: str) -> dict[str, Any]:
    """mlrun's artifact for the entity, whose data is at `path`; a model's is always a folder and a file in it."""
    spec: dict[str, Any] = {"target_path": path, "db_key": entity.key.name, "producer": {"kind": "entity"}}
    if entity.key.type == "model":
        spec |= {name: entity.spec[name] for name in _MODEL_FIELDS if entity.spec.get(name)}
        if not path.endswith("/"):
            spec |= {"target_path": f"{Path(path).parent}/", "model_file": Path(path).name}
    return {
        "kind": _KINDS.get(entity.key.type, "artifact"),
        "metadata": {"key": entity.key.name, "project": entity.key.project, "tree": entity.key.uuid, "iter": 0},
        "spec": spec,
        "status": {"state": "created"},
    }
