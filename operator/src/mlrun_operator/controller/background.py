"""What goes on for ever beside kopf's watches."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

# What does not let go in this time is left to the end of the process.
_PATIENCE_SECONDS: Final = 5.0


class TaskExitedError(Exception):
    """Something that must go on for ever has ended; a new process heals it."""


class BackgroundTasks:
    """Tasks by their names, started and stopped together. The first that ends by itself sets `ended`."""

    def __init__(self, coroutines: dict[str, Coroutine[Any, Any, None]], ended: asyncio.Event) -> None:
        self._coroutines = coroutines
        self._tasks: list[asyncio.Task[None]] = []
        self._first: asyncio.Task[None] | None = None
        self.ended = ended

    def start(self) -> None:
        """Let all go on."""
        for name, coroutine in self._coroutines.items():
            task = asyncio.create_task(coroutine, name=name)
            task.add_done_callback(self._done)
            self._tasks.append(task)

    async def stop(self) -> None:
        """Cancel all, and wait for their ends, but not for ever. They cannot be started again."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_PATIENCE_SECONDS)
        for coroutine in self._coroutines.values():
            coroutine.close()

    def check(self) -> None:
        """Raises TaskExitedError where one ended by itself."""
        if self._first is not None:
            error = self._first.exception()
            raise TaskExitedError(f"{self._first.get_name()} ended: {in_words(error)}") from error

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and self._first is None:
            self._first = task
            self.ended.set()


def in_words(error: BaseException | None) -> str:
    """The error in one line."""
    return f"{type(error).__name__}: {error}" if error else "for no known reason"
