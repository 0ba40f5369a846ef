"""`python -m demo`: show one function become a Job, a pod, a dataset in S3 and a status."""

import sys

from demo import story
from devcluster.errors import DevClusterError


def main() -> int:
    """Run the demo. Returns 1 for a failure, 2 where this machine lacks what is needed."""
    try:
        story.tell()
    except DevClusterError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "\nstopped; the cluster keeps running: `make demo` goes on, `make cluster-down` removes it", file=sys.stderr
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
