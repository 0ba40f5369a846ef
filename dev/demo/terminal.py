"""Commands that are shown before they run, exactly as they run: what is printed can be pasted."""

import os
import subprocess
from collections.abc import Mapping

from demo.console import indented, say, styled
from devcluster import paths
from devcluster.errors import DevClusterError


class Terminal:
    """A shell in the repository. `environment` is added to the caller's."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}

    def run(self, command: str) -> None:
        """Show the command, run it and show what it says. Raises DevClusterError where it fails."""
        say(f"  {styled('$', 'dim')} {styled(command, 'cyan')}")
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", command],
            cwd=paths.REPOSITORY,
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        indented(done.stdout)
        if done.returncode != 0:
            raise DevClusterError(f"the command ended with {done.returncode}", hint="its output is above")
