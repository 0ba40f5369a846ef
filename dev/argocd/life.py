"""Starting and ending Argo CD."""

import shutil

from argocd import daemons, install
from deploy.target import Target
from devcluster import progress, shell
from devcluster.errors import MissingRequirementError
from devcluster.tools import ARGOCD


def up() -> None:
    """Have Argo CD running, its settings being those of this checkout. Builds it where it is not cached."""
    target = Target.here()
    if target.facts.kind != "embedded":
        raise MissingRequirementError("Argo CD is started beside the embedded cluster only", hint="unset CLUSTER")
    ARGOCD.ensure()
    _install_redis()
    with progress.step(f"Argo CD {ARGOCD.version} ready at {daemons.SERVER}"):
        install.install(target)
        if not daemons.running():
            daemons.stop()
            daemons.start()


def down() -> None:
    """End its processes."""
    daemons.stop()


def _install_redis() -> None:
    if shutil.which(daemons.REDIS_PROGRAM):
        return
    package = daemons.REDIS_PACKAGE
    with progress.step("Redis installed", during=f"installing Debian package {package}"):
        hint = f"run it by hand: apt-get install {package}"
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
        shell.run(["apt-get", "update", "-q"], hint=hint)
        shell.run(command, env={"DEBIAN_FRONTEND": "noninteractive"}, hint=hint)
