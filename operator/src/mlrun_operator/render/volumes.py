"""A run's volumes and secrets as Kubernetes has them."""

from typing import Final

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.options import EphemeralVolume, SecretRef, Volume

# Volumes and folders of the wrapper itself.
OWN_NAMES: Final = ("envelope", "work", "shm", "mlrun-wrapper")
OWN_PATHS: Final = ("/etc/mlrun-operator", "/work", "/dev", "/opt/mlrun", "/opt/mlrun-wrapper", "/proc", "/sys")


def volume(entry: Volume) -> Object:
    """The pod's volume."""
    if entry.ephemeral:
        return {"name": entry.name, "ephemeral": {"volumeClaimTemplate": {"spec": _claim(entry.ephemeral)}}}
    mount = ("name", "mountPath", "subPath", "readOnly")
    source = {name: value for name, value in entry.wire().items() if name not in mount}
    return {"name": entry.name, **source}


def mount(entry: Volume) -> Object:
    """The container's mount. Raises ValueError where it would hide what the wrapper needs."""
    if entry.name in OWN_NAMES:
        raise ValueError(f"volumes: the name {entry.name!r} is the wrapper's own; choose another")
    path = entry.mount_path.rstrip("/") or "/"
    hidden = next((own for own in OWN_PATHS if path == "/" or f"{path}/".startswith(f"{own}/")), None)
    if hidden:
        raise ValueError(
            f"volumes: {entry.name} cannot be mounted at {entry.mount_path}: {hidden} is the wrapper's own"
        )
    read_only = {"readOnly": True} if entry.read_only or entry.image else {}
    return {
        "name": entry.name,
        "mountPath": entry.mount_path,
        **({"subPath": entry.sub_path} if entry.sub_path else {}),
        **read_only,
    }


def secret_environment(entry: str | SecretRef) -> tuple[list[Object], list[Object]]:
    """The `env` and the `envFrom` entries of one Secret: chosen keys by name, or all of it."""
    ref = entry if isinstance(entry, SecretRef) else SecretRef(name=entry)
    optional = {"optional": True} if ref.optional else {}
    prefix = ref.prefix or ""
    if ref.keys is None:
        whole = {"secretRef": {"name": ref.name, **optional}}
        return [], [{**({"prefix": prefix} if prefix else {}), **whole}]
    return [
        {"name": prefix + key, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": key, **optional}}}
        for key in ref.keys
    ], []


def _claim(wish: EphemeralVolume) -> Object:
    return {
        "accessModes": wish.access_modes or ["ReadWriteOnce"],
        "resources": {"requests": {"storage": wish.size}},
        **({"storageClassName": wish.storage_class_name} if wish.storage_class_name else {}),
    }
