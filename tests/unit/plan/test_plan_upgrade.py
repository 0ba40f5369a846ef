"""What an operator of an earlier commit left, taken up by this one: Jobs end as they were made, nothing runs again.

`recorded/` holds, by the commit whose operator made them, runs with functions, Jobs and pods. Do not make them anew:
they are what clusters hold.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mlrun_operator.api import constants
from mlrun_operator.api.contract.envelope import StoreInfo, decode
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import Reason

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))
LEFT = {f"{file.stem}: {what}": left for file in RECORDED for what, left in json.loads(file.read_text()).items()}
# Other settings than it was made with, as an upgrade may bring them.
SETTINGS = Platform(wrapper_image="example.org/wrapper:2", store=StoreInfo(root="s3://other/{namespace}"))
EACH = pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)


@pytest.fixture
def taken_up(left: Any, world: Any) -> Any:
    """The world as it was left, with the operator of today and its settings."""
    for part in ("run", "function", "jobs", "pods"):
        setattr(world, part, copy.deepcopy(left[part]))
    world.platform = SETTINGS
    return world


@EACH
def test_nothing_runs_again_and_no_job_is_touched(taken_up: Any, left: Any) -> None:
    taken_up.settle()
    assert (taken_up.created, taken_up.deleted) == (0, [])
    assert [job["spec"] for job in taken_up.jobs] == [job["spec"] for job in left["jobs"]]
    assert taken_up.status["phase"] == left["run"]["status"]["phase"]
    assert left["run"]["status"]["execution"].items() <= taken_up.status["execution"].items()


@EACH
def test_the_wrapper_of_today_reads_the_envelope(left: Any) -> None:
    for job in left["jobs"]:
        envelope = decode(job["spec"]["template"]["metadata"]["annotations"][constants.ANNOTATION_ENVELOPE])
        assert envelope.run.name == left["run"]["metadata"]["name"]
        assert envelope.proxy is None


@pytest.mark.parametrize("what", ["a run whose pod does not run yet", "a run that is running"])
def test_a_job_that_was_made_before_ends_its_run_once(what: str, world: Any) -> None:
    left = LEFT[f"c0901ff: {what}"]
    for part in ("run", "function", "jobs", "pods"):
        setattr(world, part, copy.deepcopy(left[part]))
    world.platform = SETTINGS
    world.succeed(Result(reason=Reason.SUCCEEDED, results={"n": 1}))
    assert (world.status["phase"], world.status["results"]) == ("Succeeded", {"n": 1})
    assert (world.created, world.status["execution"]["number"]) == (0, 1)
