"""Operators forked from one process that has everything imported: a start costs a tenth of a second, a death nothing.

`python -m support.nursery` reads one JSON line an operator ({"log": path, "environment": {...}}) and answers its pid.
"""

import asyncio
import json
import os
import select
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from support.kube import REPOSITORY


class Child:
    """A forked operator."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle: int | None = None
        with suppress(ProcessLookupError):  # it may have died already
            self._handle = os.pidfd_open(pid)

    @property
    def alive(self) -> bool:
        return self._handle is not None and not select.select([self._handle], [], [], 0)[0]

    async def ended(self) -> None:
        """Wait for its end; only one may wait."""
        if self._handle is None:
            return
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._handle, done.set)
        try:
            await done.wait()
        finally:
            loop.remove_reader(self._handle)

    def send(self, sign: signal.Signals) -> None:
        """Send a signal, if it is still there."""
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, sign)

    async def kill(self, sign: signal.Signals = signal.SIGKILL) -> None:
        self.send(sign)
        await self.ended()

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Nursery:
    """The process that forks operators."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._one = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator["Nursery"]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "support.nursery"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(REPOSITORY / "tests"), *_python_path()))},
        )
        try:
            yield cls(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()

    async def start(self, log: Path, environment: dict[str, str]) -> Child:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._one:
            wish = json.dumps({"log": str(log), "environment": environment})
            self._process.stdin.write(wish.encode() + b"\n")
            return Child(int(await self._process.stdout.readline()))


def _python_path() -> list[str]:
    """What this process was given, too: another tree's operator, for one."""
    return [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]


def _serve() -> None:
    from kubernetes.aio.config import kube_config
    from support import crashing_operator

    from mlrun_operator.controller.__main__ import main

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in iter(sys.stdin.readline, ""):
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become(Path(wish["log"]), wish["environment"])
            # The client has read KUBECONFIG when it was imported.
            kube_config.KUBE_CONFIG_DEFAULT_LOCATION = wish["environment"]["KUBECONFIG"]
            crashing_operator.arm(wish["environment"])
            os._exit(main())
        print(pid, flush=True)


def _become(log: Path, environment: dict[str, str]) -> None:
    """Take the log for every word, and the environment."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(environment)


if __name__ == "__main__":
    _serve()
