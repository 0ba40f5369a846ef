"""Messages and events that a person can act on: each names its object and the number, and says each thing once."""

from typing import Any

import pytest

from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.assess.events import news_of
from mlrun_operator.assess.status import parse_status


def event_text(world: Any) -> str:
    return news_of(parse_status(world.run)).message


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.SKIPPED])
def test_no_remedy_speaks_of_the_message(reason: Reason) -> None:
    """Events end with the remedy: `Read the message` stood within the message."""
    assert "message" not in EXPLANATIONS[reason].todo


def test_a_deadline_is_told_with_its_seconds(world: Any) -> None:
    world.edit(activeDeadlineSeconds=90)
    world.settle()
    world.pod_runs()
    world.pods.clear()
    world.job_ends(succeeded=False, message="Job was active longer than specified deadline")
    world.jobs[-1]["status"]["conditions"][0]["reason"] = "DeadlineExceeded"
    world.later(60)
    world.settle()
    assert world.status["reason"] == "DeadlineExceeded"
    assert "90 s" in world.status["message"]


def test_a_deadline_is_told_with_its_seconds_while_pods_end(world: Any) -> None:
    world.edit(activeDeadlineSeconds=90)
    world.settle()
    world.pod_runs()
    condition = {"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
    world.jobs[-1]["status"]["conditions"] = [condition]
    world.settle()
    assert "90 s" in world.status["execution"]["ending"]["message"]


def test_a_suspended_job_is_named_with_what_resumes_it(world: Any) -> None:
    world.settle()
    world.jobs[-1]["spec"]["suspend"] = True
    world.settle()
    name = world.jobs[-1]["metadata"]["name"]
    assert world.status["reason"] == "JobSuspended"
    assert f"Job {name}" in world.status["message"]
    assert f'kubectl patch job {name} -n team -p \'{{"spec":{{"suspend":false}}}}\'' in world.status["message"]


def test_an_event_of_a_limit_says_its_remedy_last(world: Any) -> None:
    world.settle()
    world.add_pod(phase="Failed", reason="Evicted", message="Pod ephemeral local storage usage exceeds 1Gi.")
    world.job_ends(succeeded=False)
    world.settle()
    assert world.status["reason"] == "PodFailing"
    assert event_text(world).endswith(EXPLANATIONS[Reason.POD_FAILING].todo)
    assert event_text(world).count("sizeLimit") == 1


def test_a_pending_deadline_without_a_cause_says_where_to_look(world: Any) -> None:
    world.edit(pendingDeadlineSeconds=60)
    world.settle()
    world.events = []
    world.later(100)
    world.settle()
    assert world.status["reason"] == "PendingDeadlineExceeded" or world.status["execution"]["ending"]
    assert "60 s; no cause is known; the events of the Job" in str(world.status)
