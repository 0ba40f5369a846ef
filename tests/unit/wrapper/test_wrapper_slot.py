"""What a handler is told of its slot."""

import pytest

from mlrun_operator.api.envelope import ScheduleInfo
from mlrun_wrapper.slot import slot_variables


def test_a_fired_pod_reads_its_slot_from_its_jobs_name() -> None:
    info = ScheduleInfo(expression="0 6 * * *", time_zone="Europe/Rome")
    assert slot_variables(info, "report-1f0c2a-29576460") == {
        "MLRUN_SCHEDULED_TIME": "2026-03-27T05:00:00Z",
        "MLRUN_DATA_INTERVAL_START": "2026-03-26T05:00:00Z",
        "MLRUN_DATA_INTERVAL_END": "2026-03-27T05:00:00Z",
    }


def test_a_run_of_the_past_has_the_slot_it_was_made_for() -> None:
    info = ScheduleInfo(expression="0 * * * *", time="2026-01-01T05:00:00Z")
    assert slot_variables(info, "past-1f0c2a-29576460-9ab-2")["MLRUN_DATA_INTERVAL_START"] == "2026-01-01T04:00:00Z"


@pytest.mark.parametrize("name", ["", "no-number", "x-12a"])
def test_without_a_slot_nothing_is_said(name: str) -> None:
    assert slot_variables(ScheduleInfo(expression="0 * * * *"), name) == {}
