"""Some work for each of several things, a few at a time."""

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

Thing = TypeVar("Thing")
Outcome = TypeVar("Outcome")


def each(things: Sequence[Thing], work: Callable[[Thing], Outcome], *, at_once: int) -> list[Outcome]:
    """The outcomes in the order of the things. The first failure is raised at once, and nothing new is begun then.

    The threads are daemons, so that one that hangs in a read keeps neither this call nor the process.
    """
    if len(things) <= 1:
        return [work(thing) for thing in things]
    waiting: queue.SimpleQueue[tuple[int, Thing]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Outcome | None, BaseException | None]] = queue.SimpleQueue()
    stopped = threading.Event()
    for numbered in enumerate(things):
        waiting.put(numbered)

    def worker() -> None:
        with contextlib.suppress(queue.Empty):
            while not stopped.is_set():
                number, thing = waiting.get_nowait()
                try:
                    done.put((number, work(thing), None))
                except BaseException as error:
                    stopped.set()
                    done.put((number, None, error))

    for _ in range(min(at_once, len(things))):
        threading.Thread(target=worker, daemon=True).start()
    outcomes: dict[int, Outcome] = {}
    try:
        while len(outcomes) < len(things):
            number, outcome, error = done.get()
            if error is not None:
                raise error
            outcomes[number] = cast(Outcome, outcome)
    finally:
        stopped.set()
    return [outcomes[number] for number in range(len(things))]
