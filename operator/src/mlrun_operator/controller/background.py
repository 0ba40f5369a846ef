"""The tasks that run for ever beside kopf's watches."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final

# A task that does not end in this time is left to the end of the process.
_STOP_TIMEOUT_SECONDS: Final = 5.0


class TaskExitedError(Exception):
    """A task that must run for ever has exited; a new process mends that."""


class BackgroundTasks:
    """Tasks by their names, started and stopped together. The first that exits by itself sets `stopping`."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._coroutines: dict[str, Coroutine[Any, Any, None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._first_exit: asyncio.Task[None] | None = None
        self.stopping = stopping

    def add(self, coroutines: Mapping[str, Coroutine[Any, Any, None]]) -> None:
        """Add what `start` is to start, by names for people."""
        self._coroutines.update(coroutines)

    def start(self) -> None:
        """Start all."""
        for name, coroutine in self._coroutines.items():
            task = asyncio.create_task(coroutine, name=name)
            task.add_done_callback(self._on_exit)
            self._tasks.append(task)

    async def stop(self) -> None:
        """Cancel all and wait some seconds for their ends. They cannot be started again."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_TIMEOUT_SECONDS)
        for coroutine in self._coroutines.values():
            coroutine.close()

    @property
    def exited(self) -> list[str]:
        """The names of those that exited by themselves."""
        return [task.get_name() for task in self._tasks if task.done() and not task.cancelled()]

    def check(self) -> None:
        """Raise TaskExitedError where one exited by itself."""
        if self._first_exit is not None:
            error = self._first_exit.exception()
            raise TaskExitedError(f"background task {self._first_exit.get_name()} exited: {one_line(error)}") from error

    def _on_exit(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and self._first_exit is None:
            self._first_exit = task
            self.stopping.set()


def one_line(error: BaseException | None) -> str:
    """Return the error in one line."""
    return f"{type(error).__name__}: {error}" if error else "for no known reason"
