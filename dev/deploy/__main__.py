"""`python -m deploy`: install or upgrade the operator in the cluster of `.cluster/cluster.json`."""

import argparse
import sys

from deploy.install import deploy
from deploy.target import Target
from devcluster.errors import DevClusterError


def main() -> int:
    """Deploy. Returns 1 for a failure, 2 where something is needed first."""
    argparse.ArgumentParser(prog="deploy", description=__doc__).parse_args()
    try:
        deploy(Target.here())
    except DevClusterError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
