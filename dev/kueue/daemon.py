"""Kueue's process: its configuration, certificates and kubeconfig. All its addresses are on loopback."""

import base64
from pathlib import Path
from typing import Final

import yaml

from devcluster import health, paths, processes
from devcluster.certs import Authority
from devcluster.leftovers import KUEUE_SETTINGS
from devcluster.processes import Daemon
from devcluster.tools import KUEUE

NAME: Final = "kueue"
NAMESPACE: Final = "kueue-system"
SERVICE_ACCOUNT: Final = "kueue-controller-manager"
NAMESPACE_LABEL: Final = "mlrun-operator.dev/queueing"
WEBHOOKS: Final = "https://127.0.0.1:18181"
_PROBES: Final = "127.0.0.1:18180"
_FOLDER: Final = paths.STATE / "kueue"
# Kueue reads its metrics' certificate from a place of its own, even if it serves no metrics.
_CERTIFICATES: Final = _FOLDER / "metrics" / "certs"
_READY_SECONDS: Final = 60


def start(token: str) -> None:
    """Start it with its service account's token, and wait until its webhooks answer."""
    kubeconfig, configuration = _FOLDER / "kubeconfig", _FOLDER / "configuration.yaml"
    _write_certificates()
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(yaml.safe_dump(_kubeconfig(token)))
    configuration.write_text(yaml.safe_dump(_configuration()))
    arguments = [f"--config={configuration}", f"--kubeconfig={kubeconfig}"]
    Daemon(NAME, [_program(), *arguments]).start()
    health.wait_until(
        lambda: health.answers(f"http://{_PROBES}/readyz"), what="kueue is ready", daemon=NAME, seconds=_READY_SECONDS
    )


def stop() -> None:
    """End it."""
    processes.end(NAME)
    KUEUE_SETTINGS.unlink(missing_ok=True)


def is_running() -> bool:
    """Return whether it lives."""
    return processes.running(NAME)


def authority() -> str:
    """Return the CA of its webhooks, as webhook configurations have it."""
    return base64.b64encode((_CERTIFICATES / "ca.crt").read_bytes()).decode()


def _write_certificates() -> None:
    pair = Authority(_CERTIFICATES).issue("tls", "kueue", addresses=["127.0.0.1"])
    assert (pair.certificate.name, pair.key.name) == ("tls.crt", "tls.key"), "the names that Kueue asks for"
    KUEUE_SETTINGS.unlink(missing_ok=True)
    KUEUE_SETTINGS.symlink_to(_FOLDER)


def _kubeconfig(token: str) -> dict[str, object]:
    config: dict[str, object] = yaml.safe_load(paths.KUBECONFIG.read_text())
    context = {"cluster": paths.NAME, "user": SERVICE_ACCOUNT}
    return {
        **config,
        "users": [{"name": SERVICE_ACCOUNT, "user": {"token": token}}],
        "contexts": [{"name": paths.NAME, "context": context}],
    }


def _configuration() -> dict[str, object]:
    """Return its configuration: Jobs only, those without a queue too, in namespaces with the label."""
    host, port = WEBHOOKS.removeprefix("https://").split(":")
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": NAMESPACE,
        "health": {"healthProbeBindAddress": _PROBES},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": host, "port": int(port), "certDir": str(_CERTIFICATES)},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "manageJobsWithoutQueueName": True,
        "managedJobsNamespaceSelector": {"matchLabels": {NAMESPACE_LABEL: "true"}},
        "integrations": {"frameworks": ["batch/job"]},
        # Both need more rights and certificates, and no test asks for them.
        "featureGates": {"MultiKueue": False, "VisibilityOnDemand": False},
    }


def _program() -> Path:
    """Return a link below the cluster's folder, by which `cluster-down` finds the process."""
    link = _FOLDER / NAME
    link.unlink(missing_ok=True)
    link.symlink_to(KUEUE.binary("kueue"))
    return link
