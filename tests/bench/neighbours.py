"""Cases of ours alone: a tenant's runs while another tenant keeps the same operator busy."""

import asyncio
import base64
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from support.api import Answer
from support.hostile_tenant import hostile_objects
from support.kube import Object, function, run
from support.kubelet import NOWHERE
from support.lab import Lab, World

from bench.cases import cleared, latencies, percentile, until
from bench.contenders import Contender
from bench.report import Report
from mlrun_operator.api.contract.result import COMPRESSED_PREFIX

_QUIET_RUNS: Final = 300
_QUIET_RATE: Final = 10
_REPLICAS: Final = 40
_HANGING: Final = 100
_WITHOUT_A_POD: Final = ("wrong-template", "large-template", "large-parameters", "large-envelope", "covered-envelope")
# Seconds from one act of the hostile tenant to the next of its kind.
_PAUSE: Final = 1.0


async def fairness(lab: Lab, report: Report, burst: int) -> None:
    """One tenant's runs while another's burst is being worked off, by one operator."""
    async with _two_tenants(lab) as (loud, quiet):
        flood = asyncio.create_task(latencies(loud, "flood", burst, None))
        found = await latencies(quiet, "quiet", 40, 4)
        report.add(f"a tenant at 4/s beside a burst of {burst}: p50, ms", "ours", percentile(found, 0.5) * 1000)
        report.add(f"a tenant at 4/s beside a burst of {burst}: p99, ms", "ours", percentile(found, 0.99) * 1000)
        report.add("the burst's own p99, ms", "ours", percentile(await flood, 0.99) * 1000)
        await asyncio.gather(cleared(quiet.world), cleared(loud.world))


async def hostile(lab: Lab, report: Report) -> None:
    """One tenant's runs while another's hostile objects come and come again; and beside objects that are not ours.

    API server and etcd have their work with those, too. What the operator adds is what it is slower by where it watches
    them.
    """
    alone, unwatched = await _beside_hostile_objects(lab, is_watched=False)
    _, watched = await _beside_hostile_objects(lab, is_watched=True)
    for share in (50, 99):
        quiet, foreign, ours = (percentile(found, share / 100) * 1000 for found in (alone, unwatched, watched))
        report.add(f"a tenant at {_QUIET_RATE}/s alone: p{share}, ms", "ours", quiet)
        report.add(f"… beside hostile objects that the operator does not watch: p{share}, ms", "ours", foreign)
        report.add(f"… beside a hostile tenant: p{share}, ms", "ours", ours)
        report.add(f"… beside a hostile tenant: p{share}, times that beside unwatched objects", "ours", ours / foreign)


async def _beside_hostile_objects(lab: Lab, *, is_watched: bool) -> tuple[list[float], list[float]]:
    """Return the latencies of a tenant's runs, alone and while another tenant is hostile."""
    async with _two_tenants(lab, is_watched=is_watched) as (loud, quiet):
        await latencies(quiet, "warm", 20, _QUIET_RATE)
        await cleared(quiet.world)
        alone = await latencies(quiet, "alone", _QUIET_RUNS, _QUIET_RATE)
        await cleared(quiet.world)
        hostility = [asyncio.create_task(act(loud.world)) for act in _ACTS]
        await asyncio.sleep(10)
        beside = await latencies(quiet, "beside", _QUIET_RUNS, _QUIET_RATE)
        failed = [task.exception() for task in hostility if task.done()]
        for task in hostility:
            task.cancel()
        await asyncio.gather(*hostility, return_exceptions=True)
        if failed and is_watched:
            raise TimeoutError(f"the hostile tenant gave up: {failed}")
        await asyncio.gather(cleared(quiet.world), cleared(loud.world))
        return alone, beside


async def _costly_code(world: World) -> None:
    """Edit a function so that its code has to be parsed again: each time for a second and more."""
    (costly,) = next(hostile.objects for hostile in hostile_objects() if hostile.name == "costly-code")
    await world.apply(costly)
    code = costly["spec"]["source"]["code"]
    for number in count():
        source = {"spec": {"source": {"code": f'{code[: -1 - 3 * 10]}{number:08}"'}}}
        await world.api.merge("mlrunfunctions", world.namespace, "costly-code", source)
        await asyncio.sleep(_PAUSE)


async def _invalid_runs(world: World) -> None:
    """Create the runs of which the operator makes no pod: large and wrong templates, parameters, volumes."""
    invalid = [hostile.objects[0] for hostile in hostile_objects() if hostile.name in _WITHOUT_A_POD]
    for number in count():
        for made in invalid:
            name = f"{made['metadata']['name']}-{number}"
            await world.apply({**made, "metadata": {"name": name}})
        await asyncio.sleep(_PAUSE)


async def _hanging_runs(world: World) -> None:
    """Create runs whose pods never start: each look asks for their events."""
    await world.apply(*(run(f"hangs-{n}", nodeSelector=NOWHERE) for n in range(_HANGING)))
    await asyncio.Event().wait()


async def _large_reports(world: World) -> None:
    """Have many replicas report as much as they can, and have the operator look at them again and again."""
    await world.apply(run("many", nodeSelector=NOWHERE, replicas=_REPLICAS))

    def pods() -> list[Object]:
        found = world.records.all("pods", world.namespace)
        return [pod for pod in found if pod["metadata"]["name"].startswith("many-")]

    await until(lambda: len(pods()) == _REPLICAS, "the replicas' pods")
    for number, pod in enumerate(pods()[1:]):
        with suppress(Answer):
            await world.api.merge("pods", world.namespace, pod["metadata"]["name"], _reported(number), "/status")
    for number in count():
        note = {"metadata": {"annotations": {"look": str(number)}}}
        await world.api.merge("pods", world.namespace, pods()[0]["metadata"]["name"], note)
        await asyncio.sleep(_PAUSE)


def _reported(number: int) -> Object:
    """Return a pod's status with a report: in turn one of 60 KiB, and one that unpacks to 2.7 MB."""
    results: dict[str, Any] = {"n": [number] * (900_000 if number % 2 else 15_000)}
    report = json.dumps({"version": 1, "reason": "Succeeded", "results": results}).encode()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = COMPRESSED_PREFIX + base64.b64encode(zlib.compress(report, 9)).decode()
    ended = {"exitCode": 0, "startedAt": now, "finishedAt": now, "reason": "Completed", "message": message}
    container = {"name": "mlrun", "state": {"terminated": ended}, "ready": False, "restartCount": 0}
    return {
        "status": {
            "phase": "Running",
            "startTime": now,
            "containerStatuses": [{**container, "image": "", "imageID": ""}],
        }
    }


_ACTS: Final[tuple[Callable[[World], Awaitable[None]], ...]] = (
    _costly_code,
    _invalid_runs,
    _hanging_runs,
    _large_reports,
)


@asynccontextmanager
async def _two_tenants(lab: Lab, *, is_watched: bool = True) -> AsyncIterator[tuple[Contender, Contender]]:
    """Yield a loud and a quiet tenant; the operator watches the quiet one, and the loud one where that is said."""
    async with lab.world() as quiet, lab.world() as loud:
        await quiet.apply(function("fn"))
        await loud.apply(function("fn"))
        await _share(loud, quiet)
        ours = Contender("ours", loud)
        watched = [quiet.namespace, *([loud.namespace] if is_watched else [])]
        await ours.start(MLRUN_OPERATOR_NAMESPACES=",".join(watched))
        try:
            yield ours, Contender("ours", quiet)
        finally:
            ours.stop()


async def _share(owner: World, other: World) -> None:
    """The operator's account of one namespace gets the shipped Role in the other too."""
    account = {"kind": "ServiceAccount", "name": "mlrun-operator", "namespace": owner.namespace}
    await other.api.create("rolebindings", other.namespace, binding_of("Role", "mlrun-operator", account))


def binding_of(kind: str, role: str, account: dict[str, str]) -> Object:
    """Return a RoleBinding of the role, which is of this kind, to the account."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "bench"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [account],
    }
