"""What users do to a run, as steps that wait for what they see; the operator may die at any moment of it."""

from collections.abc import Awaitable, Callable
from typing import Final

from support.kube import Object, function, run
from support.lab import World

Scenario = Callable[[World], Awaitable[None]]


def _kept(value: object) -> dict[str, object]:
    return {"results": {"kept": value}}


async def happy(world: World) -> None:
    await world.apply(function("fn"), run("r", parameters={"sleep": 1, **_kept(1)}))
    assert (await world.reaches("r", "Succeeded"))["results"] == {"kept": 1, "execution": 1}


async def retry(world: World) -> None:
    wish = {"exit": 69, "reason": "InputUnavailable", **_kept(1)}
    await world.apply(function("fn"), run("r", parameters=wish, backoffLimit=1))
    status = await world.reaches("r", "Failed")
    assert (status["attemptCount"], status["reason"]) == (2, "InputUnavailable")
    assert status["results"]["kept"] == 1


async def stop(world: World) -> None:
    await world.apply(function("fn"), run("r", parameters={"sleep": 120}))
    await world.reaches("r", "Running")
    await world.edit("r", stop=True)
    assert (await world.reaches("r", "Stopped"))["reason"] == "Stopped"
    await world.gone("jobs", "pods")


async def suspend(world: World) -> None:
    await world.apply(function("fn"), run("r", parameters={"sleep": 8, **_kept(1)}))
    await world.reaches("r", "Running")
    await world.edit("r", suspend=True)
    await world.reaches("r", "Suspended")
    await world.edit("r", suspend=None)
    assert (await world.reaches("r", "Succeeded"))["results"]["kept"] == 1


async def rerun(world: World) -> None:
    await world.apply(function("fn"), run("r", parameters=_kept(1)))
    await world.reaches("r", "Succeeded")
    await world.edit("r", rerun="again")
    status = await world.reaches("r", "Succeeded", execution=2)
    assert status["results"] == {"kept": 1, "execution": 2}
    assert [(e["number"], e["phase"]) for e in status["executions"]] == [(1, "Succeeded")]


async def edit(world: World) -> None:
    await world.apply(function("fn"), run("r", parameters={"sleep": 5, **_kept("old")}))
    await world.reaches("r", "Running")
    await world.edit("r", parameters={"sleep": None, **_kept("new")})
    status = await world.reaches("r", "Succeeded", execution=2)
    assert status["results"] == {"kept": "new", "execution": 2}
    assert [(e["number"], e["phase"]) for e in status["executions"]] == [(1, "Succeeded")]


async def replicas(world: World) -> None:
    failing = {"exit": 65, "reason": "OutputMissing", **_kept("one")}
    wish = {"sleep": 1, **_kept("each"), "replicas": {"1": failing, "2": {"sleep": 3}}}
    await world.apply(function("fn"), run("r", parameters=wish, replicas=3, backoffLimit=1))
    status = await world.reaches("r", "Failed")
    assert (status["reason"], status["attemptCount"]) == ("OutputMissing", 3), status
    found = [(each["phase"], each["results"]["kept"]) for each in status["replicaStatuses"]]
    assert found == [("Succeeded", "each"), ("Failed", "one"), ("Succeeded", "each")], status


async def delete(world: World) -> None:
    await world.apply(function("fn"), run("r", parameters={"sleep": 120}))
    await world.reaches("r", "Running")
    await world.remove("r")
    await world.gone("mlrunruns", "jobs", "pods")


async def recreate(world: World) -> None:
    await world.apply(function("fn"), run("r", parameters={"sleep": 120}))
    await world.reaches("r", "Running")
    await world.remove("r")
    await world.apply(run("r", parameters=_kept("new")))
    assert (await world.reaches("r", "Succeeded"))["results"]["kept"] == "new"


async def ttl(world: World) -> None:
    await world.apply(function("fn"), run("r", parameters=_kept(1), ttlSecondsAfterFinished=1))
    before = await world.reaches("r", "Succeeded")
    await world.gone("jobs", "pods")
    assert world.status("r") == before


async def run_ttl(world: World) -> None:
    await world.apply(function("fn"), run("r", parameters=_kept(1), runTtlSecondsAfterFinished=2))
    assert (await world.reaches("r", "Succeeded"))["results"]["kept"] == 1
    await world.gone("mlrunruns", "jobs", "pods")


async def backfill(world: World) -> None:
    day = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T03:00:00Z", "parallelism": 2}
    spec = {"schedule": "0 * * * *", "backfill": day, "successfulRunsHistoryLimit": 1, "parameters": _kept(1)}
    await world.apply(function("fn"), run("r", **spec))
    await world.reports("r", lambda told: told.get("backfill", {}).get("completionTime"))
    await world.edit("r", rerun="by hand")
    told = await world.reports("r", lambda told: told.get("succeeded") == 4 and len(told.get("countedRuns", [])) == 1)
    assert told["backfill"]["progress"] == "3/3"
    await world.remove("r")
    await world.gone("mlrunruns", "jobs", "pods")


def _has_succeeded(number: int) -> Callable[[Object], bool]:
    """Return whether so many runs of the schedule have succeeded."""
    return lambda schedule: bool(schedule.get("succeeded") == number)


async def firings(world: World) -> None:
    spec = {"schedule": "@yearly", "parameters": _kept(1), "successfulRunsHistoryLimit": 1}
    await world.apply(function("fn"), run("r", **spec))
    await world.says("r", "Scheduled")
    for number in (1, 2):
        await world.fire("r", 29_000_000 + number)
        await world.reports("r", _has_succeeded(number))
    await world.records.until("a history of one", lambda: len([*world.records.all("jobs", world.namespace)]) == 1)
    await world.edit("r", suspend=True)
    await world.says("r", "Suspended")
    await world.edit("r", suspend=None)
    await world.says("r", "Scheduled")


async def stop_after(world: World) -> None:
    spec = {
        "schedule": "@yearly",
        "parameters": {"exit": 1},
        "stopAfter": {"failures": 1},
        "concurrencyPolicy": "Allow",
    }
    await world.apply(function("fn"), run("r", **spec))
    await world.says("r", "Scheduled")
    await world.fire("r", 29_000_001)
    await world.says("r", "Stopped")
    await world.edit("r", stopAfter={"failures": 2})
    await world.says("r", "Scheduled")
    assert (await world.cron_job("r"))["spec"]["suspend"] is False
    await world.remove("r")
    await world.gone("mlrunruns", "jobs", "pods")


async def sweep(world: World) -> None:
    failing = {"exit": 1, "reason": "HandlerFailed", "message": "ValueError: no"}
    best = {"points": 3, "succeeded": 2, "failed": 1, "best": {"iteration": 3, "parameters": {"p": 3}}}
    wish = {"sleep": 1, "points": {"2": failing}, "collect": {"sweep": best, **_kept("best")}}
    grid = {"params": {"p": [1, 2, 3]}, "placement": "FanOut"}
    await world.apply(function("fn"), run("r", parameters=wish, hyperparameters=grid))
    status = await world.reaches("r", "Succeeded")
    assert (status["results"]["kept"], status["sweep"]["progress"]) == ("best", "3/3"), status


SCENARIOS: Final[dict[str, Scenario]] = {
    made.__name__.replace("_", "-"): made
    for made in (
        *(happy, retry, stop, suspend, rerun, edit, replicas, delete, recreate, ttl, run_ttl),
        *(backfill, firings, stop_after, sweep),
    )
}
