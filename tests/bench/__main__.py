"""`make bench`: every case for every contender, one after the other, and a table with ratios.

`BENCH_BURST` (1000) runs in a burst, `BENCH_SECONDS` (10) of load at each rate, `BENCH_PAST` (10000) finished runs that
an operator starts beside; `BENCH_ONLY=latency,burst` and `BENCH_WHO=ours,floor` choose. Each part is kept in
`BENCH_FILE` (`.cluster/bench.json`) when it is finished: a bench that was broken off goes on where it was; remove the
file to begin anew. The plot goes to `BENCH_PLOT`.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from support.kube import function, install_crds, run
from support.kubelet import ended_runs, play_kubelet
from support.lab import Lab, World, laboratory, scale_deployed

from bench.alone import diagnosis, failover, past, points
from bench.cases import cleared, latencies, load, percentile, report_delays, restarted, until, writes_of
from bench.contenders import NAMES, NOWHERE, Contender, Name
from bench.neighbours import binding_of, fairness, hostile
from bench.plot import draw
from bench.report import Report
from devcluster import processes

BURST: Final = int(os.environ.get("BENCH_BURST", "1000"))
SECONDS: Final = int(os.environ.get("BENCH_SECONDS", "10"))
RATES: Final = (5, 20, 50)
_MIB: Final = 1024 * 1024


async def latency(contender: Contender, report: Report) -> None:
    """Created → Job created, at several rates."""
    for rate in RATES:
        found = await latencies(contender, f"r{rate}", rate * SECONDS, rate)
        for share in (50, 90, 99):
            report.add(f"latency at {rate}/s p{share}, ms", contender.name, percentile(found, share / 100) * 1000)
        await cleared(contender.world)


async def burst(contender: Contender, report: Report) -> None:
    """As many as come, as fast as they are taken."""
    begun = time.monotonic()
    found = await latencies(contender, "b", BURST, None)
    report.add(f"burst of {BURST}, runs/min", contender.name, BURST / (time.monotonic() - begun) * 60)
    report.add(f"burst of {BURST}, p99 s", contender.name, percentile(found, 0.99))
    await cleared(contender.world)


async def undisturbed(contender: Contender, report: Report) -> None:
    """A burst while the controller manager rests: the API server's only other load is the creation of the runs."""
    if contender.process is None:
        return
    with processes.paused("kube-controller-manager"):
        begun = time.monotonic()
        await latencies(contender, "u", BURST, None)
        took = time.monotonic() - begun
        report.add(f"burst of {BURST} with no controller manager, runs/min", contender.name, BURST / took * 60)
        await cleared(contender.world)


async def finish(contender: Contender, report: Report) -> None:
    """Whole lives, with a played kubelet: reports, writes, memory, a restart, and doing nothing."""
    if contender.process is None:
        return
    world, process = contender.world, contender.process
    report.add("RSS before the first run of this case, MiB", contender.name, process.rss / _MIB)
    before, rss = writes_of(world), process.rss
    playing = asyncio.create_task(play_kubelet(world, lambda: ended_runs(world) >= BURST))
    begun = time.monotonic()
    await load(contender, "f", BURST, 20 if BURST <= 1000 else None)
    await until(lambda: ended_runs(world) >= BURST, f"{contender.name}: {BURST} ended")
    await playing
    await asyncio.sleep(3)
    report.add(f"{BURST} whole lives, runs/min", contender.name, BURST / (time.monotonic() - begun) * 60)
    for share in (50, 99):
        delay = percentile(report_delays(world), share / 100) * 1000
        report.add(f"Job complete → terminal status p{share}, ms", contender.name, delay)
    _tell_writes(contender, writes_of(world) - before, report)
    await _idle(contender, report)
    report.add(f"RSS with {BURST} finished, MiB", contender.name, process.rss / _MIB)
    report.add("RSS a finished run, KiB", contender.name, (process.rss - rss) / 1024 / BURST)
    await restarted(contender, f"restart with {BURST} finished", report)
    await cleared(world)


def _tell_writes(contender: Contender, writes: Counter[str], report: Report) -> None:
    report.add("writes a run", contender.name, writes.total() / BURST)
    events = sum(count for what, count in writes.items() if "events" in what)
    report.add("object writes a run (no events)", contender.name, (writes.total() - events) / BURST)
    told = ", ".join(f"{what} {count / BURST:.2f}" for what, count in writes.most_common())
    report.note(f"{contender.name}: writes a run: {told}")


async def _idle(contender: Contender, report: Report) -> None:
    assert contender.process is not None
    cpu, begun = contender.process.cpu, time.monotonic()
    await asyncio.sleep(25)
    used = (contender.process.cpu - cpu) / (time.monotonic() - begun) * 100
    report.add(f"idle CPU with {BURST} finished, %", contender.name, used)


async def schedules(contender: Contender, report: Report) -> None:
    """As many schedules as a burst has runs, all due in one minute: how late the controller fires, and we follow."""
    if contender.name != "ours":
        return
    world = contender.world
    slot = datetime.fromtimestamp((time.time() // 60 + 2 + BURST // 1500) * 60, UTC)
    for begin in range(0, BURST, 64):
        some = (f"s-{number}" for number in range(begin, min(begin + 64, BURST)))
        spec = {"schedule": f"{slot.minute} {slot.hour} * * *", "nodeSelector": NOWHERE}
        await world.apply(*(run(name, "fn", **spec) for name in some))
    report.note(f"{BURST} schedules were set up {(slot.timestamp() - time.time()):.0f} s before they were due")
    due = time.monotonic() + slot.timestamp() - time.time()
    await until(lambda: len(_added(world, "mlrunruns")) >= BURST, f"{BURST} firings", 300)
    fired, made = _added(world, "jobs"), _added(world, "mlrunruns")
    for share in (50, 99):
        late = percentile([at - due for at in fired.values()], share / 100)
        report.add(f"{BURST} schedules: slot → Job p{share}, s", contender.name, late)
        follow = percentile([made[name] - at for name, at in fired.items() if name in made], share / 100)
        report.add(f"{BURST} schedules: Job → run p{share}, s", contender.name, follow)
    await cleared(world)


def _added(world: World, plural: str) -> dict[str, float]:
    """When each fired object was first seen, by its name."""
    found: dict[str, float] = {}
    for event in world.records.of(world.namespace):
        if event.plural == plural and event.type == "ADDED" and event.obj["metadata"].get("ownerReferences"):
            found.setdefault(event.obj["metadata"]["name"], event.at)
    return found


CASES: Final[dict[str, Callable[[Contender, Report], Awaitable[None]]]] = {
    "latency": latency,
    "burst": burst,
    "undisturbed": undisturbed,
    "finish": finish,
    "schedules": schedules,
}


@asynccontextmanager
async def _all_rights(world: World) -> AsyncIterator[None]:
    """The usual design asks for namespaces and CRDs and writes where ours never does."""
    account = {"kind": "ServiceAccount", "name": "mlrun-operator", "namespace": world.namespace}
    bound = {**binding_of("ClusterRole", "cluster-admin", account), "kind": "ClusterRoleBinding"}
    bound["metadata"] = {"name": world.namespace}
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    await world.api.request("POST", path, bound)
    try:
        yield
    finally:
        await world.api.request("DELETE", f"{path}/{world.namespace}")


async def compare(names: list[Name], cases: list[str], report: Report) -> None:
    """Every case for every contender, each in a namespace of its own."""
    install_crds()
    async with laboratory() as lab:
        try:
            for case in cases:
                for name in names:
                    await _measure(lab, case, name, report)
            for case in (case for case in ALONE if case in cases and "ours" in names):
                await _measure_alone(lab, case, report)
        finally:
            await scale_deployed(lab.api, 1)


ALONE: Final[dict[str, Callable[[Lab, Report], Awaitable[None]]]] = {
    "fairness": partial(fairness, burst=BURST),
    "hostile": hostile,
    "failover": failover,
    "diagnosis": diagnosis,
    "points": points,
    "past": past,
}


async def _measure_alone(lab: Lab, case: str, report: Report) -> None:
    """A case of ours only, in worlds of its own."""
    part = f"{case}: ours"
    if report.has(part):
        return
    print(f"# {part}", file=sys.stderr, flush=True)
    try:
        await ALONE[case](lab, report)
        report.done(part)
    except TimeoutError as error:
        report.note(f"ours, {case}: {error}")


async def _measure(lab: Lab, case: str, name: Name, report: Report) -> None:
    part = f"{case}: {name}"
    if case not in CASES or report.has(part):
        return
    async with lab.world() as world:
        await world.apply(function("fn"))
        contender = Contender(name, world)
        async with _all_rights(world) if name in ("floor", "usual") else nullcontext():
            await contender.start()
            try:
                print(f"# {part}", file=sys.stderr, flush=True)
                await CASES[case](contender, report)
                report.done(part)
            except TimeoutError as error:
                report.note(f"{name}, {case}: {error}")
                with suppress(OSError):
                    print(world.log.read_text()[-3000:], file=sys.stderr)
            finally:
                contender.stop()


if __name__ == "__main__":
    wanted = os.environ.get("BENCH_ONLY", ",".join((*CASES, *ALONE))).split(",")
    who: list[Any] = os.environ.get("BENCH_WHO", ",".join(NAMES)).split(",")
    if unknown := {*who} - {*NAMES} | {*wanted} - {*CASES, *ALONE}:
        known = f"who: {', '.join(NAMES)}; cases: {', '.join((*CASES, *ALONE))}"
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; {known}")
    made = Report(NAMES, Path(os.environ.get("BENCH_FILE", ".cluster/bench.json")))
    try:
        asyncio.run(compare(who, wanted, made))
    finally:
        print(made.text())
        draw(made, Path(os.environ.get("BENCH_PLOT", ".cluster/bench.svg")))
