"""The pod network: a bridge on this machine, kube-proxy for services, and a way out for pods."""

from pathlib import Path

from devcluster import health, paths, shell, templates
from devcluster.certs import Certificates
from devcluster.control_plane import component_kubeconfig
from devcluster.processes import Daemon
from devcluster.tools import KUBERNETES

DAEMONS = ("kube-proxy",)
KUBE_PROXY_HEALTH = "127.0.0.1:10256"
IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def prepare() -> None:
    """Make the bridge, the packet filter's rules and the CNI configuration."""
    bridge = paths.BRIDGE
    shell.run(["ip", "link", "add", bridge, "type", "bridge"])
    shell.run(["ip", "address", "add", f"{paths.BRIDGE_IP}/24", "dev", bridge])
    shell.run(["ip", "link", "set", bridge, "up"])
    IP_FORWARD.write_text("1\n")
    shell.run(["nft", "-f", "-"], stdin=templates.render((paths.CONFIG_TEMPLATES / "pods.nft").read_text()))
    templates.write("cni.conflist", paths.CONFIG / "cni" / f"10-{paths.NAME}.conflist")


def start_proxy(certs: Certificates) -> None:
    """Start kube-proxy and wait until it has written its rules once."""
    _kube_proxy(certs).start()
    url = f"http://{KUBE_PROXY_HEALTH}/healthz"
    health.wait_until(lambda: health.answers(url), what="kube-proxy is healthy", daemon="kube-proxy", seconds=60)


def _kube_proxy(certs: Certificates) -> Daemon:
    config = component_kubeconfig("kube-proxy", certs.ca, certs.kube_proxy)
    flags = [
        f"--kubeconfig={config}",
        f"--hostname-override={paths.NAME}",
        "--proxy-mode=nftables",
        # Without it a pod that calls a service whose pod is on the same bridge gets the answer from a stranger.
        "--masquerade-all",
        f"--nodeport-addresses={paths.POD_CIDR}",
        f"--healthz-bind-address={KUBE_PROXY_HEALTH}",
        "--metrics-bind-address=127.0.0.1:10249",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    ]
    return Daemon("kube-proxy", [KUBERNETES.binary("kube-proxy"), *flags])
