"""What the kernel says of the container's memory, by either version of cgroups."""

from pathlib import Path
from typing import Final

_EVENTS: Final = (
    Path("/sys/fs/cgroup/memory.events"),
    Path("/sys/fs/cgroup/memory/memory.oom_control"),
)


def oom_kills(files: tuple[Path, ...] = _EVENTS) -> int:
    """How many processes of this container were killed for memory so far; 0 where the kernel does not say."""
    for file in files:
        try:
            lines = file.read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
    return 0
