"""Daemons that outlive the command that started them, known again by a pid file.

A pid file names a process by its pid and its start time, so that a pid which was given to somebody else is never
signalled.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from devcluster import paths
from devcluster.errors import DevClusterError

LOG_TAIL_LINES = 15
LOG_LINE_LENGTH = 300
KILL_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Daemon:
    """A process of the cluster. `env` is added to the caller's environment."""

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start it in a session of its own, detached from the terminal, logging to its own file."""
        paths.PIDS.mkdir(parents=True, exist_ok=True)
        paths.LOGS.mkdir(parents=True, exist_ok=True)
        with log_file(self.name).open("ab") as log:
            process = subprocess.Popen(
                [str(word) for word in self.argv],
                env={**os.environ, **self.env},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        process.returncode = 0  # it outlives this object, which would complain
        _pid_file(self.name).write_text(json.dumps({"pid": process.pid, "started": start_time(process.pid)}))


def running(name: str) -> bool:
    """Whether the daemon started under this name is still the same living process."""
    return _pid(name) is not None


@contextmanager
def paused(name: str) -> Iterator[None]:
    """Let the daemon started under this name rest meanwhile."""
    pid = _pid(name)
    if pid is None:
        raise DevClusterError(f"{name} does not run", hint="`make cluster`")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def end(name: str) -> None:
    """End the daemon started under this name at once; nothing where it does not live."""
    pid = _pid(name)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        wait_gone([pid])


def wait_gone(pids: Sequence[int]) -> None:
    """Wait until none of the processes lives. Raises DevClusterError after KILL_TIMEOUT_SECONDS."""
    deadline = time.monotonic() + KILL_TIMEOUT_SECONDS
    while alive := [pid for pid in pids if start_time(pid) is not None]:
        if time.monotonic() > deadline:
            raise DevClusterError(f"processes {alive} survive SIGKILL", hint="look at them with `ps -o pid,stat,cmd`")
        time.sleep(0.02)


def log_file(name: str) -> Path:
    """Return where the daemon of this name writes."""
    return paths.LOGS / f"{name}.log"


def log_tail(name: str) -> str:
    """Return the last lines of the daemon's log, long ones cut."""
    with suppress(OSError):
        lines = log_file(name).read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join(line[:LOG_LINE_LENGTH] for line in lines)
    return ""


def start_time(pid: int) -> str | None:
    """Return the start time of a living process in clock ticks since boot; None if it is gone or a zombie."""
    with suppress(OSError):
        return parse_start_time(Path(f"/proc/{pid}/stat").read_text())
    return None


def parse_start_time(stat: str) -> str | None:
    """Return field 22 of /proc/<pid>/stat, or None for a dead one. The command in field 2 may hold blanks and ')'."""
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _pid(name: str) -> int | None:
    try:
        known = json.loads(_pid_file(name).read_text())
    except (OSError, ValueError):
        return None
    started = start_time(known["pid"])
    return known["pid"] if started is not None and started == known["started"] else None


def _pid_file(name: str) -> Path:
    return paths.PIDS / f"{name}.json"
