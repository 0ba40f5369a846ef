"""A node that nobody serves: ready, as its Lease says, and only for pods of histories."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import aiohttp
from support.api import MERGE, Answer, Api
from support.kube import Object

_LABEL: Final = "histories.example/node"
_HEARTBEAT_SECONDS: Final = 8
_LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
# After SIGTERM; a pod is presumed lost 30 s later.
GRACE_SECONDS: Final = 4


@asynccontextmanager
async def played_node(api: Api) -> AsyncIterator[str]:
    """The name of a node whose kubelet the test plays; gone afterwards."""
    name = f"histories-{uuid4().hex[:8]}"
    await api.request("POST", "/api/v1/nodes", _node(name))
    await api.request("PATCH", f"/api/v1/nodes/{name}/status", _ready(), MERGE)
    await api.request("POST", _LEASES, _lease(name))
    heart = asyncio.create_task(_beat(api, name))
    try:
        yield name
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        await api.request("DELETE", f"/api/v1/nodes/{name}")
        with suppress(Answer):  # its owner is gone
            await api.request("DELETE", f"{_LEASES}/{name}")


def run_defaults(node: str) -> str:
    """The operator's setting that brings the pods of all runs to the node."""
    toleration = {"key": _LABEL, "operator": "Equal", "value": node, "effect": "NoSchedule"}
    grace = {"terminationGracePeriodSeconds": GRACE_SECONDS}
    return json.dumps({"nodeSelector": {_LABEL: node}, "tolerations": [toleration], **grace})


def _node(name: str) -> Object:
    taint = {"key": _LABEL, "value": name, "effect": "NoSchedule"}
    about = {"name": name, "labels": {_LABEL: name}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": about, "spec": {"taints": [taint]}}


def _ready() -> Object:
    now = _now()
    about = {"lastHeartbeatTime": now, "lastTransitionTime": now, "reason": "KubeletReady", "message": "played"}
    room = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "4Ti", "pods": "100000"}
    return {
        "status": {"conditions": [{"type": "Ready", "status": "True", **about}], "allocatable": room, "capacity": room}
    }


def _lease(name: str) -> Object:
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": _now(micro=True)}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}


async def _beat(api: Api, name: str) -> None:
    while True:
        await asyncio.sleep(_HEARTBEAT_SECONDS)
        with suppress(Answer, aiohttp.ClientError):
            renewed = {"spec": {"renewTime": _now(micro=True)}}
            await api.request("PATCH", f"{_LEASES}/{name}", renewed, MERGE)


def _now(*, micro: bool = False) -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")
