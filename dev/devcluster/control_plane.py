"""etcd, the API server, the controller manager and the scheduler."""

from pathlib import Path

from devcluster import health, kubeconfig, paths, progress, templates
from devcluster.api import Api
from devcluster.certs import Certificates, Pair
from devcluster.processes import Daemon
from devcluster.tools import KUBERNETES

DAEMONS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
# The client default of 20 requests a second makes a few hundred Jobs take minutes.
CLIENT_RATE = ("--kube-api-qps=200", "--kube-api-burst=400")
ISSUER = "https://kubernetes.default.svc.cluster.local"


def start(certs: Certificates) -> None:
    """Start the control plane and wait until it is ready."""
    with progress.step("etcd ready"):
        _etcd().start()
        url = f"{paths.ETCD}/health"
        health.wait_until(lambda: health.answers(url), what="etcd answers", daemon="etcd", seconds=20)
    with progress.step("kube-apiserver ready"):
        _api_server(certs).start()
        api = Api()
        health.wait_until(api.ready, what="the API server is ready", daemon="kube-apiserver", seconds=60)
    with progress.step("kube-controller-manager and kube-scheduler ready"):
        _controller_manager(certs).start()
        _scheduler(certs).start()
        what = "the default service account exists"
        health.wait_until(api.default_service_account, what=what, daemon="kube-controller-manager", seconds=60)


def component_kubeconfig(name: str, authority: Pair, client: Pair) -> Path:
    """Write the kubeconfig of a component and return its path."""
    return kubeconfig.write(paths.CONFIG / f"{name}.kubeconfig", authority=authority, client=client)


def _etcd() -> Daemon:
    peer = "http://127.0.0.1:12380"
    flags = [
        f"--name={paths.NAME}",
        f"--data-dir={paths.STATE}/etcd",
        f"--listen-client-urls={paths.ETCD}",
        f"--advertise-client-urls={paths.ETCD}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={paths.NAME}={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    return Daemon("etcd", [KUBERNETES.binary("etcd"), *flags])


def _api_server(certs: Certificates) -> Daemon:
    flags = [
        f"--etcd-servers={paths.ETCD}",
        f"--bind-address={paths.BRIDGE_IP}",
        f"--advertise-address={paths.BRIDGE_IP}",
        f"--service-cluster-ip-range={paths.SERVICE_CIDR}",
        f"--tls-cert-file={certs.api_server.certificate}",
        f"--tls-private-key-file={certs.api_server.key}",
        f"--client-ca-file={certs.ca.certificate}",
        f"--kubelet-client-certificate={certs.kubelet_client.certificate}",
        f"--kubelet-client-key={certs.kubelet_client.key}",
        f"--kubelet-certificate-authority={certs.ca.certificate}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={certs.service_account_public_key}",
        f"--service-account-signing-key-file={certs.service_account_key}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--audit-policy-file={templates.write('audit-policy.yaml')}",
        f"--audit-log-path={paths.AUDIT_LOG}",
        "--audit-log-maxsize=500",
        "--audit-log-maxbackup=1",
    ]
    return Daemon("kube-apiserver", [KUBERNETES.binary("kube-apiserver"), *flags])


def _controller_manager(certs: Certificates) -> Daemon:
    config = component_kubeconfig("kube-controller-manager", certs.ca, certs.controller_manager)
    flags = [
        f"--kubeconfig={config}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={certs.service_account_key}",
        f"--root-ca-file={certs.ca.certificate}",
        f"--cluster-signing-cert-file={certs.ca.certificate}",
        f"--cluster-signing-key-file={certs.ca.key}",
        "--allocate-node-cidrs=false",
        *CLIENT_RATE,
    ]
    return Daemon("kube-controller-manager", [KUBERNETES.binary("kube-controller-manager"), *flags])


def _scheduler(certs: Certificates) -> Daemon:
    config = component_kubeconfig("kube-scheduler", certs.ca, certs.scheduler)
    flags = [f"--kubeconfig={config}", "--bind-address=127.0.0.1", "--leader-elect=false", *CLIENT_RATE]
    return Daemon("kube-scheduler", [KUBERNETES.binary("kube-scheduler"), *flags])
