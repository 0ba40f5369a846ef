"""Sweeps, schedules, Kueue and backups in the simulated world; and that their ledgers see what is broken."""

import random

from support.simulator.history import kind_of
from support.simulator.kueue import QUEUE
from support.simulator.objects import Object, uid_of
from support.simulator.rest import come_to_rest
from support.simulator.rules import NOWHERE
from support.simulator.themes import theme_of
from support.simulator.world import TEAM, World
from support.simulator.wrappers import COLLECTED_AFTER

SWEEP = {"params": {"p": [1, 2, 3]}, "placement": "FanOut", "parallelism": 3, "maxErrors": 1}
PAST = {"from": "2026-11-23T11:25:00Z", "to": "2026-11-23T12:00:00Z", "parallelism": 2}


def run_of(world: World, name: str = "a") -> Object:
    return world.server.require("mlrunruns", TEAM, name)


def phase_of(world: World, name: str = "a") -> str:
    return f"{run_of(world, name)['status'].get('phase')}/{run_of(world, name)['status'].get('reason')}"


def as_operator(world: World, plural: str, obj: Object, **status: object) -> None:
    """Write a status in the operator's name."""
    world.server.author = "operator"
    fresh = world.server.require(plural, TEAM, obj["metadata"]["name"])
    world.server.update_status(plural, fresh, {**fresh["status"], **status})
    world.server.author = ""


def test_seeds_have_all_themes() -> None:
    names = {theme_of(random.Random(seed)).name for seed in range(100)}
    assert names == {"plain", "sweeps", "schedules", "kueue", "backups", "all"}


def test_a_deleted_pod_that_never_had_a_node_is_collected() -> None:
    """As on Kubernetes 1.34.4: the pod collector lets it fail, and the Job counts it."""
    world = World()
    world.create("a", nodeSelector=NOWHERE, backoffLimit=1)
    pod = world.live_pods()[0]
    world.delete_pod()
    world.wait(COLLECTED_AFTER)
    job = world.server.all("jobs")[0]
    assert (world.server.by_uid("pods", uid_of(pod)), job["status"]["failed"]) == (None, 1)


# Sweeps.


def test_a_collector_reports_what_points_have_left() -> None:
    world = World()
    world.create("a", hyperparameters=SWEEP)
    world.pods_run(3)
    world.pod_ends(0, "HandlerFailed", 1)
    come_to_rest(world)
    sweep = run_of(world)["status"]["sweep"]
    assert (world.broken, sweep["succeeded"], sweep["failed"], sweep["best"]["iteration"]) == ([], 2, 1, 3)


def test_no_point_starts_after_too_many_failures() -> None:
    world = World()
    world.create("a", hyperparameters={**SWEEP, "parallelism": 1, "maxErrors": 0})
    world.pods_run(1)
    world.pods_end(1, "HandlerFailed", 1)
    come_to_rest(world)
    assert (world.broken, phase_of(world)) == ([], "Failed/HandlerFailed")


def test_a_collector_beside_its_points_is_seen() -> None:
    world = World()
    world.create("a", hyperparameters=SWEEP)
    points = world.server.all("jobs")[0]
    notes = {**points["metadata"]["annotations"], "mlrun-operator.dev/collects": points["metadata"]["name"]}
    about = {"name": "c", "namespace": TEAM, "ownerReferences": points["metadata"]["ownerReferences"]}
    world.server.author = "operator"
    world.server.create("jobs", {"metadata": {**about, "annotations": notes}, "spec": points["spec"]})
    assert kind_of(world.broken[0]) == "points may still run, and a collector"


def test_an_end_that_differs_from_the_collectors_is_seen() -> None:
    world = World()
    world.create("a", hyperparameters=SWEEP)
    world.pods_run(3)
    world.pods_end(3)
    world.pods_run(1)
    assert world.operator is not None
    world.operator.work = lambda: False  # type: ignore[method-assign]
    world.pods_end(1)
    collector = next(pod for pod in world.server.all("pods") if "-c-" in pod["metadata"]["name"])
    attempts = [{"pod": collector["metadata"]["name"], "uid": uid_of(collector)}]
    wrong = {"points": 3, "succeeded": 2, "failed": 1}
    as_operator(world, "mlrunruns", run_of(world), phase="Succeeded", sweep=wrong, attempts=attempts)
    assert any("the collector found" in words for words in world.broken)


# Schedules.


def test_a_backfill_ends_and_keeps_its_history() -> None:
    world = World()
    world.create("s", schedule="*/10 * * * *", backfill=PAST, successfulRunsHistoryLimit=1)
    world.pods_by_themselves()
    come_to_rest(world)
    record = run_of(world, "s")["status"]["schedule"]
    assert (world.broken, record["backfill"]["progress"]) == ([], "3/3")


def test_a_second_run_of_a_slot_is_seen() -> None:
    world = World()
    world.create("s", schedule="*/10 * * * *", backfill=PAST)
    child = next(run for run in world.server.all("mlrunruns") if run["metadata"].get("ownerReferences"))
    world.server.author = "operator"
    world.server.delete("mlrunruns", TEAM, child["metadata"]["name"])
    world.server.create("mlrunruns", child)
    words = {kind_of(broken) for broken in world.broken}
    assert {"slot has a second run", "its run was deleted and had not"} <= words


def test_too_many_runs_of_a_backfill_are_seen() -> None:
    world = World()
    world.create("s", schedule="*/10 * * * *", backfill={**PAST, "parallelism": 1})
    child = next(run for run in world.server.all("mlrunruns") if run["metadata"].get("ownerReferences"))
    slot = int(child["metadata"]["name"].rpartition("-")[2]) + 10
    name = f"{child['metadata']['name'].rpartition('-')[0]}-{slot}"
    world.server.author = "operator"
    world.server.create("mlrunruns", {**child, "metadata": {**child["metadata"], "name": name}})
    assert kind_of(world.broken[0]) == "a backfill runs at a time:"


def test_a_count_that_goes_back_is_seen() -> None:
    world = World()
    world.create("s", schedule="*/10 * * * *")
    for missed in (2, 1):
        schedule = {**run_of(world, "s")["status"]["schedule"], "missed": missed}
        as_operator(world, "mlrunruns", run_of(world, "s"), schedule=schedule)
    assert kind_of(world.broken[0]) == "its count missed went from to"


# Kueue.


def test_a_queued_run_waits_for_its_quota() -> None:
    world = World()
    world.install_kueue(1)
    world.create_queued("a")
    world.create_queued("b")
    assert (phase_of(world), phase_of(world, "b")) == ("Pending/Created", "Pending/Queued")
    world.pods_run(2)
    world.preempt(1)
    world.wait(40)
    assert phase_of(world) == "Pending/Queued"
    come_to_rest(world)
    assert (world.broken, phase_of(world), phase_of(world, "b")) == ([], *["Succeeded/Succeeded"] * 2)


def test_a_deactivated_workload_is_not_admitted() -> None:
    world = World()
    world.install_kueue(1)
    world.create_queued("a")
    world.activate(0, active=False)
    world.wait(60)
    assert (phase_of(world), world.live_pods()) == ("Pending/Queued", [])
    world.activate(0, active=True)
    assert len(world.live_pods()) == 1


def test_an_admission_changes_the_nodes_and_takes_it_back() -> None:
    world = World()
    world.install_kueue(1)
    world.create_queued("a")
    template = world.server.all("jobs")[0]["spec"]["template"]["spec"]
    assert template["nodeSelector"] == {"example.org/flavor": "spot"}
    world.preempt(0)
    assert world.server.all("jobs")[0]["spec"]["template"]["spec"]["nodeSelector"] == {}


def test_a_write_of_suspend_in_a_queue_is_seen() -> None:
    world = World()
    world.create_queued("a")
    job = world.server.all("jobs")[0]
    assert QUEUE in job["metadata"]["labels"]
    world.server.author = "operator"
    world.server.patch("jobs", TEAM, job["metadata"]["name"], {"spec": {"suspend": False}})
    assert kind_of(world.broken[0]) == "the operator has written suspend of a"


def test_attempts_that_are_counted_twice_are_seen() -> None:
    world = World()
    world.create("a")
    world.pod_runs()
    as_operator(world, "mlrunruns", run_of(world), attemptCount=2)
    assert kind_of(world.broken[0]) == "attempts are counted of pods"


# Backups.


def backed_up() -> World:
    world = World()
    world.create("a")
    world.pod_runs()
    world.pod_ends()
    world.back_up()
    world.lose_namespace()
    return world


def test_a_restored_run_does_not_run_again() -> None:
    world = backed_up()
    world.restore("mlrunfunctions", "mlrunruns")
    come_to_rest(world)
    assert (world.broken, phase_of(world)) == ([], "Stopped/Restored")


def test_a_run_restored_with_its_status_stays_over() -> None:
    world = backed_up()
    world.restore("mlrunruns", "mlrunfunctions", "jobs", status="with")
    come_to_rest(world)
    assert (world.broken, phase_of(world)) == ([], "Succeeded/Succeeded")


def test_a_restored_run_that_runs_again_is_seen() -> None:
    world = backed_up()
    world.restore("mlrunfunctions", "mlrunruns")
    run, job = run_of(world), World()
    job.create("a")
    found = job.server.all("jobs")[0]
    owners = [{**found["metadata"]["ownerReferences"][0], "uid": uid_of(run)}]
    world.server.author = "operator"
    world.server.create("jobs", {**found, "metadata": {**found["metadata"], "ownerReferences": owners}})
    assert kind_of(world.broken[0]) == "execution started without an edit, a rerun"


def test_a_rollback_brings_back_what_there_was() -> None:
    world = World()
    world.create("a")
    world.pod_runs()
    world.back_up()
    version = world.server.version
    world.pod_ends()
    world.edit("a", rerun="r")
    world.roll_back()
    assert (world.server.version > version, run_of(world)["spec"].get("rerun")) == (True, None)
    come_to_rest(world)
    assert (world.broken, phase_of(world)) == ([], "Succeeded/Succeeded")
    assert run_of(world)["status"]["execution"]["number"] == 1


def test_a_copy_runs_by_itself() -> None:
    world = World()
    world.create("a")
    world.copy(0, "c")
    come_to_rest(world)
    assert (world.broken, phase_of(world, "c")) == ([], "Succeeded/Succeeded")
