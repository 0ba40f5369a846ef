"""Many runs while the operator is killed every few seconds: each runs once, none is lost."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from support.invariants import violations
from support.kube import Object, function, run
from support.kubelet import NOWHERE, ended_runs, play_kubelet
from support.lab import Lab, World


@dataclass(slots=True)
class Soaked:
    """What came of it."""

    runs: int
    kills: int = 0
    jobs: int = 0
    succeeded: int = 0
    broken: list[str] = field(default_factory=list)


async def soak(
    lab: Lab, runs: int, *, rate: float = 20, every: tuple[float, float] = (1, 4), seconds: float = 1200
) -> Soaked:
    """Let `runs` runs through, which come at `rate` a second; no node takes their pods, the test lets them succeed."""
    outcome = Soaked(runs)
    async with lab.world() as world:
        await world.apply(function("fn"))
        killer = asyncio.create_task(_kill_now_and_then(world, every, outcome))
        kubelet = asyncio.create_task(play_kubelet(world, lambda: ended_runs(world) >= runs))
        try:
            await _create(world, [run(f"s-{n}", nodeSelector=NOWHERE) for n in range(runs)], rate)
            await asyncio.wait_for(kubelet, seconds)
        except TimeoutError:
            outcome.broken.append(f"{runs - ended_runs(world)} runs did not end within {seconds:.0f} s")
        finally:
            killer.cancel()
            kubelet.cancel()
            await asyncio.gather(killer, kubelet, return_exceptions=True)
        events = lab.records.of(world.namespace)
        outcome.succeeded = ended_runs(world)
        outcome.jobs = len({e.obj["metadata"]["uid"] for e in events if e.plural == "jobs"})
        outcome.broken += violations(events, world.namespace, world.requests())
        outcome.broken += [f"{outcome.jobs} Jobs for {runs} runs"] if outcome.jobs != runs else []
    return outcome


async def _create(world: World, manifests: list[Object], rate: float) -> None:
    gate = asyncio.Semaphore(16)

    async def one(number: int, manifest: Object) -> None:
        await asyncio.sleep(number / rate)
        async with gate:
            await world.apply(manifest)

    await asyncio.gather(*(one(number, manifest) for number, manifest in enumerate(manifests)))


async def _kill_now_and_then(world: World, every: tuple[float, float], outcome: Soaked) -> None:
    chance = Random(1)
    while True:
        await world.start()
        await asyncio.sleep(chance.uniform(*every))
        with suppress(ProcessLookupError):
            await world.kill()
        outcome.kills += 1
