"""Conditions: kstatus's Ready, Reconciling and Stalled; Finished, Succeeded and Failed for `kubectl wait`; warnings.

Ready and Finished are always there, so that `kubectl wait --for=condition=Finished` ends both ways; the others appear
only while they are true.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import MAX_MESSAGE, Condition, Phase

RESULT_MISSING: Final = "ResultMissing"
RESULT_TRUNCATED: Final = "ResultTruncated"
FUNCTION_CHANGED: Final = "FunctionChanged"
SPEC_CHANGED: Final = "SpecChanged"
WARNINGS: Final = "Warnings"
TTL_IGNORED: Final = "TTLIgnored"
CHANGE_WAITS: Final = "ChangeWaits"
POD_MAY_STILL_RUN: Final = "PodMayStillRun"
SUSPEND_IGNORED: Final = "SuspendIgnored"
_READY: Final = (Phase.SUCCEEDED, Phase.STOPPED, Phase.SUSPENDED, Phase.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where an execution is, why, and the words for it."""

    phase: Phase
    reason: Reason
    message: str


def conditions(
    outcome: Outcome,
    warnings: Sequence[tuple[str, str]],
    *,
    generation: int,
    previous: Iterable[Condition],
    now: str,
) -> list[Condition]:
    """All conditions of a run in this phase. A transition time moves only with its status.

    That of Reconciling moves also when the wait for a turn is over: what follows has a deadline of its own.
    """
    phase, reason, message = outcome.phase, outcome.reason, outcome.message
    recorded = {condition.type: condition for condition in previous}

    def make(kind: str, *, holds: bool, why: str, words: str) -> Condition:
        status = "True" if holds else "False"
        last = recorded.get(kind)
        waited = kind == "Reconciling" and last is not None and last.reason == Reason.QUEUED != why
        since = last.last_transition_time if last and last.status == status and not waited else now
        return Condition(
            type=kind,
            status=status,
            reason=why,
            message=words[:MAX_MESSAGE],
            last_transition_time=since,
            observed_generation=generation,
        )

    all_conditions = [
        make("Ready", holds=phase in _READY, why=reason, words=message),
        make("Finished", holds=phase.finished, why=reason, words=message),
    ]
    only_when_true = {
        Phase.PENDING: ("Reconciling",),
        Phase.RUNNING: ("Reconciling",),
        Phase.SUCCEEDED: ("Succeeded",),
        Phase.FAILED: ("Failed", "Stalled"),
        Phase.STOPPED: ("Stopped",),
        Phase.SUSPENDED: ("Suspended",),
        Phase.SCHEDULED: ("Scheduled",),
    }
    all_conditions += [make(kind, holds=True, why=reason, words=message) for kind in only_when_true[phase]]
    all_conditions += [make(kind, holds=True, why=kind, words=words) for kind, words in warnings]
    return all_conditions
