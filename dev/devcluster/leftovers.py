"""Finding what an embedded cluster has on this machine, by its own names, whether or not its processes live.

The functions that take text are pure: the text is what the machine printed.
"""

import json
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devcluster import cgroups, paths, shell

COMMANDS = frozenset(
    (
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
        "coredns",
        "kubelet",
        "containerd",
        "containerd-shim-runc-v2",
        "weed",
        "redis-server",
        "argocd-repo-server",
        "argocd-application-controller",
        "argocd-applicationset-controller",
        "argocd-server",
        "kueue",
    )
)
# Places that components write to however they are configured.
CNI_RESULTS = Path("/var/lib/cni/results")
CONTAINER_LOG_LINKS = Path("/var/log/containers")
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
# Kueue looks for a certificate below this folder, which is a link to the cluster's.
KUEUE_SETTINGS = Path("/etc/kueue")
SHARED_FOLDERS = (CNI_RESULTS, CONTAINER_LOG_LINKS, DEVICE_PLUGINS, DEVICE_PLUGINS.parent)
SEAWEEDFS_PORTS = {"admin": 33646, "filer": 18888, "master": 19333, "s3": 18333, "volume": 19340}
SOCKETS = (
    DEVICE_PLUGINS / "kubelet.sock",
    *(Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock") for part, port in SEAWEEDFS_PORTS.items()),
)
KUBE_PROXY = "kube-proxy"


@dataclass(frozen=True, order=True)
class Leftover:
    """A thing of the cluster that is on the machine. `name` is what its own tool calls it."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def find() -> list[Leftover]:
    """Return everything of an embedded cluster that is on this machine, in the order in which it must go."""
    mountinfo = Path("/proc/self/mountinfo").read_text()
    commands = _command_lines()
    tables = tables_of(shell.output_of(["nft", "list", "tables"]), foreign_proxy=_foreign_proxy(commands.values()))
    return [
        *(Leftover("process", str(pid)) for pid, argv in commands.items() if is_ours(argv)),
        *(Leftover("cgroup", str(folder)) for folder in cgroups.existing(paths.NAME)),
        *(Leftover("mount", point) for point in mounts_below(mountinfo, paths.STATE, paths.RUN)),
        *(Leftover("interface", name) for name in interfaces_of(shell.output_of(["ip", "-json", "link"]) or "[]")),
        *(Leftover("nftables", table) for table in tables),
        *(Leftover("file", str(file)) for file in _files()),
        *(Leftover("folder", str(folder)) for folder in (paths.STATE, paths.RUN) if folder.exists()),
    ]


def is_ours(argv: Sequence[str]) -> bool:
    """Whether a command line is one of the cluster's programs working in the cluster's folders.

    That includes containerd's shims. The pods' own processes are found by their cgroup.
    """
    if not argv or Path(argv[0]).name not in COMMANDS:
        return False
    return any(f"{folder}/" in word for word in argv for folder in (paths.STATE, paths.RUN))


def build_mounts() -> list[str]:
    """Return what building images has mounted. It is not the cluster's: somebody may be building right now."""
    return mounts_below(Path("/proc/self/mountinfo").read_text(), paths.CACHE)


def mounts_below(mountinfo: str, *folders: Path) -> list[str]:
    """Return the mount points below folders from the text of /proc/<pid>/mountinfo, the deepest first."""
    points = [line.split()[4].encode().decode("unicode_escape") for line in mountinfo.splitlines()]
    found = [point for point in points if point.startswith(tuple(f"{folder}/" for folder in folders))]
    return sorted(found, key=len, reverse=True)


def interfaces_of(links: str) -> list[str]:
    """Return the bridge and what is plugged into it, from the text of `ip -json link`."""
    found = [link["ifname"] for link in json.loads(links) if link.get("master") == paths.BRIDGE]
    return found + [link["ifname"] for link in json.loads(links) if link["ifname"] == paths.BRIDGE]


def tables_of(listing: str, *, foreign_proxy: bool = False) -> list[str]:
    """Return our nftables tables as `<family> <name>`, from the text of `nft list tables`.

    Every kube-proxy gives its tables the same name: they are not ours if somebody else's is running.
    """
    names = {paths.NAME} if foreign_proxy else {paths.NAME, KUBE_PROXY}
    tables = [line.removeprefix("table ").strip() for line in listing.splitlines() if line.startswith("table ")]
    return [table for table in tables if table.split()[1] in names]


def _command_lines() -> dict[int, list[str]]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
    return found


def _foreign_proxy(commands: Iterable[Sequence[str]]) -> bool:
    return any(Path(argv[0]).name == KUBE_PROXY and not is_ours(argv) for argv in commands)


def _files() -> Iterator[Path]:
    for result in CNI_RESULTS.glob("*"):
        with suppress(OSError):
            if f"{paths.RUN}/" in result.read_text():
                yield result
    for link in CONTAINER_LOG_LINKS.glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(paths.PODS_LOGS):
            yield link
    if KUEUE_SETTINGS.is_symlink() and KUEUE_SETTINGS.readlink().is_relative_to(paths.STATE):
        yield KUEUE_SETTINGS
    yield from (found for found in SOCKETS if found.exists() and _nobody_listens(found))


def _nobody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) != 0
