"""Memory, each in a process of its own, whose memory nobody else uses."""

import subprocess
import sys

_PROGRAM = """
import asyncio, gc
from pathlib import Path
from mlrun_operator.controller.memory import trim_heap_loop

def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])

async def main():
    # What stays lies between what goes, as after a listing: the C library gives nothing of it back by itself.
    blocks = [bytes(3000) for _ in range(20_000)]
    kept = blocks[::100]
    full = pages()
    del blocks
    gc.collect()
    freed = pages()
    part = asyncio.create_task(trim_heap_loop(0.01))
    await asyncio.sleep(0.3)
    part.cancel()
    print(full, freed, pages(), len(kept))

asyncio.run(main())
"""


def test_what_is_free_between_what_stays_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], text=True, capture_output=True, check=True)
    full, freed, given_back, _ = map(int, done.stdout.split())
    assert freed > full * 0.8, "else there is nothing to give back"
    assert given_back < freed / 2


def test_what_is_loaded_is_not_looked_through_again() -> None:
    program = (
        "import gc; from mlrun_operator.controller.memory import freeze_gc; freeze_gc(); print(gc.get_freeze_count())"
    )
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, check=True)
    assert int(done.stdout) > 1000
