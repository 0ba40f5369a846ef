"""The one node: containerd and the kubelet."""

from devcluster import cgroups, health, paths, progress, shell, templates
from devcluster.api import Api
from devcluster.certs import Certificates
from devcluster.control_plane import component_kubeconfig
from devcluster.images import pause
from devcluster.processes import Daemon
from devcluster.tools import KUBERNETES

DAEMONS = ("containerd", "kubelet")


def start_container_runtime() -> None:
    """Start containerd and give it the pause image. Needs no control plane."""
    with progress.step("containerd ready"):
        _containerd().start()
        health.wait_until(_containerd_answers, what="containerd answers", daemon="containerd", seconds=30)
        pause.load()


def start_kubelet(certs: Certificates) -> None:
    """Start the kubelet."""
    cgroups.create(paths.NAME)
    paths.PODS_LOGS.mkdir(parents=True, exist_ok=True)
    _kubelet(certs).start()


def wait_ready() -> None:
    """Wait until the node is Ready."""
    health.wait_until(Api().node_ready, what="the node is Ready", daemon="kubelet", seconds=90)


def _containerd() -> Daemon:
    config = templates.write("containerd.toml", PAUSE_IMAGE=pause.IMAGE)
    return Daemon("containerd", ["containerd", f"--config={config}"])


def _containerd_answers() -> bool:
    return shell.output_of(["ctr", f"--address={paths.CONTAINERD_SOCKET}", "version"]) != ""


def _kubelet(certs: Certificates) -> Daemon:
    config = component_kubeconfig("kubelet", certs.ca, certs.kubelet)
    flags = [
        f"--config={templates.write('kubelet.yaml')}",
        f"--kubeconfig={config}",
        f"--root-dir={paths.STATE}/kubelet",
        f"--hostname-override={paths.NAME}",
        f"--node-ip={paths.BRIDGE_IP}",
        "--register-node",
    ]
    return Daemon("kubelet", [KUBERNETES.binary("kubelet"), *flags])
