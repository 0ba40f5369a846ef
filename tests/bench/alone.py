"""Cases of ours alone: the leader dies, pods that hang are explained, a sweep of many points."""

import asyncio
import json
import os
import re
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

from support.api import Answer, Records
from support.kube import Object, function, run
from support.kubelet import NOWHERE, ended_runs, play_kubelet
from support.lab import Lab, World
from support.ports import free_port

from bench.cases import cleared, restarted, until, writes_of
from bench.contenders import Contender
from bench.report import Report
from mlrun_operator.assess.times import format_time

_DEATHS: Final = 3
_POINTS: Final = 200
_PAST: Final = int(os.environ.get("BENCH_PAST", "10000"))
# What Kubernetes tells of a pod that cannot start.
_TELLING: Final = ("FailedMount", "FailedCreate", "FailedScheduling", "Failed")
_MOUNT: Final = {"name": "v", "mountPath": "/v"}
HANGING: Final[dict[str, Object]] = {
    "SecretMissing": {"secrets": ["no-such"]},
    "ConfigMapMissing": {"volumes": [{**_MOUNT, "configMap": {"name": "nope"}}]},
    "VolumeMissing": {"volumes": [{**_MOUNT, "persistentVolumeClaim": {"claimName": "nope"}}]},
    "Unschedulable": {"nodeSelector": NOWHERE},
    "AdmissionDenied": {"serviceAccountName": "nobody"},
}


async def failover(lab: Lab, report: Report) -> None:
    """Seconds from the leader's SIGKILL to the Job that its standby makes of a run which came at that moment."""
    async with lab.world() as world:
        await world.apply(function("fn"))
        lease = {"MLRUN_OPERATOR_LEASE_NAMESPACE": world.namespace}
        leader = Contender("ours", world)
        await leader.start(**lease)
        took = []
        try:
            for number in range(_DEATHS):
                world.port = free_port()
                standby = Contender("ours", world)
                await standby.start(**lease)
                leader.stop()
                leader, killed = standby, time.monotonic()
                name = f"after-{number}"
                await world.apply(run(name, "fn", nodeSelector=NOWHERE))
                await until(lambda name=name: _job_of(world, name) is not None, "the standby's first write", 60)  # type: ignore[misc]
                took.append((_job_of(world, name) or 0.0) - killed)
            report.add(f"failover, middle of {_DEATHS}, s", "ours", median(took))
            report.add(f"failover, slowest of {_DEATHS}, s", "ours", max(took))
            await cleared(world)
        finally:
            leader.stop()


def _job_of(world: World, name: str) -> float | None:
    """When the run's Job was first seen."""
    for event in world.records.of(world.namespace):
        owners = event.obj["metadata"].get("ownerReferences") or ()
        if event.plural == "jobs" and any(owner["name"] == name for owner in owners):
            return event.at
    return None


async def diagnosis(lab: Lab, report: Report) -> None:
    """Seconds from Kubernetes' own first word about a pod that cannot start to the run's reason, one run a cause."""
    async with lab.world() as world, Records(lab.api, ("events",)).kept() as heard:
        await world.apply(function("fn"))
        ours = Contender("ours", world)
        await ours.start()
        try:
            for reason, spec in HANGING.items():
                await world.apply(run(reason.lower(), "fn", **spec))
            await until(lambda: len(_explained(world)) == len(HANGING), "every cause is told", 120)
            told, known = _explained(world), _known(world, heard)
            for reason in HANGING:
                report.add(f"cause known → told: {reason}, s", "ours", told[reason] - known[reason.lower()])
            await cleared(world)
        finally:
            ours.stop()


def _explained(world: World) -> dict[str, float]:
    """When each run's reason was first seen to be the one that it should be."""
    found: dict[str, float] = {}
    for event in world.records.of(world.namespace):
        reason = (event.obj.get("status") or {}).get("reason", "")
        if event.plural == "mlrunruns" and event.obj["metadata"]["name"] == reason.lower():
            found.setdefault(reason, event.at)
    return found


def _known(world: World, heard: Records) -> dict[str, float]:
    """When Kubernetes first said, in an event or in a pod's status, what is wrong with each run's Job or pod."""
    said: dict[str, float] = {}
    for event in heard.of(world.namespace):
        if event.obj["reason"] in _TELLING and event.obj["involvedObject"]["kind"] in ("Pod", "Job"):
            _first(said, event.obj["involvedObject"]["name"], event.at)
    for event in world.records.of(world.namespace):
        status = event.obj.get("status") or {}
        unscheduled = any(c.get("reason") == "Unschedulable" for c in status.get("conditions") or ())
        states = [c.get("state") or {} for c in status.get("containerStatuses") or ()]
        words = [(state.get("waiting") or {}).get("message") for state in states]
        if event.plural == "pods" and (unscheduled or any(words)):
            _first(said, event.obj["metadata"]["name"], event.at)
    return said


def _first(said: dict[str, float], obj: str, at: float) -> None:
    run_name = obj.split("-", 1)[0]
    said[run_name] = min(at, said.get(run_name, at))


async def points(lab: Lab, report: Report) -> None:
    """A sweep that fans out, its pods played to their ends: what the operator writes for each point."""
    async with lab.world() as world:
        await world.apply(function("fn"))
        ours = Contender("ours", world)
        await ours.start()
        try:
            before, begun = writes_of(world), time.monotonic()
            playing = asyncio.create_task(play_kubelet(world, lambda: _ended(world, "many")))
            grid = {"params": {"p": [*range(_POINTS)]}, "placement": "FanOut", "parallelism": _POINTS}
            await world.apply(run("many", "fn", nodeSelector=NOWHERE, hyperparameters=grid))
            await until(lambda: _ended(world, "many"), f"{_POINTS} points ended", 300)
            took = time.monotonic() - begun
            await playing
            await asyncio.sleep(2)
            writes = (writes_of(world) - before).total()
            report.add(f"a fan-out of {_POINTS} points: from its creation to Succeeded, s", "ours", took)
            report.add(f"a fan-out of {_POINTS} points: API writes a point", "ours", writes / _POINTS)
            await cleared(world)
        except Answer as error:
            report.note(f"a fan-out of {_POINTS} points: {error}")
        finally:
            ours.stop()


async def past(lab: Lab, report: Report) -> None:
    """An operator starts beside many finished runs, whose Jobs their TTL has deleted."""
    async with lab.world() as world:
        await world.apply(function("fn"))
        ours = Contender("ours", world)
        await ours.start()
        try:
            await world.apply(ours.manifest("first"))
            await play_kubelet(world, lambda: _ended(world, "first"))
            ours.stop()
            await _copied(world, ours, _PAST - 1)
            await restarted(ours, f"start beside {_PAST} finished", report)
            assert ours.process is not None
            report.add(f"start beside {_PAST} finished: RSS, MiB", "ours", ours.process.rss / 2**20)
            ours.stop()
            await cleared(world)
        finally:
            ours.stop()


async def _copied(world: World, ours: Contender, count: int) -> None:
    """So many runs more that have ended as the first one has, but yesterday: their events are gone, too."""
    yesterday = format_time(datetime.now(UTC) - timedelta(days=1))
    status = json.loads(re.sub(r'"\d{4}-\d\d-\d\dT[\d:]+Z"', f'"{yesterday}"', json.dumps(world.status("first"))))
    gate = asyncio.Semaphore(64)

    async def one(name: str) -> None:
        async with gate:
            await world.apply(ours.manifest(name))
            await world.api.merge("mlrunruns", world.namespace, name, {"status": status}, "/status")

    await asyncio.gather(*(one(f"past-{number}") for number in range(count)))
    await until(lambda: ended_runs(world) > count, f"{count} copies are seen")


def _ended(world: World, name: str) -> bool:
    return world.status(name).get("phase") in ("Succeeded", "Failed")
