"""Many runs of every kind while the operator is killed every few seconds: each runs once, none is lost.

Of twenty runs one is a sweep that fans out and two have replicas. Beside them a schedule is backfilled and fires; its
children are pruned by its history limits, which are Kubernetes' own.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from support.invariants import violations
from support.kube import Object, function, run
from support.kubelet import NOWHERE, play_kubelet
from support.lab import Lab, World

from mlrun_operator.render.cron_job import SPARE_JOBS

_SCHEDULE: Final = "schedule"
_FAN_OUT: Final = {"params": {"p": [1, 2, 3]}, "placement": "FanOut"}
# What every twentieth run is that has this number; the others are plain.
_KINDS: Final[dict[int, Object]] = {3: {"hyperparameters": _FAN_OUT}, 7: {"replicas": 3}, 17: {"replicas": 3}}
_FIRST_SLOT: Final = datetime(2020, 1, 1, tzinfo=UTC)
_FIRST_FIRING: Final = 29_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """How much of what comes, for so many runs."""

    runs: int

    @property
    def slots(self) -> int:
        """Slots of the schedule that are backfilled."""
        return max(2, self.runs // 10)

    @property
    def firings(self) -> int:
        """How often the schedule fires; of more Jobs, made within a minute, Kubernetes would delete the oldest."""
        return min(max(2, self.runs // 20), SPARE_JOBS)

    @property
    def jobs(self) -> int:
        """Jobs that there must be: a sweep has two, its points' and its collector."""
        return self.runs + sum("hyperparameters" in made["spec"] for made in self.manifests()) + self.children

    @property
    def children(self) -> int:
        """Runs that the schedule makes."""
        return self.slots + self.firings

    def manifests(self) -> Iterator[Object]:
        """The runs."""
        for n in range(self.runs):
            yield run(f"s-{n}", nodeSelector=NOWHERE, **_KINDS.get(n % 20, {}))

    def schedule(self) -> Object:
        """The schedule, due in half a day: until then it fires only where the test makes it."""
        backfill = {
            "from": _FIRST_SLOT.strftime("%Y-%m-%dT00:00:00Z"),
            "to": (_FIRST_SLOT + timedelta(days=self.slots)).strftime("%Y-%m-%dT00:00:00Z"),
            "parallelism": 4,
        }
        due = (datetime.now(UTC).hour + 12) % 24
        return run(_SCHEDULE, nodeSelector=NOWHERE, schedule=f"30 {due} * * *", backfill=backfill)


@dataclass(slots=True)
class Soaked:
    """What came of it."""

    load: Load
    kills: int = 0
    jobs: int = 0
    succeeded: int = 0
    children: int = 0
    broken: list[str] = field(default_factory=list)


async def soak(
    lab: Lab, runs: int, *, rate: float = 20, every: tuple[float, float] = (1, 4), seconds: float = 1800
) -> Soaked:
    """Let `runs` runs through, which come at `rate` a second; no node takes their pods, the test lets them succeed."""
    load = Load(runs)
    outcome = Soaked(load)
    async with lab.world() as world:
        await world.apply(function("fn"))
        killer = asyncio.create_task(_kill_now_and_then(world, every, outcome))
        kubelet = asyncio.create_task(play_kubelet(world, lambda: _ended(world, load)))
        firing = asyncio.create_task(_fire(world, load, runs / rate))
        try:
            await world.apply(load.schedule())
            await _create(world, [*load.manifests()], rate)
            await firing
            await asyncio.wait_for(kubelet, seconds)
        except (TimeoutError, AssertionError) as error:
            outcome.broken.append(f"not all had ended within {seconds:.0f} s: {error or 'the rest is waited for'}")
        finally:
            for task in (killer, kubelet, firing):
                task.cancel()
            await asyncio.gather(killer, kubelet, firing, return_exceptions=True)
        events = lab.records.of(world.namespace)
        outcome.succeeded, outcome.children = _succeeded(world), _children(world)
        outcome.jobs = len({e.obj["metadata"]["uid"] for e in events if e.plural == "jobs"})
        outcome.broken += violations(events, world.namespace, world.requests())
        found = (outcome.jobs, outcome.succeeded, outcome.children)
        if found != (wanted := (load.jobs, load.runs, load.children)):
            outcome.broken.append(f"Jobs, runs and children of the schedule: {found} instead of {wanted}")
    return outcome


def _ended(world: World, load: Load) -> bool:
    return (_succeeded(world), _children(world)) == (load.runs, load.children)


def _succeeded(world: World) -> int:
    """How many of the runs, without those of the schedule, have succeeded."""
    found = world.records.all("mlrunruns", world.namespace)
    ended = (o for o in found if (o.get("status") or {}).get("phase") == "Succeeded")
    return sum(o["metadata"]["name"].startswith("s-") for o in ended)


def _children(world: World) -> int:
    """How many runs of the schedule have succeeded, pruned ones included."""
    return int((world.status(_SCHEDULE).get("schedule") or {}).get("succeeded") or 0)


async def _create(world: World, manifests: list[Object], rate: float) -> None:
    gate = asyncio.Semaphore(16)

    async def one(number: int, manifest: Object) -> None:
        await asyncio.sleep(number / rate)
        async with gate:
            await world.apply(manifest)

    await asyncio.gather(*(one(number, manifest) for number, manifest in enumerate(manifests)))


async def _fire(world: World, load: Load, seconds: float) -> None:
    """Make the schedule's Jobs, as the CronJob controller does, spread over so many seconds."""
    await world.says(_SCHEDULE, "Scheduled")
    for number in range(load.firings):
        await world.fire(_SCHEDULE, _FIRST_FIRING + number)
        await asyncio.sleep(seconds / load.firings)


async def _kill_now_and_then(world: World, every: tuple[float, float], outcome: Soaked) -> None:
    """Kill the operator, every other time while it may still be starting."""
    chance = Random(1)
    while True:
        await world.start()
        if outcome.kills % 2:
            await world.ready(120)  # on a busy machine it would never come to work otherwise
        await asyncio.sleep(chance.uniform(*every))
        with suppress(ProcessLookupError):
            await world.kill()
        outcome.kills += 1
