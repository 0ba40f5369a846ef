"""Argo CD's processes and its Redis, all on loopback."""

import os
import shutil
from functools import partial
from pathlib import Path

from devcluster import health, paths, processes
from devcluster.errors import MissingRequirementError
from devcluster.processes import Daemon
from devcluster.tools import ARGOCD, HELM

NAMESPACE = "argocd"
FOLDER = paths.STATE / "argocd"
KUBECONFIG = FOLDER / "kubeconfig"
SERVER = "127.0.0.1:18080"
_REPO_SERVER = "127.0.0.1:18081"
_REDIS = "127.0.0.1:18379"
REDIS_PROGRAM = "redis-check-rdb"
# The package redis-server would start a service; redis-tools has the same program under another name.
REDIS_PACKAGE = "redis-tools"

# The address at which each says that it is healthy; the order is that of their start.
HEALTH = {
    "redis-server": "",
    "argocd-repo-server": "http://127.0.0.1:18082/healthz?full=true",
    "argocd-application-controller": "http://127.0.0.1:18083/healthz",
    "argocd-applicationset-controller": "http://127.0.0.1:18084/metrics",
    "argocd-server": f"http://{SERVER}/healthz?full=true",
}


def start() -> None:
    """Start all of them and wait until they call themselves healthy."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(paths.KUBECONFIG, KUBECONFIG)
    for name, arguments in _arguments().items():
        Daemon(name, [_program(name), *arguments], env=_environment()).start()
    for name in HEALTH:
        health.wait_until(partial(_healthy, name), what=f"{name} is healthy", daemon=name, seconds=60)


def stop() -> None:
    """End all of them, the last one started first."""
    for name in reversed(HEALTH):
        processes.end(name)


def running() -> bool:
    """Whether all of them live."""
    return all(processes.running(name) for name in HEALTH)


def _healthy(name: str) -> bool:
    url = HEALTH[name]
    return health.answers(url) if url else processes.running(name)


def _arguments() -> dict[str, list[str]]:
    """The arguments of each; a port of its metrics is given so that none is taken twice."""
    cluster = [f"--kubeconfig={KUBECONFIG}", f"--namespace={NAMESPACE}"]
    repositories = [f"--repo-server={_REPO_SERVER}", "--repo-server-plaintext", f"--redis={_REDIS}"]
    address, port = _REDIS.split(":")
    return {
        "redis-server": ["--bind", address, "--port", port, "--save", "", "--set-proc-title", "no"],
        "argocd-repo-server": [
            "--disable-tls",
            *_listening(_REPO_SERVER),
            "--metrics-address=127.0.0.1",
            "--metrics-port=18082",
            f"--redis={_REDIS}",
            "--revision-cache-expiration=5s",
        ],
        "argocd-application-controller": [
            *cluster,
            *repositories,
            "--app-resync=10",
            "--app-resync-jitter=0",
            "--self-heal-timeout-seconds=1",
            "--metrics-port=18083",
        ],
        "argocd-applicationset-controller": [
            *cluster,
            f"--argocd-repo-server={_REPO_SERVER}",
            "--repo-server-plaintext",
            "--metrics-addr=127.0.0.1:18084",
            "--probe-addr=127.0.0.1:18085",
            "--webhook-addr=127.0.0.1:18086",
        ],
        "argocd-server": [
            *cluster,
            *repositories,
            "--insecure",
            "--disable-auth",
            *_listening(SERVER),
            "--metrics-address=127.0.0.1",
            "--metrics-port=18087",
        ],
    }


def _listening(address: str) -> list[str]:
    host, port = address.split(":")
    return [f"--address={host}", f"--port={port}"]


def _environment() -> dict[str, str]:
    folders = [str(ARGOCD.folder), str(HELM.folder), os.environ["PATH"]]
    return {
        "PATH": os.pathsep.join(folders),
        "KUBECONFIG": str(KUBECONFIG),
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_GPG_ENABLED": "false",
        # Git's folders and helm's caches, so that nothing lands in the user's own.
        "HOME": str(FOLDER),
        "TMPDIR": str(_made(FOLDER / "tmp")),
    }


def _program(name: str) -> Path:
    """A link below the cluster's folder: the binary acts by its name, and `cluster-down` finds it by its folder."""
    if name == "redis-server":
        found = shutil.which(REDIS_PROGRAM)
        if found is None:
            raise MissingRequirementError("there is no Redis", hint=f"apt-get install {REDIS_PACKAGE}")
        target = Path(found)
    else:
        target = ARGOCD.binary("argocd")
    link = FOLDER / name
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    return link


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
