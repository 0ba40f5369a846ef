"""`python -m kueue up|down`: a real Kueue beside the cluster."""

import argparse
import sys

from devcluster.errors import DevClusterError
from kueue.life import down, up


def main() -> int:
    """Run one command. Returns its exit code: 1 for a failure, 2 where something is needed first."""
    parser = argparse.ArgumentParser(prog="kueue", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    subparsers.add_parser("up", help="install its CRDs and webhooks, and start it")
    subparsers.add_parser("down", help="end it, and remove all its objects from the cluster")
    arguments = parser.parse_args()
    try:
        (up if arguments.command == "up" else down)()
    except DevClusterError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
