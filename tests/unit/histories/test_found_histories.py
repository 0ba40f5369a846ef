"""Histories that once broke a promise, each as short as it could be made; the seed's whole history is in no test."""

from support.simulator.rest import come_to_rest
from support.simulator.rules import NOWHERE, SIDECAR
from support.simulator.world import TEAM, World


def status_of(world: World, name: str = "a") -> dict[str, object]:
    status: dict[str, object] = world.server.require("mlrunruns", TEAM, name)["status"]
    return status


def at_rest(world: World) -> World:
    come_to_rest(world)
    assert world.broken == []
    return world


def test_a_sidecar_that_runs_on_does_not_hold_the_run() -> None:
    world = World()
    world.create("a", podTemplate=SIDECAR)
    at_rest(world)
    assert status_of(world)["phase"] == "Succeeded"


def test_a_sidecar_that_runs_on_does_not_hold_a_replica() -> None:
    world = World()
    world.create("a", replicas=2, podTemplate=SIDECAR)
    at_rest(world)
    assert status_of(world)["phase"] == "Succeeded"


def test_a_failed_sidecar_is_no_failure_called_succeeded() -> None:
    world = World()
    world.create("a", replicas=2, podTemplate=SIDECAR)
    world.pod_runs()
    world.sidecar_ends(0, 3)
    at_rest(world)


def test_an_empty_list_starts_nothing() -> None:
    world = World()
    world.create("a")
    world.pod_runs()
    world.pod_ends()
    world.edit("a", env=[])
    at_rest(world)


def test_a_stop_reaches_a_run_that_a_finalizer_holds() -> None:
    world = World()
    world.create("a", suspend=True)
    world.hold_by_finalizer("a")
    world.delete("a")
    world.edit("a", stop=True)
    at_rest(world)
    assert status_of(world)["phase"] == "Stopped"


def test_an_orphaned_pod_ends_with_its_run() -> None:
    world = World()
    world.create("a", nodeSelector=NOWHERE)
    world.delete_job(0, "Orphan")
    at_rest(world)


def test_an_ending_run_holds_its_place() -> None:
    world = World()
    world.create("a")
    world.apply_function(maxConcurrentRuns=1)
    world.create("b")
    world.edit("a", stop=True)
    at_rest(world)


def test_a_job_without_its_labels_stays_the_executions() -> None:
    world = World()
    world.create("a", backoffLimit=2)
    world.patch_job(0, "labels")
    world.edit("a", rerun="s")
    world.wait(35)
    at_rest(world)
