"""Those who are told what the operator has done to a run: metrics and traces. None of them decides anything."""

from datetime import datetime
from typing import Any, Final, Protocol

from mlrun_operator.api.v1alpha1.status import Phase, RunStatus

Object = dict[str, Any]


class ReconcileObserver(Protocol):
    """Is told after it was done, by the reconciler and for each thing once; a death in between leaves it untold."""

    def on_created(self, run: Object, child: Object, at: datetime) -> None:
        """A Job, a CronJob or a run was made for this run, which is as it was before."""

    def on_status_written(self, run: Object, before: RunStatus, after: RunStatus, at: datetime) -> None:
        """The status was written."""


NO_OBSERVERS: Final[tuple[ReconcileObserver, ...]] = ()


def just_finished(before: RunStatus, after: RunStatus) -> bool:
    """Whether the status is the first to tell of its execution's end; a schedule has no end of its own."""
    if after.phase is None or not after.phase.finished or after.schedule is not None:
        return False
    return not (_finished(before.phase) and _number(before) == _number(after))


def _finished(phase: Phase | None) -> bool:
    return phase is not None and phase.finished


def _number(status: RunStatus) -> int | None:
    return status.execution.number if status.execution else None
