"""The floor, for comparison: a bare asynchronous loop that issues the same writes as ours and decides nothing.

A new run: the Job, a status, an event. A Job that has ended: a status, an event. `JOB_TEMPLATE`, `NAMESPACE`, and the
kube context of `KUBECONFIG` with a token.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from support.api import lines, tls_of, url

CONFIG = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
SERVER = CONFIG["clusters"][0]["cluster"]["server"]
NAMESPACE = os.environ["NAMESPACE"]
TEMPLATE = json.loads(Path(os.environ["JOB_TEMPLATE"]).read_text())
RUN = {"apiVersion": "mlrun-operator.dev/v1alpha1", "kind": "MlrunRun"}


async def send(session: aiohttp.ClientSession, verb: str, path: str, body: Any) -> None:
    async with session.request(verb, SERVER + path, json=body) as answer:
        await answer.read()


async def started(session: aiohttp.ClientSession, gate: asyncio.Semaphore, meta: Any) -> None:
    owner = {**RUN, "name": meta["name"], "uid": meta["uid"], "controller": True}
    made = {"name": f"{meta['name']}-1", "ownerReferences": [owner], "labels": {"floor-run": meta["name"]}}
    async with gate:
        await send(session, "POST", url("jobs", NAMESPACE), {**TEMPLATE, "metadata": made})
        await report(session, meta["name"], "Pending", meta["uid"])


async def report(session: aiohttp.ClientSession, name: str, phase: str, uid: str) -> None:
    patch = json.dumps({"status": {"phase": phase}})
    path, kind = url("mlrunruns", NAMESPACE, name) + "/status", {"Content-Type": "application/merge-patch+json"}
    async with session.patch(SERVER + path, data=patch, headers=kind) as answer:
        await answer.read()
    event = {
        "metadata": {"name": f"{name}.{phase.lower()}.{uid[:8]}", "namespace": NAMESPACE},
        "involvedObject": {**RUN, "name": name, "namespace": NAMESPACE, "uid": uid},
        "reason": phase,
        "type": "Normal",
        "message": phase,
    }
    await send(session, "POST", url("events", NAMESPACE), event)


async def finished(session: aiohttp.ClientSession, gate: asyncio.Semaphore, meta: Any) -> None:
    async with gate:
        await report(session, meta["labels"]["floor-run"], "Succeeded", meta["ownerReferences"][0]["uid"])


async def follow(session: aiohttp.ClientSession, plural: str, group: asyncio.TaskGroup) -> None:
    gate, seen = asyncio.Semaphore(16), set[str]()
    params, timeout = {"watch": "true", "timeoutSeconds": "7200"}, aiohttp.ClientTimeout(total=None)
    async with session.get(SERVER + url(plural, NAMESPACE), params=params, timeout=timeout) as answer:
        async for line in lines(answer.content):
            event = json.loads(line)
            meta = event["object"]["metadata"]
            due = plural == "mlrunruns" or event["object"].get("status", {}).get("succeeded")
            if due and event["type"] != "DELETED" and meta["uid"] not in seen:
                seen.add(meta["uid"])
                group.create_task((started if plural == "mlrunruns" else finished)(session, gate, meta))


async def main() -> None:
    headers = {"Authorization": f"Bearer {CONFIG['users'][0]['user']['token']}"}
    connector = aiohttp.TCPConnector(ssl=tls_of(CONFIG), limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session, asyncio.TaskGroup() as group:
        for plural in ("mlrunruns", "jobs"):
            group.create_task(follow(session, plural, group))


asyncio.run(main())
