"""What is there of the embedded cluster."""

from devcluster import embedded, paths, processes, progress
from devcluster import leftovers as found


def show() -> int:
    """Print a line for each daemon and say whether the cluster is healthy. Returns 0 if it is, else 1."""
    for name in embedded.DAEMONS:
        progress.say(f"{'running' if processes.running(name) else 'stopped':8} {name:24} {processes.log_file(name)}")
    healthy = embedded.healthy()
    progress.say(f"the cluster is {'healthy' if healthy else 'not healthy: `make cluster` starts it anew'}")
    return 0 if healthy else 1


def leftovers() -> int:
    """Print everything that the cluster has on this machine. Returns 0 if there is nothing, else 1."""
    remaining = [*found.find(), *(found.Leftover("mount", point) for point in found.build_mounts())]
    for leftover in remaining:
        progress.say(str(leftover))
    progress.say(f"{len(remaining)} things of the cluster {paths.NAME} on this machine")
    return 1 if remaining else 0
