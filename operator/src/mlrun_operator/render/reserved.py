"""What only the platform may set in a pod: the wrapper's volumes, directories and variables, and security annotations.

Each check raises ValueError that says what to choose instead. They hold for options and for pod templates alike.
"""

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from mlrun_operator.api import constants
from mlrun_operator.api.contract.fetching import ProxyInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.options import RESERVED_ENV, RunOptions

# The volumes and directories of the wrapper.
OWN_NAMES: Final = ("envelope", "work", "shm", "mlrun-wrapper")
OWN_PATHS: Final = ("/etc/mlrun-operator", "/work", "/dev", "/opt/mlrun", "/opt/mlrun-wrapper", "/proc", "/sys")
# Directories of the system's programs and libraries: a volume there would replace the wrapper's own.
_SYSTEM_PATHS: Final = ("/bin", "/lib", "/lib64", "/sbin", "/usr", "/usr/bin", "/usr/lib")
# Annotations that were the way to weaken a container's profile before there were fields for it.
_PROFILE_ANNOTATIONS: Final = (
    "container.apparmor.security.beta.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
)
_DEFAULT_PROFILES: Final = ("runtime/default", "docker/default")


def check_volume_name(field: str, name: str) -> None:
    """Refuse the name of a volume that is the wrapper's."""
    if name in OWN_NAMES:
        raise ValueError(f"{field}: the name {name!r} is reserved for the wrapper; choose another name")


def check_mount(field: str, name: str, path: str) -> None:
    """Refuse a mount that would hide a file that the wrapper needs, and a path that is not written plainly."""
    plain = posixpath.normpath(f"/{path.lstrip('/')}")
    if (path.rstrip("/") or "/") != plain:
        raise ValueError(f"{field}: {name} cannot be mounted at {path}: write the path as {plain}")
    reserved = next((own for own in OWN_PATHS if is_within(plain, own) or is_within(own, plain)), None)
    if reserved is None and plain in _SYSTEM_PATHS:
        reserved = plain
    if reserved is not None:
        raise ValueError(
            f"{field}: {name} cannot be mounted at {path}: {reserved} is reserved for the wrapper; choose another path"
        )


def is_within(path: str, directory: str) -> bool:
    """Return whether the path is the directory or lies in it. Both are written plainly."""
    return f"{path.rstrip('/')}/".startswith(f"{directory.rstrip('/')}/")


def check_variables(field: str, names: Iterable[str]) -> None:
    """Refuse environment variables that only the platform sets."""
    for name in names:
        if name in RESERVED_ENV:
            raise ValueError(f"{field}: the variable {name} is set by the platform; choose another name")


def check_annotations(field: str, annotations: Mapping[str, str]) -> None:
    """Refuse annotations that choose a security profile other than the runtime's default."""
    for name, profile in annotations.items():
        if name.startswith(_PROFILE_ANNOTATIONS) and profile not in _DEFAULT_PROFILES:
            raise ValueError(f"{field}: {name} cannot be {profile!r}: the platform sets security profiles; remove it")


def check_host_aliases(options: RunOptions, platform: Platform) -> None:
    """Refuse host aliases where the operator's settings do, and for hosts that the platform names."""
    if not options.host_aliases:
        return
    if not platform.host_aliases:
        raise ValueError("hostAliases: the operator's settings do not allow them; remove the field")
    reserved = _platform_hosts(platform)
    for name in (name for alias in options.host_aliases for name in alias.hostnames):
        if _as_looked_up(name) in reserved:
            raise ValueError(f"hostAliases: {name} is a host of the platform's settings; remove it")


def check_group(options: RunOptions, platform: Platform) -> None:
    """Refuse a group that the operator's settings do not allow."""
    low, high = platform.min_fs_group, platform.max_fs_group
    if options.fs_group is not None and not low <= options.fs_group <= high:
        raise ValueError(f"fsGroup: {options.fs_group} is not allowed here; choose one from {low} to {high}")


def _platform_hosts(platform: Platform) -> frozenset[str]:
    """Return the hosts that credentials or code come from: the store's, the proxies' and those for requirements."""
    proxy = platform.proxy or ProxyInfo()
    urls = (platform.store.endpoint, proxy.http, proxy.https, platform.pip.index_url, platform.pip.find_links)
    hosts = (urlsplit(url if "//" in url else f"//{url}").hostname for url in urls if url)
    return frozenset(_as_looked_up(host) for host in hosts if host)


def _as_looked_up(host: str) -> str:
    """Return the name as it is looked up in a hosts file: in small ASCII letters, without a dot at its end."""
    name = host.rstrip(".").lower()
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def check_template(template: Mapping[str, Any]) -> None:
    """Refuse a checked pod template that takes a place of the platform's."""
    check_annotations("podTemplate.metadata.annotations", (template.get("metadata") or {}).get("annotations") or {})
    spec = template.get("spec") or {}
    for volume in spec.get("volumes", ()):
        check_volume_name("podTemplate.spec.volumes", volume["name"])
    for kind in ("containers", "initContainers"):
        _check_names(f"podTemplate.spec.{kind}", spec.get(kind, ()))
        for container in spec.get(kind, ()):
            _check_container(f"podTemplate.spec.{kind}.{container['name']}", container)


def _check_names(field: str, containers: Iterable[Object]) -> None:
    names = [container["name"] for container in containers]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ValueError(f"{field}: two containers have the name {repeated!r}; rename one")


def _check_container(field: str, container: Object) -> None:
    """Check a container of a template; others than the wrapper's may mount what they like but the wrapper's program."""
    mounts = container.get("volumeMounts", ())
    if container["name"] == constants.CONTAINER:
        check_variables(f"{field}.env", (entry["name"] for entry in container.get("env", ())))
        for mount in mounts:
            check_mount(f"{field}.volumeMounts", mount["name"], mount["mountPath"])
    for mount in mounts:
        check_volume_name(f"{field}.volumeMounts", mount["name"])
