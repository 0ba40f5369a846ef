"""A user's pod template below everything else, and what Pod Security forbids taken out of it.

The platform's rules hold for every container and cannot be undone: no host namespaces, paths or ports, no privileges,
no service-account token by whatever volume.
"""

from collections.abc import Mapping
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object

_NO_HOST: Final = ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "hostAliases", "nodeName", "ephemeralContainers")
_CONTAINER_LISTS: Final = ("containers", "initContainers")
_RESTRICTED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


# How the entries of a list are told apart, where it is not by name.
_KEYS: Final = {"volumeMounts": "mountPath"}
# What the restricted profile lets be mounted.
_VOLUMES: Final = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
    "secret",
)
_POD_SECURITY: Final = ("supplementalGroups", "fsGroupChangePolicy")
_TOKENS: Final = ("serviceAccountToken", "podCertificate")
# What would put something else in the wrapper's place.
_WRAPPERS_OWN: Final = ("command", "args", "workingDir", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe")


def laid_over(template: Mapping[str, Any], upper: Mapping[str, Any]) -> Object:
    """Return `upper` over `template`: maps key by key, lists of named things by name, anything else replaced."""
    merged = dict(template)
    for name, value in upper.items():
        below = merged.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[name] = laid_over(below, value)
        elif isinstance(below, list) and _keyed(value, key := _KEYS.get(name, "name")) and _keyed(below, key):
            merged[name] = _lists(below, value, key)
        else:
            merged[name] = value
    return merged


def restricted(spec: Object) -> Object:
    """Return the pod's spec under the restricted profile, whatever the template has."""
    pod = {name: value for name, value in spec.items() if name not in _NO_HOST}
    pod["automountServiceAccountToken"] = False
    volumes = [v for v in pod.get("volumes", []) if set(v) - {"name"} <= set(_VOLUMES)]
    pod["volumes"] = [_without_token(v) for v in volumes]
    names = {volume["name"] for volume in pod["volumes"]}
    for kind in _CONTAINER_LISTS:
        if kind in pod:
            pod[kind] = [_restricted_container(container, names) for container in pod[kind]]
    return pod


def _restricted_container(container: Object, volumes: set[str]) -> Object:
    mounts = [mount for mount in container.get("volumeMounts", []) if mount.get("name") in volumes]
    ports = [{k: v for k, v in port.items() if k not in ("hostPort", "hostIP")} for port in container.get("ports", [])]
    user = {"runAsUser", "runAsGroup"} & set(container.get("securityContext") or {})
    security = {name: container["securityContext"][name] for name in user}
    return {
        **container,
        **({"volumeMounts": mounts} if "volumeMounts" in container else {}),
        **({"ports": ports} if ports else {}),
        "securityContext": {**security, **_RESTRICTED, "runAsNonRoot": True},
    }


def _without_token(volume: Object) -> Object:
    projected = volume.get("projected")
    if not isinstance(projected, Mapping):
        return volume
    sources = [source for source in projected.get("sources") or [] if not set(_TOKENS) & set(source)]
    return {**volume, "projected": {**projected, "sources": sources}}


def _keyed(value: Any, key: str) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) and key in v for v in value)


def _lists(below: list[Object], upper: list[Object], key: str) -> list[Object]:
    entries = {entry[key]: entry for entry in below}
    for entry in upper:
        entries[entry[key]] = laid_over(entries[entry[key]], entry) if entry[key] in entries else entry
    return list(entries.values())


def harmless(template: Mapping[str, Any]) -> Object:
    """Return the template's pod spec without what would stand in the platform's place.

    Of the pod's securityContext only what no profile forbids is kept, of the wrapper's container not its command.
    """
    spec = dict(template.get("spec") or {})
    security = spec.pop("securityContext", None) or {}
    pod_security = {name: security[name] for name in _POD_SECURITY if name in security}
    containers = [_without_command(container) for container in spec.get("containers") or ()]
    init_containers = spec.pop("initContainers", None) or ()
    init_containers = [container for container in init_containers if container.get("name") != constants.INIT_CONTAINER]
    return {
        **spec,
        **({"securityContext": pod_security} if pod_security else {}),
        **({"containers": containers} if containers else {}),
        **({"initContainers": init_containers} if init_containers else {}),
    }


def _without_command(container: Object) -> Object:
    if container.get("name") != constants.CONTAINER:
        return container
    return {name: value for name, value in container.items() if name not in _WRAPPERS_OWN}
