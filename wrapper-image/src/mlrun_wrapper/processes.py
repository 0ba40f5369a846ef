"""Programs that the wrapper runs: never through a shell, ended with everything they started, output bounded."""

import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlrun_operator.api import bounds

_KEPT: Final = bounds.PROGRAM_OUTPUT.limit


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended: its exit code (negative for a signal) and the end of what it said."""

    code: int
    output: str


def run(  # noqa: PLR0913 - one call says all
    command: Sequence[str | Path],
    *,
    folder: Path,
    env: Mapping[str, str],
    merged: bool = False,
    largest: int | None = None,
    show: Callable[[bytes], object] = lambda _: None,
) -> Done:
    """Run it to its end. `output` is its stdout; with `merged` stderr too, else stderr only where it fails.

    `show` gets the output as it comes; `largest` is the most bytes that it may write into one file, after which it is
    killed. Raises FileNotFoundError where there is no such program.
    """
    errors = subprocess.STDOUT if merged else subprocess.PIPE
    with started(command, folder=folder, env=env, errors=errors, largest=largest) as process:
        return _collect(process, show)


@contextmanager
def started(
    command: Sequence[str | Path],
    *,
    folder: Path,
    env: Mapping[str, str],
    errors: int = subprocess.DEVNULL,
    largest: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs: what it says can be read while it does. It ends with the block, if it has not before.

    `errors` is where its stderr goes; `largest` and what is raised are those of `run`.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    ) as process:
        try:
            if largest is not None:
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest, largest))
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _collect(process: subprocess.Popen[bytes], show: Callable[[bytes], object]) -> Done:
    if process.stderr is not None:
        output, errors = process.communicate()
        said = output if process.returncode == 0 else errors[-_KEPT:]
        return Done(process.returncode, said.decode(errors="replace"))
    assert process.stdout is not None  # noqa: S101 - it was asked for
    kept = b""
    while data := process.stdout.read1():  # type: ignore[attr-defined]
        show(data)
        kept = (kept + data)[-_KEPT:]
    return Done(process.wait(), kept.decode(errors="replace"))
