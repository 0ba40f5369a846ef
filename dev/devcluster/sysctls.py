"""Kernel settings that the cluster's components change, put back when the cluster goes."""

import json
from contextlib import suppress
from pathlib import Path

from devcluster import paths

SAVED = paths.STATE / "sysctls.json"
CHANGED_BY_COMPONENTS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def save() -> None:
    """Remember the settings of this machine before anything is started."""
    SAVED.parent.mkdir(parents=True, exist_ok=True)
    files = {name: _file(name) for name in CHANGED_BY_COMPONENTS}
    SAVED.write_text(json.dumps({name: file.read_text() for name, file in files.items() if file.exists()}))


def saved() -> dict[str, str]:
    """Return the remembered settings; empty if no cluster was started."""
    with suppress(OSError, ValueError):
        settings: dict[str, str] = json.loads(SAVED.read_text())
        return settings
    return {}


def restore(settings: dict[str, str]) -> None:
    """Put settings back as they were."""
    for name, value in settings.items():
        if _file(name).read_text() != value:
            _file(name).write_text(value)


def _file(name: str) -> Path:
    return Path("/proc/sys") / name
