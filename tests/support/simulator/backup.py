"""Backups of a namespace, and what becomes of it: restored by a tool such as Velero, or with the whole of etcd."""

import copy
from dataclasses import dataclass, field
from typing import Any, Final

from support.simulator.api_server import ApiServer
from support.simulator.objects import Object, copy_of, key_of

RESTORE_LABEL: Final = "velero.io/restore-name"
# Labels that a tool takes off Jobs and their templates, so that the new Job has its own.
_OF_A_JOB: Final = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")
_RESTORED: Final = ("mlrunfunctions", "mlrunruns", "cronjobs", "jobs")


@dataclass(slots=True)
class Backup:
    """Objects as they were, by resource."""

    objects: dict[str, list[Object]] = field(default_factory=dict)

    @classmethod
    def of(cls, server: ApiServer) -> "Backup":
        """Return a backup of what the server has now."""
        return cls({plural: [copy_of(obj) for obj in server.all(plural)] for plural in _RESTORED})


def restored(plural: str, obj: Object) -> Object:
    """Return the object as a tool creates it again, marked as restored."""
    meta = {name: obj["metadata"][name] for name in ("name", "namespace")}
    for name in ("annotations", "ownerReferences"):
        if obj["metadata"].get(name):
            meta[name] = obj["metadata"][name]
    meta["labels"] = {**(obj["metadata"].get("labels") or {}), RESTORE_LABEL: "r"}
    spec = copy_of(obj["spec"])
    if plural == "jobs":
        spec.pop("selector", None)
        labels = spec["template"]["metadata"]["labels"]
        spec["template"]["metadata"]["labels"] = {n: v for n, v in labels.items() if n not in _OF_A_JOB}
        meta["labels"] = {n: v for n, v in meta["labels"].items() if n not in _OF_A_JOB}
    return {"metadata": meta, "spec": spec}


@dataclass(slots=True)
class Snapshot:
    """All of etcd at one moment, and what the controllers and the ledgers remembered then."""

    version: int
    objects: dict[str, dict[tuple[str, str], Object]]
    memory: dict[str, Any]


def snapshot_of(server: ApiServer, memory: dict[str, Any]) -> Snapshot:
    """Return a snapshot; stored objects are never changed, so they are not copied."""
    objects = {plural: dict(known) for plural, known in server.objects.items()}
    return Snapshot(server.version, objects, copy.deepcopy(memory))


def roll_back(server: ApiServer, snapshot: Snapshot) -> dict[str, Any]:
    """Bring etcd back to the snapshot, resource versions included; return what was remembered then."""
    server.version = snapshot.version
    server.objects = {plural: dict(known) for plural, known in snapshot.objects.items()}
    server.changes.clear()
    return copy.deepcopy(snapshot.memory)


def keys_of(objects: list[Object]) -> list[tuple[str, str]]:
    """Return namespaces and names."""
    return [key_of(obj) for obj in objects]
