"""The operator dies at every request of every scenario, then again and again under many runs; a table at the end.

`python -m prove [SCENARIO | soak]...`; `PROVE_SOAK` (2000) is the number of runs of the soak.
"""

import asyncio
import os
import sys
import time

from support.crashes import Outcome, Point, all_of, points_of, table
from support.kube import install_crds
from support.lab import Lab, laboratory, scale_deployed
from support.scenarios import SCENARIOS
from support.soak import soak


async def prove(names: list[str]) -> bool:
    """Every crash point of these scenarios, and the soak. Whether all passed."""
    install_crds()
    async with laboratory() as lab:
        try:
            scenarios = [name for name in names if name in SCENARIOS]
            passed = await _crashes(lab, scenarios) if scenarios else True
            return (await _soak(lab) if "soak" in names else True) and passed
        finally:
            await scale_deployed(lab.api, 1)


async def _crashes(lab: Lab, names: list[str]) -> bool:
    started = time.monotonic()
    undisturbed = await all_of(lab, [Point(name) for name in names], _tell)
    outcomes = await all_of(lab, [point for outcome in undisturbed for point in points_of(outcome)], _tell)
    print(f"\n{table(outcomes)}\n{time.monotonic() - started:.0f} s", flush=True)
    return not any(outcome.broken for outcome in [*undisturbed, *outcomes])


async def _soak(lab: Lab) -> bool:
    started = time.monotonic()
    outcome = await soak(lab, int(os.environ.get("PROVE_SOAK", "2000")))
    print(
        f"\nsoak: {outcome.load.runs} runs and {outcome.load.children} of a schedule, {outcome.kills} kills, "
        f"{outcome.jobs} Jobs, {outcome.succeeded} and {outcome.children} succeeded, "
        f"{time.monotonic() - started:.0f} s; broken: {outcome.broken or 'nothing'}",
        flush=True,
    )
    return not outcome.broken


def _tell(outcome: Outcome) -> None:
    did = f"died at {outcome.requests[-1]}" if outcome.died else f"{len(outcome.requests)} requests"
    print(f"{'broken' if outcome.broken else 'passed'}  {outcome.point}: {did}", flush=True)
    for line in outcome.broken:
        print(f"    {line}", flush=True)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(prove(sys.argv[1:] or [*SCENARIOS, "soak"])) else 1)
