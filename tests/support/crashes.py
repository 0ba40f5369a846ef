"""The operator dies at its k-th request, is started again, and everything must be as if it had not."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from support.invariants import untold, violations, written_by_others
from support.lab import Lab, World
from support.scenarios import SCENARIOS

# A machine's share of worlds at once.
AT_ONCE: Final = 6
_TRIES: Final = 4
# Seconds in which even a busy machine has restarted an operator that died.
_SETTLING: Final = 40


@dataclass(frozen=True, slots=True)
class Point:
    """Where the operator dies: at the k-th request, before it is sent or after its answer. k = 0: nowhere."""

    scenario: str
    k: int = 0
    when: str = "after"

    def __str__(self) -> str:
        return f"{self.scenario}, {self.when} request {self.k}" if self.k else f"{self.scenario}, undisturbed"


@dataclass(slots=True)
class Outcome:
    """What came of it. `requests` are those until the death; `died` is false where there were too few.

    `disturbed` is an outcome that says nothing: another operator wrote, too.
    """

    point: Point
    requests: list[str] = field(default_factory=list)
    died: bool = False
    disturbed: bool = False
    broken: list[str] = field(default_factory=list)


async def survive(lab: Lab, point: Point) -> Outcome:
    """Play the scenario in a world of its own and check everything; again where a deployed operator joined in."""
    for _ in range(_TRIES):
        outcome = await _once(lab, point)
        if not outcome.disturbed:
            break
    return outcome


async def _once(lab: Lab, point: Point) -> Outcome:
    outcome = Outcome(point)
    async with lab.world() as world:
        keeper = asyncio.create_task(_keep_running(world, outcome))
        try:
            await SCENARIOS[point.scenario](world)
            await _settle(world)
        except Exception as error:
            outcome.broken.append(f"{type(error).__name__}: {error}")
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        requests = world.requests()
        outcome.requests = outcome.requests or [" ".join(request) for request in requests]
        outcome.disturbed = written_by_others(lab.records.of(world.namespace), requests)
        outcome.broken += violations(lab.records.of(world.namespace), world.namespace, requests)
        outcome.broken += await _quiet_after_restart(world)
        outcome.broken += await _untold(world)
        if outcome.broken:
            outcome.broken += [" ".join(r) for r in requests] + world.log.read_text().splitlines()[-40:]
    return outcome


async def _keep_running(world: World, outcome: Outcome) -> None:
    """The kubelet's part: what dies is started again."""
    point = outcome.point
    child = await world.start(CRASH_AT=str(point.k), CRASH_WHEN=point.when)
    while True:
        await child.ended()
        if outcome.died or not point.k:
            outcome.broken.append("the operator ended by itself")
            return
        outcome.died, outcome.requests = True, [" ".join(request) for request in world.requests()]
        child = await world.start()


async def _settle(world: World) -> None:
    """Wait until every event is posted that must be, and no request comes for two seconds."""
    with suppress(TimeoutError):  # what is still untold then is found at the end
        async with asyncio.timeout(_SETTLING):
            before = -1
            while before != (now := len(world.requests())) or await _untold(world):
                before = now
                await asyncio.sleep(2)


async def _untold(world: World) -> list[str]:
    return untold(world.records.of(world.namespace), await world.api.all("events", world.namespace))


async def _quiet_after_restart(world: World) -> list[str]:
    """Nothing has changed: an operator that starts now has nothing to write."""
    await world.kill()
    before = len(world.requests())
    await world.start()
    try:
        await world.ready()
    except TimeoutError:
        return ["not ready within 30 s of its restart"]
    await asyncio.sleep(1)
    return [f"wrote though nothing had changed: {v} {u} {c}" for v, u, c in world.requests()[before:] if v != "GET"]


async def all_of(lab: Lab, points: Iterable[Point], told: Callable[[Outcome], None] = lambda _: None) -> list[Outcome]:
    """Survive every point, a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(point: Point) -> Outcome:
        async with gate:
            outcome = await survive(lab, point)
        told(outcome)
        return outcome

    return await asyncio.gather(*(one(point) for point in points))


def points_of(undisturbed: Outcome) -> list[Point]:
    """Every point of a scenario, by the number of requests that it takes undisturbed."""
    scenario = undisturbed.point.scenario
    return [Point(scenario, k, when) for k in range(1, len(undisturbed.requests) + 1) for when in ("before", "after")]


def table(outcomes: Iterable[Outcome]) -> str:
    """Scenario by scenario: points, deaths, passed."""
    rows: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        rows.setdefault(outcome.point.scenario, []).append(outcome)
    lines = [f"{'scenario':<12}{'points':>8}{'died':>8}{'passed':>8}"]
    total = [o for row in rows.values() for o in row]
    for name, row in [*sorted(rows.items()), ("all", total)]:
        counts = (len(row), sum(o.died for o in row), sum(not o.broken for o in row))
        lines.append(f"{name:<12}" + "".join(f"{count:>8}" for count in counts))
    return "\n".join(lines)
