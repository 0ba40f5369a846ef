"""The shipped Role has each verb that the operator uses, and none that it does not."""

import asyncio
from pathlib import Path
from typing import Final

import yaml
from support.kube import function, run
from support.kubelet import NOWHERE
from support.lab import World, laboratory, rights
from support.operators import STANDIN_IMAGE

from mlrun_operator.api.values.names import cron_job_name, job_name

Right = tuple[str, str, str]
_PAST: Final = {"from": "2024-12-31T00:00:00Z", "to": "2026-06-01T00:00:00Z"}
# Runs on after the handler: the operator marks its pod as reported and deletes it.
PROXY: Final = {
    "name": "proxy",
    "image": STANDIN_IMAGE,
    "command": ["python3", "-c", "import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); signal.pause()"],
}
_WRITES: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def granted() -> set[Right]:
    """API group, resource and verb of every rule."""
    return {
        (group, resource, verb)
        for made in yaml.safe_load_all(rights())
        if made and made["kind"] == "Role" and made["metadata"]["name"] in ("mlrun-operator", "mlrun-operator-lease")
        for rule in made["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(log: Path) -> set[Right]:
    """The same of every request that was made; what is asked of the API server itself needs no rule."""
    found: set[Right] = set()
    for line in log.read_text().splitlines():
        method, path, watch = line.split()
        parts = path.strip("/").split("/")
        if "namespaces" not in parts:
            continue
        where = parts.index("namespaces")
        plural, *named = parts[where + 2 :]
        resource = "/".join([plural, *named[1:]])
        read = "watch" if watch == "watch" else ("get" if named else "list")
        found.add((parts[1] if parts[0] == "apis" else "", resource, _WRITES.get(method, read)))
    return found


async def _everything(world: World) -> None:
    """A life in which the operator does all that it ever does."""
    missing = {"name": "v", "mountPath": "/v", "configMap": {"name": "nope"}}
    await world.apply(
        function("fn"),
        run("kept", parameters={"results": {"n": 1}}, ttlSecondsAfterFinished=0),
        run("brief", runTtlSecondsAfterFinished=0),
        run("paused", parameters={"sleep": 60}),
        run("hanging", volumes=[missing]),
        run("claimed", nodeSelector=NOWHERE),
        run("escorted", replicas=1, podTemplate={"spec": {"containers": [PROXY]}}),
        run("spread", replicas=1, replicaHostnames=True, nodeSelector=NOWHERE),
        run("taken", schedule="@yearly"),
        run("yearly", schedule="@yearly", backfill=_PAST, functionRef={"name": "late"}),
    )
    claimed = await world.api.get("mlrunruns", world.namespace, "claimed")
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
    name = job_name("claimed", claimed["metadata"]["uid"], 1)
    foreign = {"metadata": {"name": name}, "spec": {"suspend": True, "template": {"spec": pod}}}
    await world.api.create("jobs", world.namespace, {"apiVersion": "batch/v1", "kind": "Job", **foreign})
    taken = await world.api.get("mlrunruns", world.namespace, "taken")
    template = {"spec": {"template": {"spec": {**pod, "nodeSelector": NOWHERE}}}}
    foreign = {"metadata": {"name": cron_job_name("taken", taken["metadata"]["uid"])}}
    foreign |= {"spec": {"schedule": "@yearly", "suspend": True, "jobTemplate": template}}
    await world.api.create("cronjobs", world.namespace, {"apiVersion": "batch/v1", "kind": "CronJob", **foreign})
    await world.start(RIGHTS_LOG=str(world.log.parent / "rights.log"), MLRUN_OPERATOR_LEASE_NAMESPACE=world.namespace)
    await world.reaches("paused", "Running")
    await world.edit("paused", suspend=True)
    await world.reaches("paused", "Suspended")
    for run_name, reason in (("hanging", "ConfigMapMissing"), ("claimed", "NameConflict"), ("taken", "NameConflict")):
        await world.records.until(reason, lambda n=run_name, r=reason: world.status(n).get("reason") == r)
    await world.reaches("kept", "Succeeded")
    await world.reaches("spread", "Pending")
    await world.reaches("escorted", "Succeeded")
    await _schedule(world)
    for gone in ("kept", "brief"):
        what = f"the Job of {gone} is gone"
        await world.records.until(what, lambda n=gone: not [j for j in _jobs(world) if j.startswith(f"{n}-")])
    await world.records.until("brief is gone", lambda: not world.records.get("mlrunruns", world.namespace, "brief"))


async def _schedule(world: World) -> None:
    """One whose function comes and goes and changes, whose firing is taken up, and whose run somebody deletes."""
    await world.apply(function("late"))
    await world.says("yearly", "Scheduled")
    await world.reports("yearly", lambda told: told.get("succeeded") == 2)
    fired = await world.fire("yearly", 29_700_000)  # after what is backfilled
    await world.reports("yearly", lambda told: told.get("succeeded") == 3)
    await world.edit("yearly", suspend=True)
    await world.says("yearly", "Suspended")
    await world.edit("yearly", suspend=None)
    await world.says("yearly", "Scheduled")
    await world.api.delete("mlrunfunctions", world.namespace, "late")
    await world.records.until("no function", lambda: world.status("yearly").get("reason") == "FunctionMissing")
    await world.api.delete("mlrunruns", world.namespace, fired)
    await world.records.until("the Job goes with its run", lambda: fired not in _jobs(world))


def _jobs(world: World) -> list[str]:
    return [job["metadata"]["name"] for job in world.records.all("jobs", world.namespace)]


async def _rights_used() -> set[Right]:
    async with laboratory() as lab, lab.world() as world:
        await _everything(world)
        return used(world.log.parent / "rights.log")


def test_the_role_has_what_the_operator_uses_and_nothing_else() -> None:
    asked, given = asyncio.run(_rights_used()), granted()
    assert asked - given == set(), "asked for without a rule"
    assert given - asked == set(), "granted and never used"
