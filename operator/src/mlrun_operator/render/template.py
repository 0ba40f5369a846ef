"""The user's pod template, merged below all other settings and without what Pod Security forbids.

The platform's rules apply to every container and cannot be overridden: no host namespaces, host paths or host ports, no
privileges, and no service-account token in any volume.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object

# Fields of a pod's spec that are removed.
_FORBIDDEN_FIELDS: Final = (
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostUsers",
    "hostAliases",
    "nodeName",
    "ephemeralContainers",
)
_CONTAINER_LISTS: Final = ("containers", "initContainers")
_RESTRICTED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
# The field that identifies the entries of a list, if it is not the name.
_KEY_FIELDS: Final = {"volumeMounts": "mountPath"}
# The volume types that the restricted profile allows.
_ALLOWED_VOLUMES: Final = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
    "secret",
)
# Fields of a pod's securityContext that no profile forbids.
_ALLOWED_POD_SECURITY: Final = ("supplementalGroups", "fsGroupChangePolicy")
# Sources of a projected volume that hold credentials.
_TOKEN_SOURCES: Final = ("serviceAccountToken", "podCertificate")
# Fields of the wrapper's container that would run something else instead.
_COMMAND_FIELDS: Final = (
    "command",
    "args",
    "workingDir",
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
)


def merge(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> Object:
    """Return the base with the overrides: maps are merged by key, lists of named entries by name."""
    merged = dict(base)
    for name, value in overrides.items():
        base_value = merged.get(name)
        if isinstance(value, Mapping) and isinstance(base_value, Mapping):
            merged[name] = merge(base_value, value)
        elif (
            isinstance(base_value, list)
            and _is_keyed(value, key := _KEY_FIELDS.get(name, "name"))
            and _is_keyed(base_value, key)
        ):
            merged[name] = _merged_lists(base_value, value, key)
        else:
            merged[name] = value
    return merged


def enforce_restricted(spec: Object) -> Object:
    """Return the pod's spec with everything removed that the restricted profile forbids."""
    pod = {name: value for name, value in spec.items() if name not in _FORBIDDEN_FIELDS}
    pod["automountServiceAccountToken"] = False
    volumes = [v for v in pod.get("volumes", []) if set(v) - {"name"} <= set(_ALLOWED_VOLUMES)]
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
        "terminationMessagePolicy": "FallbackToLogsOnError",  # a status names the last words of one that failed
        **container,
        **({"volumeMounts": mounts} if "volumeMounts" in container else {}),
        **({"ports": ports} if ports else {}),
        "securityContext": {**security, **_RESTRICTED, "runAsNonRoot": True},
    }


def _without_token(volume: Object) -> Object:
    projected = volume.get("projected")
    if not isinstance(projected, Mapping):
        return volume
    sources = [source for source in projected.get("sources") or [] if not set(_TOKEN_SOURCES) & set(source)]
    return {**volume, "projected": {**projected, "sources": sources}}


def _is_keyed(value: Any, key: str) -> bool:
    return bool(value) and isinstance(value, list) and all(_has_key(entry, key) for entry in value)


def _has_key(entry: Any, key: str) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get(key), str)


def _merged_lists(base: list[Object], overrides: list[Object], key: str) -> list[Object]:
    entries = {entry[key]: entry for entry in base}
    for entry in overrides:
        entries[entry[key]] = merge(entries[entry[key]], entry) if entry[key] in entries else entry
    return list(entries.values())


def without_forbidden(template: Mapping[str, Any]) -> Object:
    """Return the template's pod spec without the fields that only the platform may set.

    These are most of the pod's securityContext, and the command and probes of the wrapper's container.
    """
    spec = dict(template.get("spec") or {})
    security = spec.pop("securityContext", None) or {}
    pod_security = {name: security[name] for name in _ALLOWED_POD_SECURITY if name in security}
    containers = [_without_command(container) for container in spec.get("containers") or ()]
    init_containers = spec.pop("initContainers", None) or ()
    init_containers = [container for container in init_containers if container.get("name") != constants.INIT_CONTAINER]
    return {
        **spec,
        **({"securityContext": pod_security} if pod_security else {}),
        **({"containers": containers} if containers else {}),
        **({"initContainers": init_containers} if init_containers else {}),
    }


def overridden_fields(template_spec: Any, pod: Any, path: str = "spec") -> Iterator[str]:
    """Yield the paths of the template's fields that the pod does not have as they were written."""
    if isinstance(template_spec, Mapping) and isinstance(pod, Mapping):
        for name, value in template_spec.items():
            inner_path = f"{path}.{name}"
            key = _KEY_FIELDS.get(name, "name")
            if name not in pod:
                yield inner_path
            elif _is_keyed(value, key) and isinstance(pod[name], list):
                yield from _overridden_entries(value, pod[name], key, inner_path)
            else:
                yield from overridden_fields(value, pod[name], inner_path)
    elif template_spec != pod:
        yield path


def _overridden_entries(entries: list[Object], rendered: list[Object], key: str, path: str) -> Iterator[str]:
    by_key = {entry.get(key): entry for entry in rendered}
    for entry in entries:
        inner_path = f"{path}[{entry[key]}]"
        if entry[key] in by_key:
            yield from overridden_fields(entry, by_key[entry[key]], inner_path)
        else:
            yield inner_path


def _without_command(container: Object) -> Object:
    if container.get("name") != constants.CONTAINER:
        return container
    return {name: value for name, value in container.items() if name not in _COMMAND_FIELDS}
