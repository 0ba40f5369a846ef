"""Histories that once broke a promise, each as short as it could be made; the seed's whole history is in no test."""

import pytest
from support.simulator.rest import come_to_rest
from support.simulator.rules import NOWHERE, SIDECAR
from support.simulator.world import TEAM, World


def status_of(world: World, name: str = "a") -> dict[str, object]:
    status: dict[str, object] = world.server.require("mlrunruns", TEAM, name)["status"]
    return status


SWEEP = {"params": {"p": [1, 2, 3]}, "placement": "FanOut", "parallelism": 2, "maxErrors": 1}


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


def test_the_wait_for_a_lost_pod_asks_once_a_minute() -> None:
    """It listed the pods directly every 5 seconds, for as long as the node was away. The pod's end wakes it at once."""
    world = World()
    world.create("a")
    world.pod_runs()
    world.lose_node(0)
    world.delete_job(0)
    world.wait(100)
    world.edit("a", parameters={"x": 2})
    asked_before = len(world.requests)
    world.wait(600)
    listings = [plural for verb, plural, _ in world.requests[asked_before:] if (verb, plural) == ("LIST", "jobs")]
    assert 5 <= len(listings) <= 11
    world.force_delete(0)
    assert status_of(world)["execution"]["number"] == 2  # type: ignore[index]


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


def events_of(world: World, reason: str) -> list[str]:
    return [event["message"] for event in world.server.all("events") if event["reason"] == reason]


def test_an_event_tells_of_replicas_that_a_sidecar_keeps() -> None:
    """The container was named in the message while it lasted, and by nothing that stays."""
    world = World()
    world.create("a", replicas=2, podTemplate=SIDECAR)
    world.pod_runs(0)
    world.pod_runs(1)
    world.pod_ends(0)
    world.wait(10)
    world.pod_ends(1)
    world.wait(60)
    assert len([name for verb, plural, name in world.requests if (verb, plural) == ("DELETE", "pods")]) == 2
    events = events_of(world, "PodDeleted")
    assert len(events) == 1
    assert "container proxy" in events[0]


def test_the_status_tells_of_a_single_pod_that_a_sidecar_keeps() -> None:
    world = World()
    world.create("a", podTemplate=SIDECAR)
    world.pod_runs()
    world.pod_ends()
    world.wait(60)
    assert events_of(world, "PodDeleted") == []
    assert any("container proxy" in message for message in events_of(world, "Stopping"))


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


def orphaned() -> World:
    """Return a world with a pod that waits for a node, and whose Job was deleted with `--cascade=orphan`."""
    world = World()
    world.create("a", nodeSelector=NOWHERE)
    world.delete_job(0, "Orphan")
    return world


def test_an_orphaned_pod_ends_with_its_deleted_run() -> None:
    """The run was deleted before the 10 s were over after which its pod is deleted: the pod stayed for ever."""
    world = orphaned()
    world.wait(5)
    world.delete("a")
    world.wait(60)
    assert world.live_pods() == []


def test_an_orphaned_pod_ends_although_its_run_is_made_anew() -> None:
    world = orphaned()
    world.delete("a")
    world.create("a")
    world.wait(60)
    assert [pod["metadata"]["name"] for pod in world.live_pods()] == [world.server.all("pods")[-1]["metadata"]["name"]]


def test_a_pod_orphaned_while_no_operator_ran_ends() -> None:
    world = orphaned()
    world.die(1, after=False, seconds=60)
    world.delete("a")
    world.wait(120)
    assert world.live_pods() == []


def test_a_slots_orphaned_pod_ends_with_its_run() -> None:
    """Its labels name the schedule, which is still there."""
    world = World()
    world.create("s", schedule="*/5 * * * *", nodeSelector=NOWHERE)
    world.wait(320)
    world.edit("s", suspend=True)
    world.delete_job(0, "Orphan")
    child = next(run["metadata"]["name"] for run in world.server.all("mlrunruns") if run["metadata"]["name"] != "s")
    world.delete(child)
    world.wait(60)
    assert world.live_pods() == []


def test_an_unrecorded_jobs_orphaned_pod_holds_no_execution() -> None:
    """It waited for a node, and the run for its end: for ever."""
    world = World()
    world.refuse("PUT status", "mlrunruns", "policy", 3)
    world.interrupt(3, "delete_job", number=0, propagation="Orphan")
    world.create("a", nodeSelector=NOWHERE)
    world.wait(600)
    assert len(world.live_pods()) == 1
    assert world.server.all("jobs")


def test_an_ending_run_holds_its_place() -> None:
    world = World()
    world.create("a")
    world.apply_function(maxConcurrentRuns=1)
    world.create("b")
    world.edit("a", stop=True)
    at_rest(world)


def waits_for_a_run_whose_pods_are_not_shown() -> World:
    """Return a world in which run b waits for run a, and the watch of pods is late for good."""
    world = World()
    world.apply_function(maxConcurrentRuns=1)
    world.create("a")
    world.pod_runs()
    world.create("b")
    world.hold("pods")
    return world


def test_a_pod_that_is_gone_holds_no_run_that_stops() -> None:
    """Its deletion was answered 404 and asked for again every 5 seconds, until the watch told of it."""
    world = waits_for_a_run_whose_pods_are_not_shown()
    world.edit("a", stop=True)
    world.wait(60)
    assert status_of(world, "a")["phase"] == "Stopped"
    assert status_of(world, "b")["phase"] == "Pending"
    assert status_of(world, "b")["reason"] == "Created"


def test_a_pod_that_a_direct_reading_lacks_holds_no_place() -> None:
    world = waits_for_a_run_whose_pods_are_not_shown()
    world.force_delete()
    world.delete_job()
    world.wait(60)
    assert status_of(world, "a")["reason"] == "JobDeleted"
    assert status_of(world, "b")["reason"] == "Created"


@pytest.mark.parametrize("age", [2, 300])
def test_an_edit_that_lowers_a_deadline_supersedes(age: int) -> None:
    """The old execution failed by the new deadline, before the edit's execution started."""
    world = World()
    code = {"source": {"code": "x = 1"}}
    world.create("a", pendingDeadlineSeconds=3600, function={**code, "image": "example.org/typo:1"})
    world.wait(age)
    world.edit("a", pendingDeadlineSeconds=1, function={**code, "image": "example.org/good:1"})
    world.wait(30)
    (record,) = world.ledger.runs.values()
    assert {status["phase"] for status in record.statuses if status["execution"]["number"] == 1} == {"Pending"}
    assert [past["reason"] for past in status_of(world)["executions"]] == ["Superseded"]  # type: ignore[attr-defined]


def test_an_observed_generation_never_goes_back() -> None:
    """An edit was observed while the execution ran, and at its end no more."""
    world = World()
    world.create("a")
    world.pod_runs()
    generations = []
    for edit in ({"parameters": {"x": 2}}, {"pendingDeadlineSeconds": 900}, {"rerun": "s"}):
        world.edit("a", **edit)
        generations.append(status_of(world)["observedGeneration"])
    world.pod_ends()
    generations.append(status_of(world)["observedGeneration"])
    assert generations == [1, 1, 1, 4]
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


def test_a_suspended_sweep_runs_no_point() -> None:
    """Its status told running points until somebody looked again."""
    world = World()
    world.create("a", hyperparameters=SWEEP)
    world.pods_run(2)
    world.edit("a", suspend=True)
    at_rest(world)
    assert status_of(world)["sweep"]["running"] == 0  # type: ignore[index]


def test_a_collector_hears_of_a_failure_without_a_pod() -> None:
    """The pod had failed and was gone, and so was the operator: the point was called skipped."""
    world = World()
    world.create("a", hyperparameters={**SWEEP, "params": {"p": [1]}})
    world.delete_pod()
    world.wait(2)
    world.restart()
    world.delete_job(0)
    at_rest(world)


def test_a_job_that_cannot_go_holds_no_place() -> None:
    world = World()
    world.apply_function(maxConcurrentRuns=1)
    world.create("a", backoffLimit=1)
    world.hold_job()
    world.delete_job()
    world.delete_pod()
    world.create("b")
    at_rest(world)
    assert status_of(world, "b")["phase"] == "Succeeded"


def test_a_resumed_run_keeps_its_position() -> None:
    """It went back and forth between Queued and Suspended beside another that was queued in the same second."""
    world = World()
    world.create("a")
    world.apply_function(maxConcurrentRuns=1)
    world.edit("a", suspend=True)
    world.create("b")
    world.edit("a", suspend=None)
    at_rest(world)


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


def test_pods_of_a_job_that_cannot_go_end() -> None:
    """A finalizer held the deleted Job, so that Kubernetes did not delete its pod, and the run waited for ever."""
    world = World()
    world.create("a", nodeSelector=NOWHERE)
    world.hold_job()
    world.delete_job()
    at_rest(world)
    assert status_of(world)["reason"] == "JobDeleted"


def test_a_suspended_replicas_success_stays() -> None:
    """Kubernetes forgets the success of a pod that ends while its Job is being suspended; the status forgot it, too."""
    world = World()
    world.create("a", replicas=2)
    world.pod_runs(1)
    world.patch_job(0, "suspend")
    world.pod_ends(1)
    at_rest(world)
    assert status_of(world)["replicaCounts"]["succeeded"] == 1  # type: ignore[index]


def test_a_preempted_point_does_not_run() -> None:
    world = World()
    world.install_kueue(1)
    function = {"source": {"code": "x = 1"}, "image": "example.org/typo:1"}
    world.create_queued("a", function=function, hyperparameters=SWEEP)
    world.preempt()
    at_rest(world)
    assert status_of(world)["sweep"]["running"] == 0  # type: ignore[index]


def test_a_deadline_of_a_pod_that_never_started_has_its_cause() -> None:
    """It was told as Running, and then that a report is lost which nothing had written."""
    world = World()
    world.create("a", nodeSelector=NOWHERE, activeDeadlineSeconds=40)
    world.wait(45)
    assert status_of(world)["phase"] == "Pending"
    world.wait(60)
    status = status_of(world)
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert "no pod has started; Unschedulable: " in str(status["message"])
    assert "ResultMissing" not in [condition["type"] for condition in status["conditions"]]  # type: ignore[attr-defined]
    at_rest(world)


def test_a_stop_ends_an_orphaned_pod_of_an_unrecorded_job() -> None:
    """The run was told to be Stopped, and the pod ran on: found on the real API server (seed 218)."""
    world = World()
    world.die(2, after=False, seconds=120)
    world.create("a")
    world.edit("a", stop=True)
    world.delete_job(0, "Orphan")
    at_rest(world)
    assert status_of(world)["phase"] == "Stopped"
    assert world.live_pods() == []


def test_a_stop_tells_that_an_unrecorded_report_is_lost() -> None:
    world = World()
    world.die(2, after=False, seconds=120)
    world.create("a")
    world.pod_runs()
    world.edit("a", stop=True)
    world.delete_job(0, "Orphan")
    at_rest(world)
    status = status_of(world)
    assert (status["phase"], status["message"]) == ("Stopped", "stopped; its Job was deleted before it was recorded")
    assert "ResultMissing" in [c["type"] for c in status["conditions"] if c["status"] == "True"]  # type: ignore[attr-defined]


def test_an_orphaned_pod_of_an_unrecorded_job_is_ended() -> None:
    """The run waited for ever for a pod that nobody ended: found on the real API server (seed 87)."""
    world = World()
    world.refuse("PUT status", "mlrunruns", "webhook", 3)
    world.create("a", nodeSelector=NOWHERE)
    world.delete_job(0, "Orphan")
    at_rest(world)
    assert len(world.live_pods()) == 1
    assert status_of(world)["reason"] == "Unschedulable"


def test_a_stop_ends_a_sweep_whose_collector_cannot_start() -> None:
    """No point had started when the deadline came: the run stayed Stopping for ever (seed 1329)."""
    world = World()
    world.create("a", activeDeadlineSeconds=20, nodeSelector=NOWHERE, hyperparameters=SWEEP)
    world.wait(35)
    world.edit("a", stop=True)
    at_rest(world)
    assert status_of(world)["phase"] == "Stopped"


def test_a_success_is_told_though_its_deleted_job_stays() -> None:
    """Its sidecar was ended, a finalizer held the Job, and the run waited for ever for its pods (seed 4391)."""
    world = World()
    world.create("a", ttlSecondsAfterFinished=0, podTemplate=SIDECAR)
    world.hold_job()
    world.pod_runs()
    world.pod_ends()
    at_rest(world)
    assert status_of(world)["phase"] == "Succeeded"


def test_a_restored_edit_starts_nothing_with_the_next_edit() -> None:
    """A change of the TTL started what a backup held as a change that waits (seed 4031)."""
    world = World()
    world.create("a")
    world.edit("a", nodeSelector=NOWHERE)
    world.back_up()
    world.lose_namespace()
    world.restore("mlrunruns", "mlrunfunctions", status="with")
    world.edit("a", ttlSecondsAfterFinished=0)
    at_rest(world)
    assert status_of(world)["execution"]["number"] == 1  # type: ignore[index]


def test_a_deadline_that_waits_for_a_pod_has_its_cause() -> None:
    """The pod was still there for a moment, held by the Job's finalizer: seen on the real cluster."""
    world = World()
    world.create("a", nodeSelector=NOWHERE, activeDeadlineSeconds=40)
    world.wait(30)
    world.hold("pods")
    world.wait(11)
    assert status_of(world)["reason"] == "Stopping"
    world.release()
    at_rest(world)
    status = status_of(world)
    assert "no pod has started; Unschedulable: " in str(status["message"])
    assert "ResultMissing" not in [condition["type"] for condition in status["conditions"]]  # type: ignore[attr-defined]


def test_a_report_is_read_though_its_pod_was_found_gone() -> None:
    """A direct reading found that the pod was gone before its watch told how it had ended (seed 6776)."""
    world = World()
    world.create("a")
    world.hold("mlrunruns")
    world.hold("pods")
    world.pod_runs()
    world.edit("a", suspend=True)
    world.delete_job()
    world.wait(10)
    at_rest(world)
    assert status_of(world)["results"]


def test_a_suspended_collectors_success_is_the_runs() -> None:
    """Its results were lost, and 15 minutes later the run was told that they were not collected (seed 6107)."""
    world = World()
    world.create("a", hyperparameters={**SWEEP, "params": {"p": [1]}})
    world.pods_run(1)
    world.pods_end(1)
    world.pod_runs()
    world.edit("a", suspend=True)
    world.pod_ends()
    assert status_of(world)["phase"] == "Succeeded"
    assert status_of(world)["results"]
    at_rest(world)


def test_a_restored_fired_job_does_not_run_its_slot_again() -> None:
    """It had the name of the slot's run, which had another Job, and nobody deleted it (seed 40056)."""
    world = World()
    world.create("s", schedule="*/5 * * * *")
    world.wait(310)
    world.back_up()
    world.delete_job(0)
    world.restore("jobs")
    assert world.server.all("jobs") == []
    at_rest(world)


def test_a_rerun_runs_once_though_its_job_is_stripped() -> None:
    """Its status could not be written and its Job's annotations were taken away: it was run twice (seed 5711)."""
    world = World()
    world.create("a", activeDeadlineSeconds=20)
    world.wait(35)
    world.refuse("PUT status", "mlrunruns", "webhook", 3)
    world.edit("a", rerun="s")
    world.patch_job(0, "annotations")
    at_rest(world)
    assert status_of(world)["execution"]["number"] == 2  # type: ignore[index]


def test_a_restored_job_does_not_run_a_finished_run_again() -> None:
    """The run was there and its Job was not; the Job's pod ran, and nobody was told of it in time (seed 5252)."""
    world = World()
    world.create("a", ttlSecondsAfterFinished=20)
    world.pod_runs()
    world.pod_ends()
    world.back_up()
    world.wait(60)
    world.restore("jobs")
    world.lose_node()
    assert world.server.all("jobs") == []
    at_rest(world)


def test_a_lost_pod_of_a_finished_run_is_told_in_time() -> None:
    """Its Job was applied again from a copy; that its pod is lost was told when somebody looked (seed 5252)."""
    world = World()
    world.create("a", ttlSecondsAfterFinished=20)
    world.pod_runs()
    world.pod_ends()
    (job,) = world.server.all("jobs")
    world.wait(60)
    world.server.create("jobs", job)
    world.wait(0)
    world.lose_node()
    world.wait(500)
    assert "PodMayStillRun" in [c["type"] for c in status_of(world)["conditions"]]  # type: ignore[attr-defined]


def test_a_lost_pod_of_a_restored_run_is_told_while_it_is_there() -> None:
    """Its labels name the run of before: a direct reading had shown it, and the next look forgot it (seed 40113)."""
    world = World()
    world.create("a")
    world.back_up()
    world.lose_namespace()
    world.lose_node()
    world.restore("mlrunruns", "mlrunfunctions", status="with")
    world.wait(500)
    at_rest(world)
    assert "PodMayStillRun" in [c["type"] for c in status_of(world)["conditions"]]  # type: ignore[attr-defined]
    world.force_delete()
    world.wait(61)
    assert "PodMayStillRun" not in [c["type"] for c in status_of(world)["conditions"]]  # type: ignore[attr-defined]


def test_an_ending_sweep_does_not_wait_for_a_lost_collector() -> None:
    """The collector's node was lost: a sweep that was to end stayed Stopping for ever (seed 3132)."""
    world = World()
    world.create("a", maxDisruptions=0, hyperparameters={**SWEEP, "params": {"p": [1]}})
    world.evict()
    world.wait(1)
    world.pods_run(1)
    world.lose_node()
    at_rest(world)
    status = status_of(world)
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert "results were not collected" in str(status["message"])
    assert "PodMayStillRun" in [condition["type"] for condition in status["conditions"]]  # type: ignore[attr-defined]


def stopped_on_a_lost_node(world: World, name: str) -> None:
    """Stop the run whose pod runs, and let its node fall silent: the pod stays, and keeps the run's place."""
    world.pod_runs()
    world.lose_node(0)
    world.edit(name, stop=True)
    world.wait(120)


def test_a_rerun_beside_its_lost_pod_waits_for_no_queued_run() -> None:
    """It waited for the run that waited for its lost pod, and neither told of that pod."""
    world = World()
    world.apply_function(maxConcurrentRuns=1)
    world.create("a")
    world.create("b")
    stopped_on_a_lost_node(world, "a")
    world.edit("a", stop=None, rerun="r")
    world.wait(60)
    assert (status_of(world)["reason"], status_of(world, "b")["reason"]) == ("Created", "Queued")
    world.pod_runs(1)
    world.pod_ends(1)
    status = status_of(world)
    assert (status["reason"], status_of(world, "b")["reason"]) == ("Succeeded", "Queued")
    told = next(c["message"] for c in status["conditions"] if c["type"] == "PodMayStillRun")  # type: ignore[attr-defined]
    assert "kubectl delete pod a-" in told
    world.force_delete(0)
    world.wait(5)
    assert status_of(world, "b")["reason"] == "Created"
    at_rest(world)


def child_of(world: World, schedule: str = "s") -> str:
    """Return the name of the schedule's only run."""
    names = [run["metadata"]["name"] for run in world.server.all("mlrunruns")]
    (child,) = [name for name in names if name != schedule]
    return str(child)


def test_a_slots_rerun_does_not_wait_for_its_own_lost_pod() -> None:
    """After a restart the pod of the Job that had fired counted as another run's."""
    world = World()
    world.apply_function(maxConcurrentRuns=1)
    world.create("s", schedule="*/10 * * * *")
    world.wait(610)
    world.edit("s", suspend=True)
    stopped_on_a_lost_node(world, child_of(world))
    world.delete_job()
    world.restart()
    world.edit(child_of(world), stop=None, rerun="r")
    world.wait(60)
    assert status_of(world, child_of(world))["reason"] == "Created"


WITHOUT_MARKS = {
    "run-uid": {"labels": {"mlrun-operator.dev/run-uid": None}},
    "managed-by": {"labels": {"app.kubernetes.io/managed-by": None}},
    "annotations": {"annotations": None},
    "everything": {"labels": None, "annotations": None},
}


@pytest.mark.parametrize("change", WITHOUT_MARKS.values(), ids=WITHOUT_MARKS)
def test_a_fired_job_without_its_marks_gets_its_run(change: dict[str, object]) -> None:
    """Before the operator saw it somebody took its labels or annotations: what had fired was told nowhere."""
    world = World()
    world.create("s", schedule="*/10 * * * *")
    world.hold("jobs")
    world.hold("cronjobs")
    world.wait(610)
    (job,) = world.server.all("jobs")
    world.server.patch("jobs", TEAM, job["metadata"]["name"], {"metadata": change})
    world.release()
    world.wait(60)
    assert child_of(world) == job["metadata"]["name"]
    at_rest(world)
    assert status_of(world, child_of(world))["phase"] == "Succeeded"


REFUSED_OF_SCHEDULES = {
    "mark a Job": ("PATCH", "jobs", {}),
    "delete an ended run": ("DELETE", "mlrunruns", {}),
    "suspend the CronJob": ("PATCH", "cronjobs", {"schedule": "bad"}),
}


@pytest.mark.parametrize("words", REFUSED_OF_SCHEDULES)
def test_what_a_schedule_may_not_do_hides_no_status(words: str) -> None:
    """A policy refuses a change: as long as it was due the schedule's status stayed as it was."""
    verb, plural, edit = REFUSED_OF_SCHEDULES[words]
    world = World()
    world.create("s", schedule="*/10 * * * *", successfulRunsHistoryLimit=0)
    world.pods_by_themselves()
    world.refuse(verb, plural, "policy", 1000)
    world.wait(1300)
    world.edit("s", **edit)
    asked_before = len(world.requests)
    world.wait(120)
    status = status_of(world, "s")
    assert status["observedGeneration"] == (2 if edit else 1)
    assert status["schedule"]["succeeded"] == 2  # type: ignore[index]
    assert any(words in c["message"] for c in status["conditions"] if c["type"] == "Warnings")  # type: ignore[attr-defined]
    refused = [request for request in world.requests[asked_before:] if request[:2] == (verb, plural)]
    assert 3 <= len(refused) <= 5
    world.edit("s", schedule="*/10 * * * *")
    at_rest(world)


@pytest.mark.parametrize(("spec", "plural"), [({"schedule": "*/10 * * * *"}, "cronjobs"), ({}, "jobs")])
@pytest.mark.parametrize("is_recorded", [True, False])
def test_nothing_is_made_for_a_run_that_is_gone(spec: dict[str, str], plural: str, is_recorded: bool) -> None:
    """What was made was collected at once and made again, without a pause, while the watch of runs was late."""
    world = World()
    world.cut_off(cut=not is_recorded)
    world.create("s", **spec)
    world.hold("mlrunruns")
    asked_before = len(world.requests)
    world.lose_namespace()
    world.apply_function()
    world.cut_off(cut=False)
    world.wait(120)
    assert sum(request[:2] == ("POST", plural) for request in world.requests[asked_before:]) <= 3
    at_rest(world)


def test_a_workload_that_is_let_go_is_held_once_a_minute() -> None:
    """A client sets it active as soon as the operator has set it inactive: the two wrote without a pause."""
    world = World()
    world.install_kueue(1)
    world.create_queued("a")
    world.pod_runs()
    world.edit("a", suspend=True)
    world.wait(60)
    asked_before = len(world.requests)
    for _ in range(100):
        world.activate(active=True)
        world.wait(1)
    patches = [request for request in world.requests[asked_before:] if request[:2] == ("PATCH", "workloads")]
    assert 1 <= len(patches) <= 3
    told = [c["message"] for c in status_of(world)["conditions"] if c["type"] == "SuspendIgnored"]  # type: ignore[attr-defined]
    assert "kubectl get workload" in told[0]
    world.wait(120)
    assert status_of(world)["phase"] == "Suspended"
    at_rest(world)


def test_a_stopped_sweep_in_a_queue_is_collected() -> None:
    """Its Job was deleted, since Kueue would have resumed it, and what its points had found was told nowhere."""
    world = World()
    world.install_kueue(1)
    world.create_queued("a", hyperparameters=SWEEP)
    world.pods_run(2)
    world.pod_ends()
    world.edit("a", stop=True)
    at_rest(world)
    assert status_of(world)["phase"] == "Stopped"
    assert status_of(world)["sweep"]["best"]["iteration"] == 1  # type: ignore[index]


def test_points_that_are_let_go_while_they_are_collected_are_held_again() -> None:
    """Kueue resumed them beside their collector, which was on a lost node."""
    world = World()
    world.install_kueue(2)
    world.create_queued("a", hyperparameters=SWEEP)
    world.pods_run(2)
    world.pod_ends()
    world.edit("a", stop=True)
    world.wait(5)
    world.lose_node(0)
    before = {pod["metadata"]["name"] for pod in world.live_pods()}
    world.activate(1, active=True)
    resumed = []
    for _ in range(40):  # Kueue admits it again after a back-off
        world.wait(1)
        resumed += [pod for pod in world.live_pods() if pod["metadata"]["name"] not in before]
    assert resumed
    assert all("deletionTimestamp" in pod["metadata"] for pod in resumed)
    assert {pod["metadata"]["name"] for pod in world.live_pods()} == before
    assert world.server.all("workloads")[0]["spec"]["active"] is False
    at_rest(world)
    assert status_of(world)["phase"] == "Stopped"


def test_a_collector_on_a_lost_node_names_it() -> None:
    """`no cause is known` was told, and for a run of one pod that had not started, too."""
    world = World()
    world.create("a", hyperparameters=SWEEP)
    for _ in range(3):
        world.pods_run(2)
        world.pods_end(1)
    world.lose_node(0)
    world.wait(420)
    assert "its node may be lost" in str(status_of(world)["message"])
    world.edit("a", stop=True)
    world.wait(120)
    assert status_of(world)["phase"] == "Stopped"
    assert "did not end in its grace period" in str(status_of(world)["message"])
    assert "PodMayStillRun" in [condition["type"] for condition in status_of(world)["conditions"]]  # type: ignore[attr-defined]


def test_a_job_without_its_label_gets_it_back() -> None:
    """No watch told of the collector, so that each look asked for another one, which the API server refused."""
    world = World()
    world.install_kueue(1)
    world.create_queued("a", activeDeadlineSeconds=60, backoffLimit=2, hyperparameters={**SWEEP, "parallelism": 1})
    world.wait(601)
    world.edit("a", suspend=True)
    world.patch_job(0, "manager")
    at_rest(world)
