"""`python -m bench_sdk`: figures of the SDK on the development cluster, as a table."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from support.api import admin
from support.kube import Kube, fresh_namespace

import mlrun_operator as dh
from mlrun_operator import aio

_SUBMISSIONS: Final = 200
_WAITS: Final = 60
_LINES: Final = 100
_SLEEPER: Final = f"""
import time
def handler(context):
    for _ in range({_LINES}):
        print("at", time.time(), flush=True)
        time.sleep(0.05)
"""


def percentiles(values: list[float]) -> str:
    ordered = sorted(values)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
    return f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms ({len(ordered)})"


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    begun = time.monotonic()
    await work()
    return time.monotonic() - begun


async def submissions(function: aio.AsyncFunction) -> tuple[float, float]:
    """Runs a second: one after the other, and 16 at a time. They are suspended, so that only the API server works."""

    async def one() -> None:
        await function.run(suspend=True)

    gate = asyncio.Semaphore(16)

    async def gated() -> None:
        async with gate:
            await one()

    async def in_turn() -> None:
        for _ in range(_SUBMISSIONS // 4):
            await one()

    async def together() -> None:
        await asyncio.gather(*(gated() for _ in range(_SUBMISSIONS)))

    return _SUBMISSIONS // 4 / await timed(in_turn), _SUBMISSIONS / await timed(together)


async def notifications(kube: Kube, function: aio.AsyncFunction) -> list[float]:
    """From the API server's answer to the terminal status until `wait` has returned."""
    delays: list[float] = []
    async with admin() as api:
        for _ in range(_WAITS):
            run = await function.run(suspend=True)
            waiting = asyncio.create_task(run.wait(30))
            await asyncio.sleep(0.15)
            status = {"phase": "Succeeded", "reason": "Succeeded", "observedGeneration": 1}
            await api.merge("mlrunruns", kube.namespace, run.object_name, {"status": status}, "/status")
            answered = time.monotonic()
            await waiting
            delays.append(max(0.0, time.monotonic() - answered))
    return delays


async def log_delays(function: aio.AsyncFunction) -> list[float]:
    """From a line's print in the pod until it is here; the node has this machine's clock."""
    run = await function.run()
    delays = []
    async for line in run.logs(follow=True):
        if line.startswith("at "):
            delays.append(time.time() - float(line.split()[1]))
    return delays


async def bench(kube: Kube) -> None:
    await aio.connect(kubeconfig=kube.kubeconfig, namespace=kube.namespace, quiet=True)
    try:
        function = await aio.new_function("bench", source={"code": _SLEEPER}, handler="handler")
        in_turn, together = await submissions(function)
        print(f"submissions, one after the other   {in_turn:.0f} a second")
        print(f"submissions, 16 at a time          {together:.0f} a second")
        print(f"wait returns after the status      {percentiles(await notifications(kube, function))}")
        print(f"a log line comes after its print   {percentiles(await log_delays(function))}")
    finally:
        await aio.disconnect()


def blocking_cost() -> None:
    begun, number = time.monotonic(), 2000
    for _ in range(number):
        dh.get_or_create_project("bench")
    print(f"a blocking call's own cost         {(time.monotonic() - begun) / number * 1e6:.0f} µs")


def main() -> None:
    with fresh_namespace("bench-sdk") as kube:
        asyncio.run(bench(kube))
        dh.connect(kubeconfig=kube.kubeconfig, namespace=kube.namespace, quiet=True)
        blocking_cost()
        dh.disconnect()


if __name__ == "__main__":
    main()
