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
from mlrun_operator.controller.rate_limiter import TokenBucket

log = logging.getLogger("mlrun_operator")

_IN_PLACE_BYTES: Final = bounds.CODE_IN_PLACE.limit
_SHARE: Final = bounds.PARSE_SHARE.limit
_SECONDS_AT_ONCE: Final = float(bounds.PARSE_AT_ONCE.limit)
_SHORTEST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 60.0
_CPU_SECONDS: Final = bounds.PARSE_CPU.limit
_SECONDS: Final = float(bounds.PARSE_SECONDS.limit)
_MEMORY_BYTES: Final = bounds.PARSE_MEMORY.limit
_NICENESS: Final = 19
_MAX_REMEMBERED: Final = bounds.PARSED_CODES.limit


class SyntaxCheck:
    """Finds what is wrong with code, once for each text, with one process at a time.

    Code of one namespace may take some seconds at once, and then a part of the time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._found: OrderedDict[bytes, str] = OrderedDict()
        self._budgets: dict[str, _Budget] = {}

    def seconds_until(self, namespace: str, code: bytes) -> float:
        """Return the seconds until this code may be parsed; 0 if it may now, or need not be."""
        if len(code) <= _IN_PLACE_BYTES or _digest(code) in self._found:
            return 0.0
        budget = self._budgets.get(namespace)
        return budget.next_turn(self._clock()) if budget else 0.0

    async def error_in(self, namespace: str, code: bytes) -> str:
        """Return what keeps the code from being Python; empty if nothing does, or it takes too long to find out."""
        if len(code) <= _IN_PLACE_BYTES:
            return (python_syntax.syntax_error(code) or (0, ""))[1]
        digest = _digest(code)
        async with self._one_at_a_time:
            if digest not in self._found:
                begun = self._clock()
                self._found[digest] = await _parsed_apart(code)
                self._spend(namespace, self._clock() - begun)
        self._found.move_to_end(digest)
        if len(self._found) > _MAX_REMEMBERED:
            self._found.popitem(last=False)
        return self._found[digest]

    def _spend(self, namespace: str, seconds: float) -> None:
        now = self._clock()
        self._budgets = {name: budget for name, budget in self._budgets.items() if not budget.is_full(now)}
        self._budgets.setdefault(namespace, _Budget(now)).spend(seconds, now)


class _Budget:
    """The seconds that a namespace's code may still take. Those that wait get turns, so that not all come at once."""

    def __init__(self, now: float) -> None:
        self._seconds = TokenBucket(_SHARE / 100, _SECONDS_AT_ONCE, now)
        self._newest_cost = 0.0
        self._waiting = 0

    def is_full(self, now: float) -> bool:
        return self._seconds.refill(now) >= _SECONDS_AT_ONCE

    def spend(self, seconds: float, now: float) -> None:
        self._seconds.refill(now)
        self._seconds.take(seconds)
        self._newest_cost = seconds

    def next_turn(self, now: float) -> float:
        """Return the seconds until the turn of the one who asks; 0 if it is now."""
        left = self._seconds.refill(now)
        if left > 0:
            self._waiting = 0
            return 0.0
        wait = (self._waiting * self._newest_cost - left) / self._seconds.rate
        self._waiting += 1
        return min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT)


def _digest(code: bytes) -> bytes:
    return hashlib.sha256(code).digest()


async def _parsed_apart(code: bytes) -> str:
    """Return what the parser says; empty, with a warning, where the code was not checked."""
    output, cause = None, "it takes too long, or too much memory"
    try:
        output = await _parser_output(code)
    except TimeoutError:
        pass
    except (OSError, RuntimeError) as error:  # no process or thread can be started
        cause = str(error)
    if output is None:
        log.warning("inline code of %d bytes was not checked: %s", len(code), cause)
        return ""
    return output.decode("utf-8", "replace")


async def _parser_output(code: bytes) -> bytes | None:
    """Return the output of the process that parses the code; None if it was killed. Raises OSError, RuntimeError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", python_syntax.__file__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        _bound(process.pid)
        output, _ = await asyncio.wait_for(process.communicate(code), _SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output if process.returncode == 0 else None


def _bound(pid: int) -> None:
    """Bound what the process takes; it still waits for its code."""
    os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
    resource.prlimit(pid, resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.prlimit(pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
