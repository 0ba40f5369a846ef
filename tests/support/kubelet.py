"""The kubelet's part played by the test: pods that no node takes succeed at once, as a kubelet would tell it."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from support.api import Answer
from support.kube import Object
from support.lab import World

# No node has this label.
NOWHERE: Final = {"bench.example/node": "none"}


async def play_kubelet(world: World, done: Callable[[], bool]) -> None:
    """Let every pod of the namespace succeed at once, as a kubelet would tell it, until `done`."""
    told, gate, result = set[str](), asyncio.Semaphore(16), {"version": 1, "reason": "Succeeded", "results": {"n": 1}}
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    async def succeed(pod: Object) -> None:
        ended = {
            "exitCode": 0,
            "startedAt": now,
            "finishedAt": now,
            "reason": "Completed",
            "message": json.dumps(result),
        }
        names = [container["name"] for container in pod["spec"]["containers"]]
        states = [
            {"name": n, "state": {"terminated": ended}, "ready": False, "restartCount": 0, "image": "", "imageID": ""}
            for n in names
        ]
        status = {"status": {"phase": "Succeeded", "startTime": now, "containerStatuses": states}}
        async with gate:
            with suppress(Answer):
                await world.api.merge("pods", world.namespace, pod["metadata"]["name"], status, "/status")

    async with asyncio.TaskGroup() as group:
        while not done():
            for pod in [*world.records.all("pods", world.namespace)]:
                if pod["metadata"]["uid"] not in told:
                    told.add(pod["metadata"]["uid"])
                    group.create_task(succeed(pod))
            await asyncio.sleep(0.1)


def ended_runs(world: World) -> int:
    return sum(
        (o.get("status") or {}).get("phase") == "Succeeded" for o in world.records.all("mlrunruns", world.namespace)
    )
