"""What watching costs: memory for each finished run, processor time and delay for each event. Needs no cluster.

`PYTHONPATH=tests .venv/bin/python -m bench.watching 2000` plays an API server in a process of its own with so many
finished runs, each with its Job and its pod as a cluster has them, lets the operator's watches take them in, then
changes every run once.
"""

import asyncio
import gc
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from support.kubeapi import discovery
from support.ports import free_port

from mlrun_operator.api import constants
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import JOBS, PODS, RUNS
from mlrun_operator.cluster.watch_middleware import WatchMiddleware
from mlrun_operator.controller.background import BackgroundTasks
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.memory import trim_heap_loop
from mlrun_operator.controller.watch import build_registry, build_settings, watch
from mlrun_operator.controller.watch_monitor import WatchMonitor

Object = dict[str, Any]
_MANAGED = [{"manager": "x", "operation": "Update", "fieldsV1": {f"f:{n}": {} for n in range(60)}}]


def finished(n: int, version: int) -> dict[str, Object]:
    """Run, Job and pod, by their plurals."""
    meta = {"namespace": "team", "resourceVersion": str(version), "managedFields": _MANAGED}
    labels = {constants.LABEL_RUN_UID: f"uid-{n}", constants.LABEL_MANAGED_BY: constants.MANAGER}
    times = {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:00Z"}
    outputs = [{"name": f"o{k}", "kind": "artifact", "key": f"store://team/artifact/o{k}:{n}"} for k in range(3)]
    conditions = [{"type": kind, "status": "True", "reason": "Succeeded", "message": "x" * 60} for kind in "abcdef"]
    container = {"name": "main", "image": "wrapper", "env": [{"name": f"E{k}", "value": "v" * 20} for k in range(20)]}
    envelope = {"labels": labels, "annotations": {"envelope": "e" * 4000}}
    template = {"metadata": envelope, "spec": {"containers": [container]}}
    owner = {"kind": constants.RUN_KIND, "name": f"run-{n}", "uid": f"uid-{n}", "controller": True}
    ended = {"terminated": {"exitCode": 0, "message": "r" * 1500, "reason": "Completed"}}
    return {
        RUNS.plural: {
            "metadata": {**meta, "name": f"run-{n}", "uid": f"uid-{n}", "generation": 1},
            "spec": {"functionRef": {"name": "fn"}, "parameters": {f"p{k}": "v" * 20 for k in range(10)}},
            "status": {"phase": "Succeeded", "results": {"accuracy": n}, "outputs": outputs, "conditions": conditions},
        },
        JOBS.plural: {
            "metadata": {**meta, "name": f"job-{n}", "uid": f"job-{n}", "labels": labels, "ownerReferences": [owner]},
            "spec": {"suspend": False, "template": template},
            "status": {**times, "succeeded": 1, "conditions": conditions[:2]},
        },
        PODS.plural: {
            "metadata": {**meta, "name": f"pod-{n}", "uid": f"pod-{n}", **envelope},
            "spec": {**template["spec"], "nodeName": "node"},
            "status": {
                "phase": "Succeeded",
                "conditions": conditions[:4],
                "containerStatuses": [{"name": "main", "state": ended}],
            },
        },
    }


def serve(port: int, runs: int, go: Any) -> None:
    """Answer listings, and change every run once as soon as `go` is set; each event carries when it was sent."""

    async def answer(request: web.Request) -> web.StreamResponse:
        plural = request.path.rsplit("/", 1)[-1]
        if "namespaces" not in request.path:
            return web.json_response(discovery(request.path))
        if request.query.get("watch") != "true":
            start, size = int(request.query.get("continue", "0")), int(request.query["limit"])
            items = [o[plural] for n in range(start, min(start + size, runs)) if plural in (o := finished(n, n + 1))]
            more = {"continue": str(start + size)} if start + size < runs else {}
            return web.json_response({"metadata": {"resourceVersion": str(runs), **more}, "items": items})
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b"\n")
        while not go.is_set():  # noqa: ASYNC110 - set by another process
            await asyncio.sleep(0.05)
        for n in range(runs if plural == RUNS.plural else 0):
            obj = finished(n, runs + n + 1)[plural]
            obj["status"]["results"] = {"sent": time.time()}
            await response.write(json.dumps({"type": "MODIFIED", "object": obj}).encode() + b"\n")
            await asyncio.sleep(0.004)
        await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


def rss() -> float:
    """KiB."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - polled, so that nothing of it is measured
        await asyncio.sleep(0.1)


async def measure(url: str, runs: int, go: Any) -> None:
    delays: list[float] = []

    def heard(_: Any, obj: Object) -> None:
        if go.is_set():
            delays.append(time.time() - obj["status"]["results"]["sent"])

    index = Index()
    event_handler = WatchEventHandler(index, heard)
    async with aiohttp.ClientSession() as session:
        cluster = ApiClient(Connection(url, session, None))  # type: ignore[arg-type]
        watch_monitor = WatchMonitor(("team",), cluster, event_handler)
        watched = aiohttp.ClientSession(middlewares=(WatchMiddleware(watch_monitor),))
        tasks = BackgroundTasks(asyncio.Event())

        async def on_startup() -> None:
            tasks.add({**watch_monitor.resync_loops(600), "memory": trim_heap_loop(1)})
            tasks.start()
            await watch_monitor.synced.wait()

        registry = build_registry(Connection(url, watched, None), event_handler, on_startup, tasks.stop)  # type: ignore[arg-type]
        before, cpu = rss(), time.process_time()
        task = asyncio.create_task(watch(registry, build_settings(), ("team",), tasks.stopping))
        await until(lambda: None not in watch_monitor.idle_seconds().values())
        await asyncio.sleep(3)
        print(f"memory: {(rss() - before) / runs:.1f} KiB a finished run (process {rss() / 1024:.0f} MiB)")
        print(f"start: {(time.process_time() - cpu) * 1000 / (3 * runs):.2f} ms of processor an object, listed twice")
        cpu = time.process_time()
        go.set()
        await until(lambda: len(delays) >= runs)
        spent, delays = time.process_time() - cpu, sorted(delays)
        print(f"events: {spent * 1000 / runs:.2f} ms of processor an event")
        print(f"delay: p50 {delays[runs // 2] * 1000:.1f} ms, p99 {delays[runs * 99 // 100] * 1000:.1f} ms")
        print(f"memory after: {(rss() - before) / runs:.1f} KiB a finished run")
        tasks.stopping.set()
        await task
        await watched.close()


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    go, port = multiprocessing.Event(), free_port()
    server = multiprocessing.Process(target=serve, args=(port, runs, go), daemon=True)
    server.start()
    time.sleep(2)
    asyncio.run(measure(f"http://127.0.0.1:{port}", runs, go))
    server.kill()


if __name__ == "__main__":
    main()
