"""What is measured. Load is open-loop: it comes when it is due, whatever became of what came before."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from support.api import Answer, url
from support.kube import facts
from support.lab import World

from bench.contenders import Contender
from bench.report import Report

_PATIENCE: Final = 600.0


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def until(look: Callable[[], bool], what: str, seconds: float = _PATIENCE) -> None:
    """Ask now and then, so that asking costs nothing."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(0.2)


async def settled(count: Callable[[], int], seconds: float) -> None:
    """Wait until the number has stayed the same for that long."""
    before = -1
    while before != (now := count()):
        before = now
        await asyncio.sleep(seconds)


async def load(contender: Contender, prefix: str, count: int, rate: float | None) -> dict[str, float]:
    """Create `count` causes at `rate` a second, or at once; when each was due."""
    world, due, gate = contender.world, dict[str, float](), asyncio.Semaphore(64 if rate is None else count)
    begun = time.monotonic() + 0.1

    async def one(number: int) -> None:
        name = f"{prefix}-{number}"
        due[name] = begun + (number / rate if rate else 0)
        await asyncio.sleep(max(0.0, due[name] - time.monotonic()))
        async with gate:
            await world.api.create(contender.cause, world.namespace, contender.manifest(name))

    await asyncio.gather(*(one(number) for number in range(count)))
    return due


def effects(contender: Contender) -> dict[str, float]:
    """When the effect of each cause was first seen."""
    found: dict[str, float] = {}
    for event in contender.world.records.of(contender.world.namespace):
        if event.plural == contender.effect and event.type == "ADDED":
            owners = event.obj["metadata"].get("ownerReferences") or ()
            found.setdefault(next((o["name"] for o in owners if o.get("controller")), ""), event.at)
    return found


async def latencies(contender: Contender, prefix: str, count: int, rate: float | None) -> list[float]:
    """Seconds from when each cause was due to its effect."""
    due = await load(contender, prefix, count, rate)
    await until(lambda: len(effects(contender)) >= count, f"{contender.name}: {count} effects")
    seen = effects(contender)
    return [seen[name] - when for name, when in due.items()]


async def cleared(world: World) -> None:
    """Delete everything and wait until Kubernetes is done with that."""
    await settled(lambda: len(world.records.of(world.namespace)), 2)
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    deadline = time.monotonic() + _PATIENCE
    while left := [p for p in ("mlrunruns", "jobs") if any(world.records.all(p, world.namespace))]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{left} are still there after {_PATIENCE:.0f} s")
        for plural in left:
            with suppress(Answer):  # of thousands the API server deletes what it can in its minute
                await world.api.request("DELETE", url(plural, world.namespace), options)
        await asyncio.sleep(0.5)
    await until(lambda: not any(world.records.all("pods", world.namespace)), "all is deleted")
    world.records.forget(world.namespace)


async def restarted(contender: Contender, what: str, report: Report) -> None:
    """How long until it has caught up, by when its CPU comes to rest; and what it wrote."""
    before, begun = writes_of(contender.world), time.monotonic()
    contender.stop()
    await contender.start()
    assert contender.process is not None
    if contender.name == "ours":
        report.add(f"{what}: ready, s", contender.name, time.monotonic() - begun)
    last, rested = -1.0, 0
    while rested < 4:
        await asyncio.sleep(0.5)
        used = contender.process.cpu
        last, rested = used, rested + 1 if used - last < 0.05 else 0
    report.add(f"{what}: at rest, s", contender.name, time.monotonic() - begun - 2)
    report.add(f"{what}: CPU, s", contender.name, last)
    await asyncio.sleep(2)
    report.add(f"{what}: writes", contender.name, (writes_of(contender.world) - before).total())


def report_delays(world: World) -> list[float]:
    """Seconds from each Job's completion to its run's terminal status, as the watches showed them."""
    ended: dict[str, float] = {}
    told: dict[str, float] = {}
    for event in world.records.of(world.namespace):
        status, meta = event.obj.get("status") or {}, event.obj["metadata"]
        if event.plural == "jobs" and any(c["type"] == "Complete" for c in status.get("conditions") or ()):
            ended.setdefault(meta["ownerReferences"][0]["name"], event.at)
        if event.plural == "mlrunruns" and status.get("phase") == "Succeeded":
            told.setdefault(meta["name"], event.at)
    return [told[name] - when for name, when in ended.items() if name in told]


def writes_of(world: World) -> Counter[str]:
    """The writes of the world's service account by verb and resource, from the API server's audit log."""
    user, found = f"system:serviceaccount:{world.namespace}:mlrun-operator", Counter[str]()
    with Path(facts()["audit_log"]).open() as log:
        for line in log:
            if user in line and (entry := json.loads(line))["stage"] == "ResponseComplete":
                target: dict[str, Any] = entry["objectRef"]
                sub = f"/{target['subresource']}" if "subresource" in target else ""
                found[f"{entry['verb']} {target['resource']}{sub}"] += 1
    return found
