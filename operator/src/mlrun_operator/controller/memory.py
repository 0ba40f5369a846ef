"""Memory: what is loaded for good is not looked through again and again, and what was freed goes back to the system.

A listing or a burst is many small objects that live briefly between those that stay; glibc keeps the pages that they
leave. With thousands of finished runs these were half of the process.
"""

import asyncio
import ctypes
import gc
from typing import Final

_EVERY_SECONDS: Final = 20.0


def freeze_gc() -> None:
    """Take what is loaded now out of Python's collections: each whole one stops everything for some 30 ms with it."""
    gc.collect()
    gc.freeze()


async def trim_heap_loop(every: float = _EVERY_SECONDS) -> None:
    """For ever: let go of what is free, now and then. Takes milliseconds; where the C library cannot, nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while True:
        await asyncio.sleep(every)
        if trim is not None:
            trim(0)
