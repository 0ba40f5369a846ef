"""What the embedded cluster needs from this machine, checked before anything is changed."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from devcluster import progress, shell
from devcluster.errors import MissingRequirementError
from devcluster.tools import Toolset, go_version

# What must be there, and the Debian package that brings it.
PACKAGE_OF = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "buildah": "buildah",
    "skopeo": "skopeo",
    "debootstrap": "debootstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "mount": "mount",
    "git": "git",
}
# From here on Go fetches the release that a go.mod asks for, unless GOTOOLCHAIN=local forbids it.
GO_FETCHES_ITSELF = (1, 21)
PYTHON_MINIMUM = (3, 11)
INSTEAD = (
    "bring these, or use another cluster: `CLUSTER=current make cluster` takes the one your kubectl points at, "
    "`CLUSTER=kind make cluster` makes one in Docker"
)


def check(to_build: Sequence[Toolset]) -> None:
    """Raise MissingRequirementError naming everything that this machine lacks. `to_build`: what is not in the cache."""
    missing = []
    if sys.platform != "linux":
        missing.append("Linux")
    elif os.geteuid() != 0:
        missing.append("root (for mounts, network namespaces and cgroups)")
    if sys.version_info[:2] < PYTHON_MINIMUM:
        missing.append("Python ≥ 3.11")
    if to_build and (go := _missing_go(max(tools.go_minimum for tools in to_build))):
        missing.append(go)
    if (packages := missing_packages()) and not shutil.which("apt-get"):
        missing.append(f"Debian's packages {' '.join(packages)} (there is no apt-get here to install them)")
    if missing:
        raise MissingRequirementError(f"the embedded cluster needs {'; '.join(missing)}", hint=INSTEAD)


def check_root() -> None:
    """Raise MissingRequirementError unless the caller is root on Linux."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise MissingRequirementError("the embedded cluster needs root on Linux", hint=INSTEAD)


def install_packages() -> None:
    """Install the Debian packages that are missing, saying which."""
    packages = missing_packages()
    if not packages:
        return
    with progress.step("packages installed", during=f"installing Debian packages: {' '.join(packages)}"):
        hint = f"run it by hand: apt-get install {' '.join(packages)}"
        shell.run(["apt-get", "update", "-q"], hint=hint)
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        shell.run(command, env={"DEBIAN_FRONTEND": "noninteractive"}, hint=hint)


def missing_packages() -> list[str]:
    """Return the Debian packages whose command or file is not on this machine."""
    return sorted(package for needed, package in PACKAGE_OF.items() if not _there(needed))


def _missing_go(minimum: tuple[int, int]) -> str:
    found = go_version(shell.output_of(["go", "env", "GOVERSION"]))
    fetches = shell.output_of(["go", "env", "GOTOOLCHAIN"]).strip() != "local"
    if found >= minimum or (fetches and found >= GO_FETCHES_ITSELF):
        return ""
    has = f"found {found[0]}.{found[1]}" if found > (0, 0) else "none on PATH"
    return f"Go ≥ {minimum[0]}.{minimum[1]} ({has})"


def _there(needed: str) -> bool:
    return Path(needed).exists() if needed.startswith("/") else shutil.which(needed) is not None
