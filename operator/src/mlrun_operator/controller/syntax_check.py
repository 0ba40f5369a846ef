"""Whether inline code is Python. Another process parses long code: some takes seconds, and nothing else would go on."""

import asyncio
import hashlib
import logging
import os
import resource
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from mlrun_operator.api import bounds
from mlrun_operator.assess import python_syntax

log = logging.getLogger("mlrun_operator")

_IN_PLACE_BYTES: Final = bounds.CODE_IN_PLACE.limit
_SHARE: Final = bounds.PARSE_SHARE.limit
_CPU_SECONDS: Final = bounds.PARSE_CPU.limit
_SECONDS: Final = 30.0
_MEMORY_BYTES: Final = bounds.PARSE_MEMORY.limit
_NICENESS: Final = 19
_MAX_REMEMBERED: Final = 1_000


class SyntaxCheck:
    """Finds what is wrong with code, once for each text, with one process at a time.

    Of each namespace it parses code for a part of the time only.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._found: OrderedDict[bytes, str] = OrderedDict()
        # When code of a namespace may be parsed again.
        self._free_at: dict[str, float] = {}

    def seconds_until(self, namespace: str, code: bytes) -> float:
        """Return the seconds until this code may be parsed; 0 if it may now, or need not be."""
        if len(code) <= _IN_PLACE_BYTES or _digest(code) in self._found:
            return 0.0
        return max(0.0, self._free_at.get(namespace, 0.0) - self._clock())

    async def error_in(self, namespace: str, code: bytes) -> str:
        """Return what keeps the code from being Python; empty if nothing does, or it takes too long to find out."""
        if len(code) <= _IN_PLACE_BYTES:
            return (python_syntax.syntax_error(code) or (0, ""))[1]
        digest = _digest(code)
        async with self._one_at_a_time:
            if digest not in self._found:
                begun = self._clock()
                self._found[digest] = await _parsed_apart(code)
                self._rest(namespace, self._clock() - begun)
        self._found.move_to_end(digest)
        if len(self._found) > _MAX_REMEMBERED:
            self._found.popitem(last=False)
        return self._found[digest]

    def _rest(self, namespace: str, took: float) -> None:
        """Let the namespace wait so long that parsing takes no more than its share."""
        now = self._clock()
        self._free_at = {name: free_at for name, free_at in self._free_at.items() if free_at > now}
        self._free_at[namespace] = now + took * (100 / _SHARE - 1)


def _digest(code: bytes) -> bytes:
    return hashlib.sha256(code).digest()


async def _parsed_apart(code: bytes) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", python_syntax.__file__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        _bound(process.pid)
        found, _ = await asyncio.wait_for(process.communicate(code), _SECONDS)
    except TimeoutError:
        found = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        log.warning("inline code of %d bytes was not checked: it takes too long, or too much memory", len(code))
        return ""
    return found.decode("utf-8", "replace")


def _bound(pid: int) -> None:
    """Bound what the process takes; it still waits for its code."""
    os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
    resource.prlimit(pid, resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.prlimit(pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
