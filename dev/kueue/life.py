"""Starting and ending Kueue."""

from deploy.target import Target
from devcluster import progress
from devcluster.errors import MissingRequirementError
from devcluster.tools import KUEUE
from kueue import daemon, install


def up() -> None:
    """Have Kueue running. Builds it where it is not cached."""
    target = Target.here()
    if target.facts.kind != "embedded":
        raise MissingRequirementError("Kueue is started beside the embedded cluster only", hint="unset CLUSTER")
    KUEUE.ensure()
    if daemon.is_running():
        return
    with progress.step(f"Kueue {KUEUE.version} ready"):
        install.install(target)
        daemon.start(install.token(target))
        install.install_webhooks(target)


def down() -> None:
    """End it, and remove all its objects from the cluster."""
    daemon.stop()
    with progress.step("Kueue removed"):
        install.uninstall(Target.here())
