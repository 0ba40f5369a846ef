"""A decision as tests look at it: at most one of its parts is there."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.plan.decision import (
    Adopt,
    Ask,
    Create,
    Decision,
    Delete,
    DeletePod,
    Do,
    MarkReported,
    PatchLimits,
    ReadDirectly,
    ReadEvents,
    ReadWholeJob,
    Replace,
    SetActive,
    SetSuspended,
    Tell,
)

Object = dict[str, Any]


@dataclass(frozen=True)
class Decided:
    """One decision, by the names of its parts."""

    decision: Decision

    def _action(self, kind: type) -> Any:
        return (
            self.decision.action if isinstance(self.decision, Do) and isinstance(self.decision.action, kind) else None
        )

    def _asks(self, kind: type) -> Any:
        question = self.decision.question if isinstance(self.decision, Ask) else None
        return question if isinstance(question, kind) else None

    @property
    def create(self) -> Object | None:
        action = self._action(Create)
        return action.obj if action else None

    @property
    def service(self) -> Object | None:
        action = self._action(Create)
        return action.service if action else None

    @property
    def replace(self) -> Object | None:
        action = self._action(Replace)
        return action.cron_job if action else None

    @property
    def delete(self) -> Object | None:
        action = self._action(Delete)
        return action.obj if action else None

    @property
    def delete_pod(self) -> Object | None:
        action = self._action(DeletePod)
        return action.pod if action else None

    @property
    def mark_reported(self) -> Object | None:
        action = self._action(MarkReported)
        return action.pod if action else None

    @property
    def adopt(self) -> tuple[Object, Object] | None:
        action = self._action(Adopt)
        return (action.job, action.child) if action else None

    @property
    def suspend(self) -> tuple[Object, bool] | None:
        action = self._action(SetSuspended)
        return (action.obj, action.suspended) if action else None

    @property
    def active(self) -> bool | None:
        action = self._action(SetActive)
        return action.active if action else None

    @property
    def limits(self) -> PatchLimits | None:
        action: PatchLimits | None = self._action(PatchLimits)
        return action

    @property
    def confirm(self) -> bool:
        return self._asks(ReadDirectly) is not None

    @property
    def ask_events(self) -> bool:
        return self._asks(ReadEvents) is not None

    @property
    def read(self) -> Object | None:
        question = self._asks(ReadWholeJob)
        return question.job if question else None

    @property
    def status(self) -> RunStatus | None:
        return self.decision.status if isinstance(self.decision, Tell) else None

    @property
    def requeue(self) -> timedelta | None:
        return self.decision.requeue_after if isinstance(self.decision, Tell) else None
