"""What tests of the controller share."""

from datetime import timedelta
from typing import Any

import pytest
from support.schedule_simulator import BEGIN, ScheduleSimulator

from mlrun_operator.api.contract.platform import Platform


@pytest.fixture
def fired(platform: Platform, function: dict[str, Any]) -> ScheduleSimulator:
    """A schedule that has fired once; its Job has its run."""
    world = ScheduleSimulator(platform, function, schedule="0 * * * *")
    world.settle()
    world.at(BEGIN + timedelta(hours=1))
    world.fire(world.now)
    world.settle()
    return world
