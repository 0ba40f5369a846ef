"""The console scripts. Where the extra `cli` is not installed, they say so."""

import sys
from collections.abc import Sequence


def run() -> None:
    """`mlrunctl` and `kubectl-mlrun`."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """One command line; its exit code."""
    try:
        from mlrun_operator.cli.program import main as started
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("typer", "rich"):
            raise
        from mlrun_operator.cli.output import say

        say(f"error: {error.name} is not installed\n       pip install 'mlrun-operator[cli]'")
        return 2
    return started(argv)


def kubectl_complete() -> None:
    """`kubectl_complete-mlrun`, which kubectl asks for the completions of its plugin."""
    from mlrun_operator.cli.program import kubectl_complete as completed

    completed()
