"""`python -m devcluster up|down|status|images|reproduce|measure|kubectl|helm`.

`CLUSTER=embedded|current|kind` chooses the cluster.
"""

import argparse
import sys

from devcluster import clusters, commands, embedded, status
from devcluster.errors import DevClusterError
from devcluster.images import build


def main() -> int:
    """Run one command. Returns its exit code: 1 for a failure, 2 where this machine lacks what is needed."""
    tool, *rest = sys.argv[1:] or [""]
    try:
        if tool in commands.TOOLS:  # all that follows is the tool's own, options too
            commands.become(tool, rest)
        arguments = _parser().parse_args()
        match arguments.command:
            case "up":
                clusters.chosen().up()
            case "down":
                clusters.chosen().down()
            case "images":
                clusters.chosen().images(build.wanted())
            case "reproduce":
                embedded.reproduce(arguments.names)
            case "measure":
                embedded.measure()
            case "status":
                return status.leftovers() if arguments.leftovers else status.show()
    except DevClusterError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devcluster", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    subparsers.add_parser("up", help="start the cluster, or use the running one")
    subparsers.add_parser("down", help="remove the cluster; caches stay")
    subparsers.add_parser("images", help="build the images whose inputs changed, and load them into a running cluster")
    again = subparsers.add_parser("reproduce", help="build images once more from nothing and compare their digests")
    again.add_argument("names", nargs="*", help="default: all that are released")
    subparsers.add_parser("measure", help="say how large the built images are and what is in them")
    for tool in commands.TOOLS:
        subparsers.add_parser(tool, help=f"run the cluster's own {tool}")
    show = subparsers.add_parser("status", help="say what runs")
    show.add_argument("--leftovers", action="store_true", help="list what the cluster has on this machine")
    return parser


if __name__ == "__main__":
    sys.exit(main())
