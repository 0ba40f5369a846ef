"""Observers of what the operator does to runs: metrics and traces. None of them decides anything."""

from datetime import datetime
from typing import Final, Protocol

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.status import Phase, RunStatus


class ReconcileObserver(Protocol):
    """Called by the reconciler after each change, once; a crash in between may leave a call out."""

    def on_created(self, run: Object, child: Object, created_at: datetime) -> None:
        """Called when a Job, a CronJob or a run was created for this run, which is as it was before."""

    def on_status_written(self, run: Object, previous: RunStatus, status: RunStatus, written_at: datetime) -> None:
        """Called when the status was written."""


NO_OBSERVERS: Final[tuple[ReconcileObserver, ...]] = ()


def just_finished(previous: RunStatus, status: RunStatus) -> bool:
    """Return whether the status is the first to record its execution's end; a schedule has no end of its own."""
    if not _is_finished(status.phase) or status.schedule is not None:
        return False
    return not (_is_finished(previous.phase) and _execution_number(previous) == _execution_number(status))


def _is_finished(phase: Phase | None) -> bool:
    return phase is not None and phase.finished


def _execution_number(status: RunStatus) -> int | None:
    return status.execution.number if status.execution else None
