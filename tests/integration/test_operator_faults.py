"""Whatever goes wrong between the operator and the API server: it comes back by itself, and nothing is wrong then."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from support.faultproxy import Fault, FaultProxy, Kind, fault_proxy
from support.invariants import violations, written_by_others
from support.kube import Object, function, hourly, run
from support.lab import World, laboratory

Play = Callable[[World, FaultProxy], Awaitable[None]]


class DisturbedError(Exception):
    """Statuses changed that this operator did not write."""


async def _endured(folder: Path, play: Play) -> None:
    """Play it through the proxy, then check that nothing was broken and that a last run works."""
    async with laboratory() as lab, fault_proxy(folder) as proxy, lab.world() as world:
        world.go_through(proxy.server, proxy.trust)
        child = await world.start()
        await world.ready()
        await world.apply(function("fn"))
        try:
            await play(world, proxy)
            proxy.heal()
            await world.apply(run("last", parameters={"results": {"kept": 1}}))
            assert (await world.reaches("last", "Succeeded"))["results"]["kept"] == 1
        except (AssertionError, KeyError) as error:
            if written_by_others(lab.records.of(world.namespace), world.requests()):
                raise DisturbedError from error
            raise AssertionError(f"{error}\n{world.log.read_text()[-6000:]}") from None
        assert child.alive, "the operator ended by itself"
        requests = [request for request in world.requests() if request[2] != "403"]
        assert violations(lab.records.of(world.namespace), world.namespace, requests) == []


def _outlive(folder: Path, play: Play) -> None:
    """Once more where an operator that somebody deployed meanwhile took part."""
    try:
        asyncio.run(_endured(folder, play))
    except* DisturbedError:
        asyncio.run(_endured(folder, play))


async def _finishes(world: World, name: str, seconds: float = 90) -> None:
    status = await world.reaches(name, "Succeeded", seconds=seconds)
    assert status["results"]["kept"] == 1


def _job(name: str, **parameters: object) -> Object:
    return run(name, parameters={"results": {"kept": 1}, **parameters})


# The long one belongs to `make prove`.
@pytest.mark.parametrize("seconds", [5, 60] if os.environ.get("PROVE") else [5])
def test_an_outage(tmp_path: Path, seconds: float) -> None:
    async def play(world: World, proxy: FaultProxy) -> None:
        await world.apply(_job("before", sleep=2))
        await world.reaches("before", "Running")
        await proxy.refuse()
        await world.apply(_job("meanwhile"))
        await asyncio.sleep(seconds)
        await proxy.open()
        await _finishes(world, "before", 120)
        await _finishes(world, "meanwhile", 120)

    _outlive(tmp_path, play)


@pytest.mark.parametrize(
    ("code", "reason", "headers"),
    [
        (429, "TooManyRequests", {"Retry-After": "1"}),
        (500, "InternalError", {}),
        (503, "ServiceUnavailable", {}),
        (409, "Conflict", {}),
        (404, "NotFound", {}),
        (403, "Forbidden", {}),
        (401, "Unauthorized", {}),
    ],
)
def test_writes_are_answered_with_an_error_for_a_while(
    tmp_path: Path, code: int, reason: str, headers: dict[str, str]
) -> None:
    async def play(world: World, proxy: FaultProxy) -> None:
        writes = ("POST", "PUT", "PATCH", "DELETE")
        proxy.breaks(Fault("answer", writes, code=code, reason=reason, headers=headers, times=3))
        await world.apply(_job("refused", sleep=1))
        await _finishes(world, "refused")
        assert proxy.hits >= 3

    _outlive(tmp_path, play)


@pytest.mark.parametrize("kind", ["gone", "gone in stream"])
def test_a_watch_is_gone_while_objects_were_deleted(tmp_path: Path, kind: Kind) -> None:
    async def play(world: World, proxy: FaultProxy) -> None:
        await world.apply(_job("lost", sleep=60), _job("stays", sleep=60))
        await world.reaches("lost", "Running")
        await world.reaches("stays", "Running")
        proxy.breaks(Fault("stall", ("GET",)))
        await world.remove("lost")
        await world.api.delete("jobs", world.namespace, world.status("stays")["jobName"])
        await world.gone("jobs")
        proxy.breaks(Fault(kind, ("GET",), times=4))
        assert (await world.reaches("stays", "Failed"))["reason"] == "JobDeleted"
        await world.apply(_job("lost"))
        await _finishes(world, "lost")

    _outlive(tmp_path, play)


def test_a_watch_goes_on_after_every_refusal(tmp_path: Path) -> None:
    async def play(world: World, proxy: FaultProxy) -> None:
        for code in (403, 404):
            proxy.breaks(Fault("answer", ("GET",), path="/mlrunruns", code=code, reason="Told"))
            proxy.drop_connections()
            await proxy.hit(4)
            proxy.heal()
            await world.apply(_job(f"after-{code}"))
            await _finishes(world, f"after-{code}")
        proxy.breaks(Fault("gone in stream", ("GET",), path="/mlrunruns", code=500, times=2))
        await world.apply(_job("after"))
        await _finishes(world, "after")

    _outlive(tmp_path, play)


@pytest.mark.parametrize("kind", ["abort", "half-close", "stall"])
def test_connections_that_die_in_their_own_way(tmp_path: Path, kind: Kind) -> None:
    async def play(world: World, proxy: FaultProxy) -> None:
        await world.apply(_job("before", sleep=2))
        await world.reaches("before", "Running")
        proxy.breaks(Fault(kind))
        await world.apply(_job("meanwhile"))
        await asyncio.sleep(4)
        proxy.heal()
        await _finishes(world, "before")
        await _finishes(world, "meanwhile")

    _outlive(tmp_path, play)


@pytest.mark.parametrize("kind", ["double", "delay"])
def test_events_that_come_twice_or_late(tmp_path: Path, kind: Kind) -> None:
    async def play(world: World, proxy: FaultProxy) -> None:
        proxy.breaks(Fault(kind, ("GET",)))
        proxy.drop_connections()
        await world.apply(*(_job(f"r{n}") for n in range(3)))
        for n in range(3):
            await _finishes(world, f"r{n}")
        await world.edit("r0", rerun="again")
        await world.reaches("r0", "Succeeded", execution=2)

    _outlive(tmp_path, play)


FOR_A_WHILE: Final = {
    "outage": None,
    "writes refused": Fault("answer", ("POST", "PUT", "PATCH", "DELETE"), code=500, reason="InternalError"),
    "gone": Fault("gone in stream", ("GET",)),
    "stall": Fault("stall", ("GET",)),
    "double": Fault("double", ("GET",)),
    "delay": Fault("delay", ("GET",)),
}


@asynccontextmanager
async def _broken(proxy: FaultProxy, fault: Fault | None) -> AsyncIterator[None]:
    """With the fault on every watch and request that it meets; None: nobody listens."""
    if fault is None:
        await proxy.refuse()
    else:
        proxy.breaks(fault)
        proxy.drop_connections()
    yield
    if fault is None:
        await proxy.open()
    proxy.heal()


@pytest.mark.parametrize("fault", FOR_A_WHILE.values(), ids=FOR_A_WHILE)
def test_schedules_sweeps_and_replicas_outlive_them_too(tmp_path: Path, fault: Fault | None) -> None:
    best = {"points": 3, "succeeded": 3, "best": {"iteration": 3, "parameters": {"p": 3}}}
    swept = {"sleep": 2, "collect": {"sweep": best, "results": {"kept": 1}}}
    grid = {"params": {"p": [1, 2, 3]}, "placement": "FanOut"}
    day = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T03:00:00Z", "parallelism": 2}
    yearly = {"schedule": "@yearly", "successfulRunsHistoryLimit": 1, "parameters": {"results": {"kept": 1}}}
    past = {**yearly, "schedule": hourly(), "backfill": day}

    async def play(world: World, proxy: FaultProxy) -> None:
        await world.apply(run("fires", **yearly))
        await world.says("fires", "Scheduled")
        await world.fire("fires", 29_000_001)
        await world.apply(run("swept", parameters=swept, hyperparameters=grid), run("past", **past))
        await world.apply(run("three", parameters={"sleep": 2, "results": {"kept": 1}}, replicas=3))
        await world.reaches("swept", "Running")
        async with _broken(proxy, fault):
            await world.fire("fires", 29_000_002)
            await asyncio.sleep(5)
        assert (await world.reaches("swept", "Succeeded", seconds=150))["sweep"]["progress"] == "3/3"
        assert (await world.reaches("three", "Succeeded", seconds=150))["replicaCounts"]["succeeded"] == 3
        await world.reports("fires", lambda told: told.get("succeeded") == 2, 150)
        told = await world.reports("past", lambda told: told.get("backfill", {}).get("completionTime"), 150)
        assert told["backfill"]["progress"] == "3/3"

    _outlive(tmp_path, play)
