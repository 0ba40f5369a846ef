"""Running a command to its end."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from devcluster.errors import DevClusterError

TAIL_LINES = 25


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    hint: str = "",
) -> str:
    """Return what the command prints. Raises DevClusterError with the end of its output if it fails.

    `env` is added to the caller's environment.
    """
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip().splitlines()[-TAIL_LINES:]
        command = shlex.join(str(word) for word in argv[:4])
        raise DevClusterError(f"`{command} …` ended with {done.returncode}", detail="\n".join(output), hint=hint)
    return done.stdout


def output_of(argv: Sequence[str]) -> str:
    """Return what the command prints, or the empty string if it is not there or fails."""
    try:
        return subprocess.run(argv, text=True, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def succeeds(argv: Sequence[str]) -> bool:
    """Whether the command is there and ends with 0; what it prints is dropped."""
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
