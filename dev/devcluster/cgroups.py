"""The cgroups of the pods: below one of our own, so that all processes of the pods are found without containerd."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from devcluster import processes

MOUNTS = Path("/proc/self/mountinfo")


def create(name: str) -> None:
    """Make the cgroup `name` in every hierarchy (one with cgroup v2, one a controller with v1)."""
    for hierarchy in hierarchies(MOUNTS.read_text()):
        (hierarchy / name).mkdir(exist_ok=True)


def existing(name: str) -> list[Path]:
    """Return the folders of the cgroup `name` that exist."""
    folders = [hierarchy / name for hierarchy in hierarchies(MOUNTS.read_text())]
    return [folder for folder in folders if folder.is_dir()]


def remove(folder: Path) -> None:
    """Kill every process in a cgroup and below it, and remove it."""
    pids = {int(pid) for file in folder.rglob("cgroup.procs") for pid in _read(file).split()}
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    processes.wait_gone(sorted(pids))
    for child in (*sorted(folder.rglob("*/"), reverse=True), folder):
        with suppress(OSError):
            child.rmdir()


def hierarchies(mountinfo: str) -> list[Path]:
    """Return the mount points of the cgroup file systems in the text of /proc/<pid>/mountinfo."""
    found = []
    for line in mountinfo.splitlines():
        mount, _, kind = line.partition(" - ")
        if kind.startswith(("cgroup ", "cgroup2 ")):
            found.append(Path(mount.split()[4]))
    return found


def _read(file: Path) -> str:
    with suppress(OSError):
        return file.read_text()
    return ""
