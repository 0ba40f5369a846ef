"""`spec.suspend` of a run in a Kueue queue holds the Job by its Workload; Kueue's part is played by hand."""

from datetime import timedelta
from typing import Any

import pytest

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import Reason
from mlrun_operator.plan.observation import RunsAhead, WorkloadRead

_MARK = constants.ANNOTATION_SUSPENDED_BY


def queue(world: Any) -> dict[str, Any]:
    """A run in a queue, whose Job waits for Kueue; its Workload."""
    world.run["metadata"]["labels"] = {constants.LABEL_QUEUE: "team"}
    world.settle()
    world.workload = {"metadata": {"uid": "w-1", "name": "w"}, "spec": {}}
    return dict(world.workload)


def admit(world: Any) -> None:
    world.jobs[-1]["spec"]["suspend"] = False
    world.pod_runs()
    world.settle()


def evict(world: Any) -> None:
    """Kueue suspends the Job: its pods are told to end."""
    world.jobs[-1]["spec"]["suspend"] = True
    world.pods_end(world.jobs[-1])
    world.settle()


def where(world: Any) -> tuple[str, str]:
    return world.status["phase"], world.status["reason"]


def is_marked(world: Any) -> bool:
    return _MARK in world.jobs[-1]["metadata"]["annotations"]


def test_suspend_holds_a_queued_run_by_its_workload(world: Any) -> None:
    queue(world)
    assert where(world) == ("Pending", "Queued")
    assert "team" in world.status["message"]
    world.edit(suspend=True)
    world.settle()
    assert (world.workload["spec"]["active"], is_marked(world)) == (False, True)
    assert where(world) == ("Suspended", "Suspended")
    assert world.condition("SuspendIgnored") is None


def test_suspend_evicts_an_admitted_run_and_waits_for_kueue(world: Any) -> None:
    queue(world)
    admit(world)
    world.edit(suspend=True)
    decided = world.settle()
    assert world.jobs[-1]["spec"]["suspend"] is False, "that is Kueue's to write"
    assert where(world)[0] == "Running"
    assert decided.suspend is None
    evict(world)
    assert where(world) == ("Suspended", "Suspended")


def test_resume_gives_the_run_back_to_the_queue(world: Any) -> None:
    queue(world)
    admit(world)
    world.edit(suspend=True)
    world.settle()
    evict(world)
    world.edit(suspend=None)
    assert world.settle().requeue <= timedelta(seconds=5)
    assert world.workload["spec"]["active"] is False, "its pod is still ending"
    world.pods.clear()
    world.settle()
    assert (world.workload["spec"]["active"], is_marked(world)) == (True, False)
    assert where(world) == ("Pending", "Queued")
    admit(world)
    world.pod_ends(Result(reason=Reason.SUCCEEDED))
    world.job_ends(succeeded=True)
    world.settle()
    assert (where(world)[0], world.created) == ("Succeeded", 1)


def test_at_rest_nothing_is_set_and_without_suspend_not_read(world: Any) -> None:
    queue(world)
    admit(world)
    world.settle()
    assert world.workload_reads == 0
    world.edit(suspend=True)
    world.settle()
    evict(world)
    writes = world.writes
    for _ in range(3):
        decided = world.settle()
        assert (decided.active, decided.requeue) == (None, timedelta(seconds=5)), "only its pod is waited for"
    assert world.writes == writes


def test_without_a_workload_suspend_is_told_to_be_ignored(world: Any) -> None:
    queue(world)
    world.workload = None
    world.edit(suspend=True)
    decided = world.settle()
    assert "no Workload" in world.condition("SuspendIgnored")["message"]
    assert (where(world), is_marked(world)) == (("Pending", "Queued"), False)
    assert decided.requeue == timedelta(seconds=5)
    world.later(3600)
    assert world.settle().requeue == timedelta(minutes=5), "ever more seldom"


def test_a_workload_that_comes_late_is_held_then(world: Any) -> None:
    workload = queue(world)
    world.workload = None
    world.edit(suspend=True)
    world.settle()
    world.workload = workload
    world.settle()
    assert world.workload["spec"]["active"] is False
    assert world.condition("SuspendIgnored") is None


@pytest.mark.parametrize("marked", [False, True], ids=["list", "patch"])
def test_without_the_right_suspend_is_told_to_be_ignored(world: Any, marked: bool) -> None:
    queue(world)
    world.mark(world.jobs[-1], is_held=marked)
    world.is_kueue_forbidden = True
    world.edit(suspend=True)
    decided = world.settle()
    assert "kueue.enabled" in world.condition("SuspendIgnored")["message"]
    assert where(world) == ("Pending", "Queued")
    assert decided.requeue is not None


def test_a_workload_that_somebody_else_deactivated_stays_so(world: Any) -> None:
    workload = queue(world)
    workload["spec"]["active"] = False
    world.edit(suspend=True)
    world.settle()
    assert (where(world), is_marked(world)) == (("Pending", "Queued"), False)
    world.edit(suspend=None)
    world.settle()
    assert workload["spec"]["active"] is False


def test_a_workload_that_is_made_anew_is_held_again(world: Any) -> None:
    queue(world)
    world.edit(suspend=True)
    world.settle()
    world.workload = {"metadata": {"uid": "w-2", "name": "w"}, "spec": {"active": True}}
    world.jobs[-1]["spec"]["suspend"] = False
    world.settle()
    assert world.workload["spec"]["active"] is False


@pytest.mark.parametrize("suspend", [True, None], ids=["suspend", "taken back"])
def test_a_mark_without_its_workload_held_is_made_good(world: Any, suspend: bool | None) -> None:
    """The operator died between its two writes."""
    queue(world)
    world.mark(world.jobs[-1], is_held=True)
    world.edit(suspend=suspend)
    world.settle()
    assert (world.workload["spec"]["active"] is False, is_marked(world)) == (bool(suspend), bool(suspend))


def test_a_mark_whose_workload_is_gone_is_removed(world: Any) -> None:
    queue(world)
    world.edit(suspend=True)
    world.settle()
    world.workload = None
    world.edit(suspend=None)
    world.settle()
    assert (is_marked(world), where(world)) == (False, ("Pending", "Queued"))
    assert world.condition("SuspendIgnored") is None


def test_a_resumed_run_waits_for_its_turn_before_kueue(world: Any, platform: Platform) -> None:
    queue(world)
    world.platform = platform.model_copy(update={"max_concurrent_runs": 1})
    world.edit(suspend=True)
    world.settle()
    world.edit(suspend=None)
    world.settle(ahead=RunsAhead(namespace=1))
    assert world.workload["spec"]["active"] is False
    assert where(world) == ("Pending", "Queued")
    world.settle()
    assert world.workload["spec"]["active"] is True


def test_what_was_read_of_another_job_is_not_this_ones(world: Any) -> None:
    queue(world)
    world.edit(suspend=True)
    other = {"metadata": {"uid": "another"}, "spec": {}}
    world.settle(workload=WorkloadRead(other, {"spec": {}}))
    assert world.workload["spec"]["active"] is False
