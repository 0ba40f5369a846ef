"""Memory: the garbage collector skips what is loaded for good, and freed memory goes back to the system.

A listing or a burst makes many small objects that live briefly among those that stay, and glibc keeps their pages. With
thousands of finished runs such pages were half of the process.
"""

import asyncio
import ctypes
import gc
from typing import Final

_TRIM_INTERVAL_SECONDS: Final = 20.0


def freeze_gc() -> None:
    """Exempt what is loaded now from garbage collection: a full collection with it stops everything for 30 ms."""
    gc.collect()
    gc.freeze()


async def trim_heap_loop(interval: float = _TRIM_INTERVAL_SECONDS) -> None:
    """Return free memory to the system, for ever; does nothing where the C library cannot. Takes milliseconds."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while True:
        await asyncio.sleep(interval)
        if trim is not None:
            trim(0)
