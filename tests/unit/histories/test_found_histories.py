"""Pending."""

from support.simulator.rest import come_to_rest
from support.simulator.world import World


def at_rest(world: World) -> World:
    come_to_rest(world)
    assert world.broken == []
    return world


def test_a_job_that_is_no_longer_shown_does_not_hold_its_run() -> None:
    """Without its label managed-by the watch tells the Job as deleted."""
    world = World()
    world.create("a")
    world.patch_job(0, "manager")
    at_rest(world)


def test_a_lost_pod_is_told_as_long_as_it_is_there() -> None:
    world = World()
    world.create("a")
    world.delete_job(0, "Background")
    world.lose_node(0)
    at_rest(world)


def test_a_lost_pod_holds_the_next_execution() -> None:
    world = World()
    world.create("a", replicas=3, pendingDeadlineSeconds=30)
    world.lose_node(2)
    world.edit("a", parameters={"x": 2})
    at_rest(world)


def test_a_lost_replica_is_told_without_an_event() -> None:
    world = World()
    world.create("a", replicas=2)
    world.lose_node(0)
    at_rest(world)


def test_what_a_replica_was_does_not_go_with_its_pod() -> None:
    world = World()
    world.create("a", replicas=2, function={"source": {"code": "x = 1"}, "image": "example.org/typo:1"})
    world.evict(1)
    at_rest(world)


def test_an_unrecorded_job_is_made_again_after_its_pods() -> None:
    world = World()
    world.refuse("PUT status", "mlrunruns", "policy", 3)
    world.interrupt(3, "delete_job", number=0)
    world.create("a")
    at_rest(world)


def test_a_wanted_execution_takes_its_jobs_hash() -> None:
    """The run was recorded as suspended with the hash of its first generation, and its Job is of a later one."""
    world = World()
    world.create("a", suspend=True)
    world.interrupt(1, "edit", name="a", parameters={"x": 4})
    world.die(1, after=False)
    world.edit("a", suspend=None)
    at_rest(world)


def test_a_queued_run_waits_when_its_job_cannot_be_made() -> None:
    world = World()
    world.create("a")
    world.apply_function(maxConcurrentRuns=1)
    world.create("b")
    world.delete_job(0)
    world.cut_off(cut=True)
    world.wait(5)
    at_rest(world)


def test_a_fired_job_without_annotations_is_adopted() -> None:
    world = World()
    world.create("s", schedule="*/10 * * * *")
    world.hold("jobs")
    world.step_clock(3600)
    world.patch_job(0, "annotations")
    at_rest(world)


def test_the_report_of_a_suspended_pod_is_kept() -> None:
    world = World()
    world.create("a")
    world.pod_runs()
    world.edit("a", suspend=True)
    world.pod_ends(0, "InputUnavailable", 69)
    world.delete_job()
    at_rest(world)


def test_a_report_that_nobody_saw_is_missed() -> None:
    world = World()
    world.die(3, after=False, seconds=20)
    world.create("a")
    world.pod_runs()
    world.delete_job()
    at_rest(world)


def test_the_report_of_a_deleted_jobs_pod_is_kept() -> None:
    """It was JobDeleted, and the report that the watch had shown was forgotten."""
    world = World()
    world.create("a")
    world.pod_runs()
    world.delete_job(0, "Foreground")
    at_rest(world)
    assert world.server.require("mlrunruns", "team", "a")["status"]["results"]
