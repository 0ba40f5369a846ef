"""What the charts' policies let pass of an object that was there before them: nothing that starts anything."""

import re
from typing import Final

import pytest
from support.charts import Object, objects

from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.render.meaning import shape_of

ALL: Final[Object] = {
    "images": {"allow": ["x"]},
    "sources": {"hosts": ["x"]},
    "podTemplate": False,
    "env": {"deny": ["X"]},
    "volumes": {"deny": ["image"]},
    "functions": {"inRuns": False},
    "limits": ["memory"],
}
# They end, hold or clean up, and start nothing.
HARMLESS: Final = {
    *("stop", "suspend"),
    *("activeDeadlineSeconds", "pendingDeadlineSeconds", "ttlSecondsAfterFinished", "runTtlSecondsAfterFinished"),
    *("successfulRunsHistoryLimit", "failedRunsHistoryLimit"),
}
FOR_PEOPLE: Final = {"description", "gitSource", "embedded"}


def policies() -> list[Object]:
    return [each for each in objects({"policies": ALL}) if each["kind"] == "ValidatingAdmissionPolicy"]


def idle_fields(policy: Object) -> set[str]:
    """The fields whose change is no change to the policy."""
    conditions = {each["name"]: each["expression"] for each in policy["spec"]["matchConditions"]}
    (listed,) = re.findall(r"f in \[(.*?)\]", conditions["new-or-changed"])
    return set(re.findall(r"'(\w+)'", listed))


def fields(model: type[RunSpec] | type[FunctionSpec]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_each_value_makes_a_policy_of_its_own() -> None:
    assert len(policies()) == len(ALL)


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: policy["metadata"]["name"])
def test_no_change_that_starts_anything_passes_unseen(policy: Object) -> None:
    idle = idle_fields(policy)
    assert not idle & {name for name, shape in shape_of(RunSpec).fields.items() if not shape.starts_nothing}
    assert idle & fields(RunSpec) == HARMLESS, "every other field of a run counts, one of tomorrow too"
    assert idle & fields(FunctionSpec) == FOR_PEOPLE
    assert idle == HARMLESS | FOR_PEOPLE, "each is a field that there is"
