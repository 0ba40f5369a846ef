"""Memory that was freed goes back to the system.

A listing or a burst is many small objects that live briefly between those that stay; glibc keeps the pages that they
leave. With thousands of finished runs these were half of the process.
"""

import asyncio
import ctypes
from typing import Final

_EVERY_SECONDS: Final = 20.0


async def give_back(every: float = _EVERY_SECONDS) -> None:
    """For ever: let go of what is free, now and then. Takes milliseconds; where the C library cannot, nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while True:
        await asyncio.sleep(every)
        if trim is not None:
            trim(0)
