"""The volumes and Secrets of a run, as fields of a pod."""

from typing import Final

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.options import EphemeralVolume, SecretRef, Volume
from mlrun_operator.render.reserved import check_mount, check_variables, check_volume_name

_MOUNT_FIELDS: Final = ("name", "mountPath", "subPath", "readOnly")


def volume(entry: Volume) -> Object:
    """Return the volume for the pod's spec."""
    if entry.ephemeral:
        return {"name": entry.name, "ephemeral": {"volumeClaimTemplate": {"spec": _claim(entry.ephemeral)}}}
    source = {name: value for name, value in entry.wire().items() if name not in _MOUNT_FIELDS}
    return {"name": entry.name, **source}


def mount(entry: Volume) -> Object:
    """Return the mount for the container. Raises ValueError if it would hide a file that the wrapper needs."""
    check_volume_name("volumes", entry.name)
    check_mount("volumes", entry.name, entry.mount_path)
    read_only = {"readOnly": True} if entry.read_only or entry.image else {}
    return {
        "name": entry.name,
        "mountPath": entry.mount_path,
        **({"subPath": entry.sub_path} if entry.sub_path else {}),
        **read_only,
    }


def secret_environment(entry: str | SecretRef) -> tuple[list[Object], list[Object]]:
    """Return the `env` and `envFrom` entries of one Secret: `env` for chosen keys, `envFrom` for all keys.

    Raises ValueError if a key would become a variable of the platform's.
    """
    ref = entry if isinstance(entry, SecretRef) else SecretRef(name=entry)
    optional = {"optional": True} if ref.optional else {}
    prefix = ref.prefix or ""
    if ref.keys is None:
        secret_ref = {"secretRef": {"name": ref.name, **optional}}
        return [], [{**({"prefix": prefix} if prefix else {}), **secret_ref}]
    check_variables(f"secrets: {ref.name}", (prefix + key for key in ref.keys))
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
