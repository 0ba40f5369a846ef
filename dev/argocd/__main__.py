"""`python -m argocd up|down|snippet`: a real Argo CD beside the cluster; the settings that the project ships for it."""

import argparse
import sys

from argocd import daemons, snippet
from argocd.life import down, up
from devcluster.errors import DevClusterError


def main() -> int:
    """Run one command. Returns its exit code: 1 for a failure, 2 where something is needed first."""
    parser = argparse.ArgumentParser(prog="argocd", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    subparsers.add_parser("up", help=f"start it; its API is at {daemons.SERVER}, without a password")
    subparsers.add_parser("down", help="end it; its objects stay in the cluster")
    writing = subparsers.add_parser("snippet", help="write integrations/argocd/argocd-cm.yaml")
    writing.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "up":
                up()
            case "down":
                down()
            case "snippet":
                return _snippet(check=arguments.check)
    except DevClusterError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _snippet(*, check: bool) -> int:
    wanted, stale = snippet.text(), True
    if snippet.FILE.exists():
        stale = snippet.FILE.read_text() != wanted
    if stale and check:
        print(f"{snippet.FILE} differs from its scripts: run `make generate`", file=sys.stderr)
    elif stale:
        snippet.FILE.write_text(wanted)
        print(f"wrote {snippet.FILE}")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
