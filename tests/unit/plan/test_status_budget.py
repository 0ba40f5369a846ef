"""The budget of a status: each part is cut by itself, and what counts stays (BEHAVIOUR J2)."""

import json
from typing import Any

import pytest

from mlrun_operator.api import bounds
from mlrun_operator.api.v1alpha1.status import (
    Attempt,
    Condition,
    InputInfo,
    OutputInfo,
    Phase,
    ReplicaStatus,
    RunStatus,
)
from mlrun_operator.assess.status_budget import within_budget

MOMENT = "2026-11-23T12:00:00Z"
WIDE = "\N{GRINNING FACE}"
READY = Condition(type="Ready", status="True", reason="Succeeded", last_transition_time=MOMENT)


def output(preview: Any = None) -> OutputInfo:
    return OutputInfo(key="k" * 100, kind="table", path="s3://p", preview=preview)


def replica(index: int) -> ReplicaStatus:
    outputs = {f"o{n}": "k" * 1000 for n in range(32)}
    return ReplicaStatus(
        index=index, phase=Phase.FAILED, message=WIDE * 256, outputs=outputs, results={"a": "r" * 2000}
    )


FULL: dict[str, Any] = {
    "results": {"a": "r" * 70_000},
    "inputs": [InputInfo(name=f"i{n}", path="p" * 2000) for n in range(50)],
    "outputs": {f"o{n}": output({"rows": "x" * 9000}) for n in range(20)},
    "replica_statuses": [replica(n) for n in range(50)],
    "attempts": [Attempt(pod=f"p{n}", uid=f"u{n}", message=WIDE * 1024) for n in range(10)],
    "conditions": [READY, *(READY.model_copy(update={"type": f"T{n}", "message": WIDE * 1024}) for n in range(9))],
    "message": WIDE * 4096,
}
BUDGETS = {
    "attempts": bounds.STATUS_ATTEMPTS.limit,
    "conditions": bounds.STATUS_CONDITIONS.limit + 300,  # with the one that tells of the cut
    "replicaStatuses": bounds.STATUS_REPLICAS.limit,
    "message": bounds.STATUS_REST.limit,
}


def size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def test_every_part_of_a_full_status_is_cut() -> None:
    wire = within_budget(RunStatus(phase=Phase.FAILED, **FULL)).wire()
    sizes = {name: size(wire[name]) for name in BUDGETS}
    assert {name for name, budget in BUDGETS.items() if sizes[name] > budget} == set()
    assert size({name: wire.get(name) for name in ("inputs", "outputs", "results")}) <= bounds.STATUS_REPORT.limit
    assert [attempt["uid"] for attempt in wire["attempts"]] == [f"u{n}" for n in range(10)]  # type: ignore[attr-defined]
    assert len(wire["replicaStatuses"]) == 50  # type: ignore[arg-type]
    assert set(wire["outputs"]) == set(FULL["outputs"])  # type: ignore[call-overload]


@pytest.mark.parametrize("part", [name for name in FULL if name != "message"])
def test_a_part_is_cut_by_itself(part: str) -> None:
    """One part that is too large takes nothing from the others; cutting again changes nothing."""
    small = {"results": {"a": 1}, "outputs": {"o": output({"rows": 1})}, "conditions": [READY], "message": "m"}
    status = RunStatus(phase=Phase.FAILED, **{**small, part: FULL[part]})
    cut = within_budget(status)
    assert within_budget(cut) == cut
    assert "ResultTruncated" in [condition.type for condition in cut.conditions or ()]
    kept = {name for name in small if name not in (part, "conditions")}
    if part not in ("inputs", "results", "outputs"):
        assert {name: getattr(cut, name) for name in kept} == {name: getattr(status, name) for name in kept}


def test_an_ordinary_status_stays_the_object_that_it_is() -> None:
    status = RunStatus(phase=Phase.SUCCEEDED, conditions=[READY], results={"a": 1}, outputs={"o": output({"rows": 1})})
    assert within_budget(status) is status
