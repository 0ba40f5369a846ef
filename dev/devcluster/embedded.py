"""The embedded cluster: a whole Kubernetes of one node on this machine, without Docker and without a registry."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from devcluster import (
    certs,
    cleanup,
    control_plane,
    dns,
    facts,
    kubeconfig,
    leftovers,
    locks,
    network,
    node,
    objectstore,
    paths,
    preflight,
    processes,
    progress,
    sysctls,
    tools,
)
from devcluster.api import Api
from devcluster.certs import Pair
from devcluster.facts import Facts
from devcluster.images import base, build, load
from devcluster.images.build import Image
from devcluster.images.embedded import Buildah, layout
from devcluster.images.measure import size_of, table
from devcluster.images.reproduce import check as reproduce_image

PATIENCE_SECONDS = 30
DAEMONS = (*control_plane.DAEMONS, *network.DAEMONS, *dns.DAEMONS, *node.DAEMONS, *objectstore.DAEMONS)


def up() -> None:
    """Have a healthy cluster: the running one, else a new one. Writes the kubeconfig and cluster.json."""
    preflight.check_root()
    with locks.held(paths.LOCK):
        if _comes_round():
            progress.say("✓ the cluster of this machine is running and healthy")
        else:
            _prepare()
            _start()
        _publish()
    progress.say(f"export KUBECONFIG={paths.KUBECONFIG}")


def down() -> None:
    """Remove the cluster with all that it holds. Caches stay. Does nothing where there is none."""
    preflight.check_root()
    with locks.held(paths.LOCK), locks.held(paths.IMAGES_LOCK), progress.step("cluster removed"):
        cleanup.clean()
        cleanup.unmount(leftovers.build_mounts())
        facts.forget()


def images(wanted: Sequence[Image]) -> None:
    """Build the images where their inputs changed, and load them if the cluster runs."""
    with _building():
        for image in wanted:
            build.ensure(image, Buildah())
            if processes.running("containerd"):
                _load(image)


def reproduce(names: Sequence[str]) -> None:
    """Build the images of these names, all released ones by default, once more from nothing, and compare."""
    chosen = [image for image in build.IMAGES if image.name in (names or build.RELEASED)]
    with _building():
        for image in chosen:
            build.ensure(image, Buildah())
            reproduce_image(image)


def measure() -> None:
    """Print what the released images that were built consist of."""
    for image in build.IMAGES:
        if image.name in build.RELEASED and Buildah().has(image):
            for line in table(image.name, size_of(layout(image), pack=True)):
                progress.say(line)


@contextmanager
def _building() -> Iterator[None]:
    preflight.check([])
    preflight.install_packages()
    with locks.held(paths.IMAGES_LOCK):
        base.ensure()
        try:
            yield
        finally:
            cleanup.unmount(leftovers.build_mounts())


def healthy() -> bool:
    """Whether every daemon lives and the API server, the node and the store call themselves ready."""
    if not all(processes.running(name) for name in DAEMONS):
        return False
    api = Api()
    return api.ready() and api.node_ready() and objectstore.ready()


def _comes_round() -> bool:
    """Whether a running cluster is healthy, with patience: a busy machine is no reason to throw a cluster away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not healthy():
        if time.monotonic() > deadline or not all(processes.running(name) for name in DAEMONS):
            return False
        time.sleep(1)
    return True


def _prepare() -> None:
    preflight.check([toolset for toolset in tools.EMBEDDED if not toolset.built])
    preflight.install_packages()
    for toolset in tools.EMBEDDED:
        toolset.ensure()
    if leftovers.find():
        with progress.step("remains of an earlier cluster removed"):
            cleanup.clean()


def _start() -> None:
    sysctls.save()
    certificates = certs.generate()
    network.prepare()
    node.start_container_runtime()
    control_plane.start(certificates)
    with progress.step(f"node {paths.NAME} ready"):
        node.start_kubelet(certificates)
        network.start_proxy(certificates)
        dns.start(certificates)
        node.wait_ready()
    objectstore.start()


def _publish() -> None:
    authority, admin = (Pair(paths.PKI / f"{name}.crt", paths.PKI / f"{name}.key") for name in ("ca", "admin"))
    facts.prepare_folder()
    kubeconfig.write(paths.KUBECONFIG, authority=authority, client=admin)
    facts.write(
        Facts(
            kind="embedded",
            context=paths.NAME,
            kubeconfig=str(paths.KUBECONFIG),
            kubectl=str(tools.KUBERNETES.binary("kubectl")),
            helm=str(tools.HELM.binary("helm")),
            api_server=paths.API_SERVER,
            bridge_ip=paths.BRIDGE_IP,
            s3_pod_endpoint=paths.S3_ENDPOINT,
            s3_host_endpoint=paths.S3_ENDPOINT,
            s3_bucket=paths.S3_BUCKET,
            audit_log=str(paths.AUDIT_LOG),
            logs=str(paths.LOGS),
            containerd_address=str(paths.CONTAINERD_SOCKET),
            containerd_namespace=paths.CONTAINERD_NAMESPACE,
            kubernetes_version=tools.KUBERNETES.version,
        )
    )


def _load(image: Image) -> None:
    started = time.monotonic()
    if load.load(layout(image), image.reference):
        progress.say(f"✓ {image.reference} loaded {time.monotonic() - started:.1f} s")
