"""A process and all it starts: how long it took, and the most memory that they held together."""

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """`mib` is the peak of the summed proportional set sizes: pages that processes share count once.

    `began` is when it was started, by the monotonic clock of the machine. `kept` is the content of the file that was to
    be kept.
    """

    began: float
    seconds: float
    mib: float
    output: str
    kept: str = ""


def measured(command: Sequence[str], env: Mapping[str, str], keep: Path | None = None) -> Measured:
    """Run it to its end. Raises where that was not well."""
    start = time.monotonic()
    process = subprocess.Popen(
        command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    peak, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            peak[0] = max(peak[0], sum(map(_pss, _family(process.pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - start
    ended.set()
    watcher.join()
    if process.returncode:
        raise RuntimeError(output)
    return Measured(start, seconds, peak[0] / 1024, output, keep.read_text() if keep else "")


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            threads = list(Path(f"/proc/{parent}/task").iterdir())
            found += [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        except OSError:
            continue
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
