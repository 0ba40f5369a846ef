"""The cluster DNS: CoreDNS on the bridge's address, so that services have their names and pods see nothing unusual."""

from pathlib import Path

from devcluster import health, templates
from devcluster.certs import Certificates
from devcluster.control_plane import component_kubeconfig
from devcluster.processes import Daemon
from devcluster.tools import COREDNS

DAEMONS = ("coredns",)
READY = "127.0.0.1:10252"
RESOLVER_CONFIGURATION = Path("/etc/resolv.conf")


def start(certs: Certificates) -> None:
    """Start CoreDNS and wait until it knows the services."""
    _coredns(certs).start()
    url = f"http://{READY}/ready"
    health.wait_until(lambda: health.answers(url), what="CoreDNS is ready", daemon="coredns", seconds=30)


def forward_of(resolver_configuration: str) -> str:
    """Return the line that sends all other names where this machine asks, empty if it asks nobody."""
    asks = any(line.split()[:1] == ["nameserver"] for line in resolver_configuration.splitlines())
    return f"forward . {RESOLVER_CONFIGURATION}" if asks else ""


def _coredns(certs: Certificates) -> Daemon:
    config = templates.write(
        "Corefile",
        READY=READY,
        KUBECONFIG_FILE=str(component_kubeconfig("coredns", certs.ca, certs.coredns)),
        FORWARD=forward_of(RESOLVER_CONFIGURATION.read_text() if RESOLVER_CONFIGURATION.exists() else ""),
    )
    return Daemon("coredns", [COREDNS.binary("coredns"), f"-conf={config}"])
