"""Histories on the real API server: a few share a world, which then comes to rest and is judged by its record."""

import asyncio
import re
import signal
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import aiohttp
from support.api import RECORDED, Answer, Event, url
from support.invariants import violations_of_requests, written_by_others
from support.lab import Lab, World, laboratory
from support.real.keeper import Keeper
from support.real.kubelet import PlayedKubelet
from support.real.node import played_node, run_defaults
from support.real.replay import Replay, trail
from support.real.steps import RealHistory, prefix_of
from support.simulator.history import grow
from support.simulator.rules import Call
from support.troubles import Troubles

# Histories of one world, and a machine's share of worlds at once.
IN_A_WORLD: Final = 6
AT_ONCE: Final = 4
# A world rests when nothing was written for so long; it must, within some time.
_QUIET_SECONDS: Final = 4.0
_REST_SECONDS: Final = 120.0
_RESTARTED_SECONDS: Final = 3.0
_TRIES: Final = 2
_NAMES: Final = re.compile(r"\bh(\d+)-")


@dataclass(slots=True)
class Outcome:
    """What came of one history."""

    seed: int
    calls: list[Call]
    broken: list[str] = field(default_factory=list)
    trail: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    jobs: int = 0
    pods: int = 0
    # Of the world that it shared with others.
    restarts: int = 0

    def __str__(self) -> str:
        steps = [f"    {call}" for call in self.calls]
        parts = (
            f"seed {self.seed}:",
            *steps,
            "  broken:",
            *self.broken,
            "  refused:",
            *self.refused,
            "  what happened:",
        )
        return "\n".join([*parts, *self.trail])


def play(
    seeds: Sequence[int], at_once: int = AT_ONCE, told: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """Play the histories of these seeds, which the simulated world grows."""
    steps = {seed: grow(seed)[0] for seed in seeds}  # before there is an event loop: it has one of its own
    return asyncio.run(_play(steps, at_once, told))


async def _play(steps: dict[int, list[Call]], at_once: int, told: Callable[[Outcome], None]) -> list[Outcome]:
    seeds = [*steps]
    worlds = [seeds[start : start + IN_A_WORLD] for start in range(0, len(seeds), IN_A_WORLD)]
    gate = asyncio.Semaphore(at_once)
    async with laboratory((*RECORDED, "mlrunfunctions")) as lab, played_node(lab.api) as node:

        async def one(some: list[int]) -> list[Outcome]:
            async with gate:
                outcomes = await _play_world(lab, node, {seed: steps[seed] for seed in some})
            for outcome in outcomes:
                told(outcome)
            return outcomes

        return [outcome for some in await asyncio.gather(*map(one, worlds)) for outcome in some]


async def _play_world(lab: Lab, node: str, steps: dict[int, list[Call]]) -> list[Outcome]:
    """Play a few histories; again where a deployed operator joined in."""
    try:
        for _ in range(_TRIES):
            outcomes, was_disturbed = await _play_once(lab, node, steps)
            if not was_disturbed:
                break
    except Exception:  # the others are played on
        told = traceback.format_exc().splitlines()
        return [Outcome(seed, calls, ["the test itself fails"], told) for seed, calls in steps.items()]
    return outcomes


async def _play_once(lab: Lab, node: str, steps: dict[int, list[Call]]) -> tuple[list[Outcome], bool]:
    outcomes, seeds = {seed: Outcome(seed, calls) for seed, calls in steps.items()}, [*steps]
    async with _world(lab, node, seeds) as (world, kubelet, troubles, keeper):
        histories = [RealHistory(world, kubelet, troubles, keeper, seed) for seed in seeds]
        await asyncio.gather(*(history.play(outcomes[history.seed].calls) for history in histories))
        await asyncio.gather(*(history.end_troubles() for history in histories))
        shared = await _rest(world, kubelet, seeds)
        shared += await _restart(world, keeper) if not shared else []
        shared += _shared_faults(world)
        for history in histories:
            outcome = outcomes[history.seed]
            outcome.skipped, outcome.refused = history.skipped, history.refused
            outcome.jobs, outcome.pods = (_count(world, outcome.seed, plural) for plural in ("jobs", "pods"))
            outcome.restarts = keeper.starts - 1
            outcome.broken += [*_replay(world, kubelet, outcome.seed).broken(), *_of_history(shared, outcome.seed)]
            if outcome.broken:
                outcome.trail += [*trail(_events_of(world, outcome.seed)), *_last_words(world)]
        was_disturbed = written_by_others(lab.records.of(world.namespace), world.requests(), keeper.starts)
    return [*outcomes.values()], was_disturbed


@asynccontextmanager
async def _world(
    lab: Lab, node: str, seeds: Sequence[int]
) -> AsyncIterator[tuple[World, PlayedKubelet, Troubles, Keeper]]:
    """A namespace with an operator that is kept running, and a kubelet."""
    async with lab.world() as world:
        await _can_have_pods(world)
        kubelet = PlayedKubelet(world, [prefix_of(seed) for seed in seeds])
        troubles = Troubles(world.log.with_name("troubles"))
        settings = {"MLRUN_OPERATOR_RUN_DEFAULTS": run_defaults(node), "TROUBLES": str(troubles.folder)}
        keeper = Keeper(world, **settings)
        tasks = [asyncio.create_task(kubelet.play()), asyncio.create_task(keeper.keep())]
        try:
            yield world, kubelet, troubles, keeper
            for task in tasks:
                if task.done():
                    task.result()  # it has failed
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await _let_go(world)


async def _can_have_pods(world: World) -> None:
    """Wait for the account of the namespace's pods: they are refused until it is there."""
    for _ in range(100):
        with suppress(Answer):
            await world.api.get("serviceaccounts", world.namespace, "default")
            return
        await asyncio.sleep(0.1)


async def _let_go(world: World) -> None:
    """Take away what would hold the namespace: finalizers of users, and pods, which no kubelet ends."""
    await world.kill()
    now = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
    for plural in ("mlrunruns", "pods"):
        for obj in [*world.records.all(plural, world.namespace)]:
            name = obj["metadata"]["name"]
            with suppress(Answer, aiohttp.ClientError):
                if obj["metadata"].get("finalizers"):
                    await world.api.merge(plural, world.namespace, name, {"metadata": {"finalizers": None}})
                if plural == "pods":
                    await world.api.request("DELETE", url(plural, world.namespace, name), now)


# At rest.


async def _rest(world: World, kubelet: PlayedKubelet, seeds: Iterable[int]) -> list[str]:
    """Wait until no history has anything to come and nothing is written; return what goes on for ever."""
    until, restless = time.monotonic() + _REST_SECONDS, [*seeds]
    while time.monotonic() < until:
        if not await _is_quiet(world, until):
            return [f"no rest within {_REST_SECONDS:.0f} s; the last requests: {world.requests()[-8:]}"]
        restless = [seed for seed in restless if _replay(world, kubelet, seed).is_restless(datetime.now(UTC))]
        if not restless:
            return []
        await _changes(world)
    return []


async def _is_quiet(world: World, until: float) -> bool:
    """Wait until nothing was written for a while; return whether that came in time."""
    while time.monotonic() < until:
        before = _written(world)
        await asyncio.sleep(_QUIET_SECONDS)
        if _written(world) == before:
            return True
    return False


async def _changes(world: World) -> None:
    """Wait until something is written, or a while."""
    before = _written(world)
    for _ in range(16):
        await asyncio.sleep(0.5)
        if _written(world) != before:
            return


def _written(world: World) -> tuple[int, int]:
    """Return how much the operator, and everybody, has written so far."""
    return len(_writes(world)), len(world.records.of(world.namespace))


def _writes(world: World) -> list[str]:
    return [" ".join(request) for request in world.requests() if request[0] != "GET"]


async def _restart(world: World, keeper: Keeper) -> list[str]:
    """Start the operator anew; return what it writes then, though nothing has changed."""
    before = len(_writes(world))
    await keeper.restart(signal.SIGKILL)
    try:
        await world.ready()
    except TimeoutError:
        return ["the operator is not ready within 30 s of its restart"]
    await asyncio.sleep(_RESTARTED_SECONDS)
    writes = _writes(world)[before:]
    return [f"after a restart at rest the operator writes: {write}" for write in writes]


def _shared_faults(world: World) -> list[str]:
    """Return what is wrong with the operator's requests and its log."""
    events, requests = world.records.of(world.namespace), world.requests()
    errors = (line for line in world.log.read_text().splitlines() if " ERROR " in line)
    return [*violations_of_requests(events, world.namespace, requests), *(f"the log: {line[:400]}" for line in errors)]


def _last_words(world: World) -> list[str]:
    return ["  the operator's log:", *world.log.read_text().splitlines()[-20:]]


def _of_history(faults: Iterable[str], seed: int) -> list[str]:
    """Return the faults that name the history, and those that name none."""
    return [fault for fault in faults if str(seed) in (named := _NAMES.findall(fault)) or not named]


def _replay(world: World, kubelet: PlayedKubelet, seed: int) -> Replay:
    return Replay(_events_of(world, seed), kubelet)


def _events_of(world: World, seed: int) -> list[Event]:
    events, prefix = world.records.of(world.namespace), prefix_of(seed)
    return [event for event in events if event.obj["metadata"]["name"].startswith(prefix)]


def _count(world: World, seed: int, plural: str) -> int:
    return len({event.obj["metadata"]["uid"] for event in _events_of(world, seed) if event.plural == plural})


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    """Return how many were played, and how many broke something."""
    broken = [outcome.seed for outcome in outcomes if outcome.broken]
    skipped = Counter(verb for outcome in outcomes for verb in outcome.skipped)
    refused = sum(len(outcome.refused) for outcome in outcomes)
    steps, jobs, pods = (
        sum(counts) for counts in zip(*((len(o.calls), o.jobs, o.pods) for o in outcomes), strict=True)
    )
    restarts = sum(outcome.restarts for outcome in outcomes) / len(outcomes)
    return (
        f"{len(outcomes)} real histories of {steps} steps with {jobs} Jobs and {pods} pods in {seconds / 60:.1f} min, "
        f"{restarts:.0f} deaths of the operator in each; broken: {broken or 'none'}; skipped: {dict(skipped)}; "
        f"refused by the API server: {refused}"
    )
