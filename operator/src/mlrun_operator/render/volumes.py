"""The volumes and Secrets of a run, as fields of a pod."""

from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.options import EphemeralVolume, SecretRef, Volume
from mlrun_operator.render.reserved import check_mount, check_variables, check_volume_name, is_within

_MOUNT_FIELDS: Final = ("name", "mountPath", "subPath", "readOnly")
# Directories that code expects to be writable, and their folders in the wrapper's volume, so that one limit holds for
# all. The first is the one that TMPDIR names.
_TEMPORARY: Final = {"/tmp": "tmp", "/var/tmp": "var-tmp"}  # noqa: S108 - in the pod, on the wrapper's volume


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


def with_temporary_mounts(pod: Object, volume_name: str) -> Object:
    """Return the pod with /tmp and /var/tmp of the wrapper's container in the volume.

    A volume of the user's at such a path or above it stays alone there.
    """
    return {**pod, "containers": [_with_temporary_mounts(container, volume_name) for container in pod["containers"]]}


def _with_temporary_mounts(container: Object, volume_name: str) -> Object:
    if container["name"] != constants.CONTAINER:
        return container
    mounts = container["volumeMounts"]
    taken = [entry["mountPath"] for entry in mounts]
    temporary = [
        {"name": volume_name, "mountPath": path, "subPath": folder}
        for path, folder in _TEMPORARY.items()
        if not any(is_within(path, directory) for directory in taken)
    ]
    return {**container, "volumeMounts": [*mounts, *temporary]}


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
