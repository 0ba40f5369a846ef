"""Histories that once broke a promise, each as short as it could be made; the seed's whole history is in no test."""

import pytest
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


def test_the_report_of_a_suspended_pod_is_kept() -> None:
    world = World()
    world.create("a")
    world.pod_runs()
    world.edit("a", suspend=True)
    world.pod_ends(0, "InputUnavailable", 69)
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


def test_a_stop_taken_back_ends_one_and_starts_the_next() -> None:
    """Two executions ran at once, and the first one's results were lost."""
    world = World()
    world.create("a")
    world.pod_runs()
    world.edit("a", stop=True)
    world.edit("a", stop=None, rerun="s")
    at_rest(world)
    assert [past["phase"] for past in status_of(world)["executions"]] == ["Stopped"]  # type: ignore[attr-defined]


def test_a_deleted_jobs_pod_ends_before_the_next_starts() -> None:
    world = World()
    world.create("a")
    world.pod_runs()
    world.delete_job()
    world.edit("a", rerun="s")
    at_rest(world)


def test_a_stop_keeps_what_the_pod_reports() -> None:
    world = World()
    world.create("a")
    world.pod_runs()
    world.edit("a", stop=True)
    at_rest(world)
    assert status_of(world)["results"]


def test_a_stop_acts_where_no_status_can_be_written() -> None:
    """A policy refuses every status: after a minute the Job is deleted all the same."""
    world = World()
    world.create("a")
    world.pod_runs()
    world.refuse("PUT status", "mlrunruns", "policy", 1000)
    world.edit("a", stop=True)
    world.wait(50)
    assert world.server.all("jobs")
    world.wait(400)
    assert not world.server.all("jobs")


def test_a_second_rerun_does_not_wait_for_a_lost_pod() -> None:
    """The first rerun passed by the lost pod, and the condition that let it pass was gone with it."""
    world = World()
    world.create("a")
    world.pod_runs()
    world.lose_node(0)
    world.edit("a", stop=True)
    world.wait(120)
    world.edit("a", stop=None, rerun="r")
    world.pod_runs(1)
    world.pod_ends(1)
    world.edit("a", rerun="s")
    at_rest(world)
    assert status_of(world)["execution"]["rerun"] == "s"  # type: ignore[index]


def test_an_edited_run_keeps_its_functions_place() -> None:
    """While its pod ran it was edited to refer to another function, and the place of the first one was free."""
    world = World()
    world.apply_function(maxConcurrentRuns=1)
    world.apply_function("gn")
    world.create("a")
    world.pod_runs()
    world.create("b")
    world.edit("a", functionRef={"name": "gn"})
    assert status_of(world, "b")["reason"] == "Queued"
    world.pod_ends()
    assert status_of(world, "b")["reason"] == "Created"


def test_an_edit_to_an_inline_function_keeps_the_place() -> None:
    world = World()
    world.apply_function(maxConcurrentRuns=1)
    world.create("a")
    world.pod_runs()
    world.create("b")
    world.edit("a", functionRef=None, function={"source": {"code": "x = 1"}})
    world.restart()
    assert status_of(world, "b")["reason"] == "Queued"
    at_rest(world)


def test_a_late_watch_supersedes_nothing_that_runs() -> None:
    """The image came after all, and its pod was ended by an edit before the watch had shown that it runs."""
    world = World()
    world.create("a", function={"source": {"code": "x = 1"}, "image": "example.org/typo:1"})
    world.wait(20)
    world.hold("pods")
    world.kubelet.obstacle = lambda _: None  # type: ignore[method-assign]
    world.pod_runs()
    world.edit("a", parameters={"x": 2})
    assert (status_of(world)["phase"], len(world.live_pods())) == ("Running", 1)
    at_rest(world)


def test_a_late_watch_ends_no_pod_by_its_pending_deadline() -> None:
    world = World()
    world.create("a", pendingDeadlineSeconds=30)
    world.hold("pods")
    world.pod_runs()
    world.wait(40)
    assert status_of(world)["phase"] == "Running"
    at_rest(world)


def test_a_copied_pods_report_is_not_the_runs() -> None:
    """`kubectl debug --copy-to --keep-labels` makes a pod whose labels name the Job, and which nothing controls."""
    world = World()
    world.create("a")
    world.pod_runs()
    pod = world.live_pods()[0]
    world.edit("a", stop=True)
    meta = {**pod["metadata"], "name": "copy", "ownerReferences": None}
    for field in ("uid", "resourceVersion", "deletionTimestamp"):
        meta.pop(field, None)
    world.server.create("pods", {"metadata": meta, "spec": {"containers": pod["spec"]["containers"]}, "status": {}})
    world.wait(0)
    world.pod_runs(1)
    world.pod_ends(1)
    world.wait(30)
    status = status_of(world)
    assert (status["phase"], status["attemptCount"]) == ("Stopped", 1)
    assert status["results"]["pod"] == pod["metadata"]["name"]  # type: ignore[index]


@pytest.mark.parametrize("change", [{"activeDeadlineSeconds": 500}, {"suspend": True}])
def test_a_refused_patch_does_not_hide_the_status(change: dict[str, object]) -> None:
    """A policy lets nobody change Jobs: as long as the patch was due the run was told as Pending."""
    world = World()
    world.create("a")
    world.refuse("PATCH", "jobs", "policy", 1000)
    world.edit("a", **change)
    world.pod_runs()
    world.wait(60)
    status = status_of(world)
    assert status["phase"] == "Running"
    assert any("admission webhook" in c["message"] for c in status["conditions"] if c["type"] == "Warnings")  # type: ignore[attr-defined]
    world.pod_ends()
    assert status_of(world)["phase"] == "Succeeded"


def test_a_pod_that_cannot_be_marked_is_deleted_all_the_same() -> None:
    """A policy lets nobody change pods' statuses: a sidecar that runs on held its replica for ever."""
    world = World()
    world.create("a", replicas=2, podTemplate=SIDECAR)
    world.refuse("PATCH status", "pods", "policy", 1000)
    at_rest(world)
    assert status_of(world)["phase"] == "Succeeded"


def test_a_refused_deletion_is_told() -> None:
    world = World()
    world.create("a", podTemplate=SIDECAR)
    world.refuse("DELETE", "pods", "policy", 1000)
    world.pod_runs()
    world.pod_ends()
    world.wait(60)
    conditions = status_of(world)["conditions"]
    assert any("delete a pod" in c["message"] for c in conditions if c["type"] == "Warnings")  # type: ignore[attr-defined]
    at_rest(world)
