"""Removing an embedded cluster, whole or half-dead, from this machine."""

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from devcluster import cgroups, leftovers, processes, shell, sysctls
from devcluster.errors import DevClusterError

# Removing one thing can bring another to light: a shim that was starting, a mount below a mount.
PASSES = 3


def clean() -> None:
    """Remove everything that `leftovers.find` finds. Raises DevClusterError if something stays."""
    if not leftovers.find():
        return
    settings = sysctls.saved()
    for _ in range(PASSES):
        for kind, group in itertools.groupby(leftovers.find(), key=lambda leftover: leftover.kind):
            _REMOVE[kind]([leftover.name for leftover in group])
    sysctls.restore(settings)
    _delete_empty_folders()
    if remaining := leftovers.find():
        raise DevClusterError(
            "the cluster left something behind",
            detail="\n".join(map(str, remaining)),
            hint="run `make cluster-down` once more; a process in state D keeps its mounts until its I/O ends",
        )


def _kill(pids: Sequence[str]) -> None:
    # Nobody is asked to shut down: all that they hold is thrown away.
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    processes.wait_gone([int(pid) for pid in pids])


def _remove_cgroups(folders: Sequence[str]) -> None:
    for folder in folders:
        cgroups.remove(Path(folder))


def unmount(points: Sequence[str]) -> None:
    """Unmount, at the latest when the last process that uses it has ended."""
    for point in points:
        if not shell.succeeds(["umount", point]):
            shell.succeeds(["umount", "--lazy", point])


def _delete_interfaces(names: Sequence[str]) -> None:
    for name in names:
        shell.succeeds(["ip", "link", "delete", name])


def _delete_tables(tables: Sequence[str]) -> None:
    for table in tables:
        shell.succeeds(["nft", "delete", "table", *table.split()])


def _delete_files(files: Sequence[str]) -> None:
    for file in files:
        Path(file).unlink(missing_ok=True)


def _delete_folders(folders: Sequence[str]) -> None:
    """Delete folders unless something is still mounted below them: a volume may be somebody's own folder."""
    if any(leftover.kind == "mount" for leftover in leftovers.find()):
        return
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _delete_empty_folders() -> None:
    """Delete what components made outside the cluster's folders, unless something else is in it."""
    for folder in leftovers.SHARED_FOLDERS:
        with suppress(OSError):
            folder.rmdir()


_REMOVE: dict[str, Callable[[Sequence[str]], None]] = {
    "process": _kill,
    "cgroup": _remove_cgroups,
    "mount": unmount,
    "interface": _delete_interfaces,
    "nftables": _delete_tables,
    "file": _delete_files,
    "folder": _delete_folders,
}
