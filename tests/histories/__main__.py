"""Play histories and print each kind of broken promise once, with the shortest history that breaks it.

`python -m histories [--count 2000] [--first 0] [--jobs 2]`; `--seed N` plays and prints the one history of that seed.
With `--real` they are played on the real API server, which `make cluster` starts, `--jobs` worlds at once.
"""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool
from pathlib import Path

from support.simulator.history import grow, kind_of, play, program_of, shorten


def played(seed: int, without: str) -> tuple[int, list[str]]:
    """Return the seed and what its history breaks."""
    try:
        return seed, grow(seed, without=without)[1].broken
    except Exception as error:
        return seed, [f"simulator: {type(error).__name__}: {error}"]


def _one(seed: int, without: str) -> bool:
    history, world = grow(seed, without=without)
    broken = world.broken
    print(*history, sep="\n")
    print(*broken or ["nothing is broken"], sep="\n")
    return not broken


def _many(seeds: range, jobs: int, most: int, without: str) -> bool:
    started, kinds, example = time.monotonic(), Counter[str](), dict[str, tuple[int, list[str]]]()
    with Pool(jobs) as pool:
        for seed, broken in pool.imap_unordered(partial(played, without=without), seeds, chunksize=16):
            for kind in {kind_of(words) for words in broken}:
                kinds[kind] += 1
                example.setdefault(kind, (seed, broken))
    seconds = time.monotonic() - started
    for kind, number in kinds.most_common(most):
        seed, broken = example[kind]
        print(f"\n{number} x {kind} (seed {seed})", flush=True)
        if not broken[0].startswith("simulator"):
            history = shorten(grow(seed, without=without)[0], kind)
            print(program_of(history, play(history).broken), flush=True)
    print(f"\n{len(seeds)} histories from seed {seeds.start} in {seconds:.0f} s; broken: {dict(kinds) or 'nothing'}")
    return not kinds


def main(arguments: Sequence[str]) -> int:
    """Play what was asked for; 1 where something is broken."""
    parser = argparse.ArgumentParser(prog="histories", description="Play random histories of runs in memory.")
    parser.add_argument("--count", type=int, default=int(os.environ.get("HISTORIES", "2000")))
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes, or real worlds at once")
    parser.add_argument("--most", type=int, default=12, help="kinds of faults that are shortened and printed")
    parser.add_argument("--without", default="", help="leave out the calls that match this regular expression")
    parser.add_argument("--seed", type=int, help="play this one only")
    parser.add_argument("--real", action="store_true", help="play them on the real API server")
    parser.add_argument("--report", type=Path, help="the file that takes real histories that break something")
    given = parser.parse_args(arguments)
    seeds = range(given.first, given.first + given.count)
    if given.real:
        from histories.real import play_real

        seeds = range(given.seed, given.seed + 1) if given.seed is not None else seeds
        return 0 if play_real(seeds, given.jobs, given.report) else 1
    logging.getLogger("mlrun_operator").setLevel(logging.ERROR)  # what is retried is expected here
    if given.seed is not None:
        return 0 if _one(given.seed, given.without) else 1
    return 0 if _many(seeds, given.jobs, given.most, given.without) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
