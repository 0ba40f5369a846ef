"""Whether inline code is Python. Another process parses long code: some takes seconds, and nothing else would go on."""

import asyncio
import hashlib
import logging
import os
import resource
import sys
from collections import OrderedDict
from typing import Final

from mlrun_operator.api import bounds
from mlrun_operator.assess import python_syntax

log = logging.getLogger("mlrun_operator")

_IN_PLACE_BYTES: Final = bounds.CODE_IN_PLACE.limit
_CPU_SECONDS: Final = bounds.PARSE_CPU.limit
_SECONDS: Final = 30.0
_MEMORY_BYTES: Final = bounds.PARSE_MEMORY.limit
_NICENESS: Final = 19
_MAX_REMEMBERED: Final = 1_000


class SyntaxCheck:
    """Finds what is wrong with code, once for each text, and with one process at a time."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._found: OrderedDict[bytes, str] = OrderedDict()

    async def error_in(self, code: bytes) -> str:
        """Return what keeps the code from being Python; empty if nothing does, or it takes too long to find out."""
        if len(code) <= _IN_PLACE_BYTES:
            return (python_syntax.syntax_error(code) or (0, ""))[1]
        digest = hashlib.sha256(code).digest()
        async with self._one_at_a_time:
            if digest not in self._found:
                self._found[digest] = await _parsed_apart(code)
        self._found.move_to_end(digest)
        if len(self._found) > _MAX_REMEMBERED:
            self._found.popitem(last=False)
        return self._found[digest]


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
