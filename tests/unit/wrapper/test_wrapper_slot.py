"""What a handler is told of its slot."""

from datetime import UTC, datetime

import pytest

from mlrun_operator.api.contract.envelope import Envelope, FunctionInfo, RunInfo, ScheduleInfo, StoreInfo
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.api.values.names import cron_job_name
from mlrun_wrapper.slot import slot_variables

STARTED = datetime(2026, 3, 27, 9, 30, 12, 5000, tzinfo=UTC)
JOB = cron_job_name("report", "run-uid")


def envelope(schedule: ScheduleInfo | None = None) -> Envelope:
    spec = FunctionSpec(source=Source(code="def f(): pass"), handler="f")
    return Envelope(
        run=RunInfo(name="report", namespace="n", uid="run-uid", project="p", execution=1),
        function=FunctionInfo(name="f", uuid="id", digest="d", spec=spec),
        store=StoreInfo(root="s3://bucket"),
        schedule=schedule,
    )


def told(job_name: str, **schedule: str) -> dict[str, str]:
    return slot_variables(envelope(ScheduleInfo(**schedule)), job_name, STARTED)


def test_a_fired_pod_reads_its_slot_from_its_jobs_name() -> None:
    assert told(f"{JOB}-29576460", expression="0 6 * * *", time_zone="Europe/Rome") == {
        "MLRUN_SCHEDULED_TIME": "2026-03-27T05:00:00Z",
        "MLRUN_DATA_INTERVAL_START": "2026-03-26T05:00:00Z",
        "MLRUN_DATA_INTERVAL_END": "2026-03-27T05:00:00Z",
    }


def test_a_run_of_the_past_has_the_slot_it_was_made_for() -> None:
    found = told(f"{JOB}-29576460-9ab-2", expression="0 * * * *", time="2026-01-01T05:00:00Z")
    assert found["MLRUN_DATA_INTERVAL_START"] == "2026-01-01T04:00:00Z"


@pytest.mark.parametrize("name", ["", "no-number", "x-12a", "x-29576460", "x-1764150000", "x-20240131123456"])
def test_a_job_made_by_hand_has_the_time_of_its_start(name: str) -> None:
    assert told(name, expression="0 * * * *") == {
        "MLRUN_SCHEDULED_TIME": "2026-03-27T09:30:12Z",
        "MLRUN_DATA_INTERVAL_START": "2026-03-27T09:00:00Z",
        "MLRUN_DATA_INTERVAL_END": "2026-03-27T09:30:12Z",
    }


def test_a_run_that_belongs_to_no_schedule_has_no_slot() -> None:
    assert slot_variables(envelope(), "r-1f0c2a-1", STARTED) == {}
