"""The volumes and Secrets of a run, as fields of a pod."""

from typing import Final

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.options import EphemeralVolume, SecretRef, Volume

# The volumes and directories of the wrapper, which users cannot replace.
OWN_NAMES: Final = ("envelope", "work", "shm", "mlrun-wrapper")
OWN_PATHS: Final = ("/etc/mlrun-operator", "/work", "/dev", "/opt/mlrun", "/opt/mlrun-wrapper", "/proc", "/sys")
_MOUNT_FIELDS: Final = ("name", "mountPath", "subPath", "readOnly")


def volume(entry: Volume) -> Object:
    """Return the volume for the pod's spec."""
    if entry.ephemeral:
        return {"name": entry.name, "ephemeral": {"volumeClaimTemplate": {"spec": _claim(entry.ephemeral)}}}
    source = {name: value for name, value in entry.wire().items() if name not in _MOUNT_FIELDS}
    return {"name": entry.name, **source}


def mount(entry: Volume) -> Object:
    """Return the mount for the container. Raises ValueError if it would hide a file that the wrapper needs."""
    if entry.name in OWN_NAMES:
        raise ValueError(f"volumes: the name {entry.name!r} is reserved for the wrapper; choose another name")
    path = entry.mount_path.rstrip("/") or "/"
    reserved_path = next((p for p in OWN_PATHS if path == "/" or f"{path}/".startswith(f"{p}/")), None)
    if reserved_path:
        raise ValueError(
            f"volumes: {entry.name} cannot be mounted at {entry.mount_path}: {reserved_path} is reserved for the "
            "wrapper; choose another path"
        )
    read_only = {"readOnly": True} if entry.read_only or entry.image else {}
    return {
        "name": entry.name,
        "mountPath": entry.mount_path,
        **({"subPath": entry.sub_path} if entry.sub_path else {}),
        **read_only,
    }


def secret_environment(entry: str | SecretRef) -> tuple[list[Object], list[Object]]:
    """Return the `env` and `envFrom` entries of one Secret: `env` for chosen keys, `envFrom` for all keys."""
    ref = entry if isinstance(entry, SecretRef) else SecretRef(name=entry)
    optional = {"optional": True} if ref.optional else {}
    prefix = ref.prefix or ""
    if ref.keys is None:
        secret_ref = {"secretRef": {"name": ref.name, **optional}}
        return [], [{**({"prefix": prefix} if prefix else {}), **secret_ref}]
    return [
        {"name": prefix + key, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": key, **optional}}}
        for key in ref.keys
    ], []


def _claim(ephemeral: EphemeralVolume) -> Object:
    return {
        "accessModes": ephemeral.access_modes or ["ReadWriteOnce"],
        "resources": {"requests": {"storage": ephemeral.size}},
        **({"storageClassName": ephemeral.storage_class_name} if ephemeral.storage_class_name else {}),
    }
