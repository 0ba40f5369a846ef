"""A schedule's observation, read once; and the schedule itself, once its spec is known to be valid."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api.objects import Object, is_controlled_by
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import BackfillStatus, ScheduleStatus
from mlrun_operator.assess.schedule import Child, Slots
from mlrun_operator.assess.times import parse_time
from mlrun_operator.plan.base_context import BaseContext
from mlrun_operator.plan.decision import Action, Ask, Create, Decision, Do, ReadDirectly
from mlrun_operator.plan.observation import ScheduleObservation
from mlrun_operator.plan.start import RETRY_INTERVAL
from mlrun_operator.render.cron_job import build_child

_MAX_RETRY_INTERVAL: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class ScheduleContext(BaseContext):
    """A run with a schedule at one moment."""

    observation: ScheduleObservation

    @property
    def cron_job(self) -> Object | None:
        """Return the schedule's own CronJob; None where there is none, or another's has its name."""
        cron_job = self.observation.cron_job
        return cron_job if cron_job is not None and is_controlled_by(cron_job, self.meta["uid"]) else None

    def unless_denied(self, action: Action) -> Do | None:
        """Return the action; None where the API server did not allow one in this reconcile: one refusal is enough."""
        return None if self.observation.denials else self.first(action)

    def retry_after(self, condition: str) -> timedelta:
        """Return when a refused create is tried again: after as long as the condition has held, within bounds."""
        held = (c for c in self.recorded.conditions or () if c.type == condition and c.status == "True")
        since = next((parse_time(c.last_transition_time) for c in held), None) or self.observation.now
        return min(max(self.observation.now - since, RETRY_INTERVAL), _MAX_RETRY_INTERVAL)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule whose spec is valid and whose CronJob exists: its slots, its record and its runs.

    `backfill` is the one that the spec asks for, as far as it is. From `fire_horizon` on the CronJob controller may
    fire slots, by whatever clock.
    """

    context: ScheduleContext
    spec: RunSpec
    slots: Slots
    created_at: datetime
    record: ScheduleStatus
    children: list[Child]
    backfill: BackfillStatus | None
    fire_horizon: datetime

    @property
    def now(self) -> datetime:
        """Return the moment of the observation."""
        return self.context.observation.now

    @property
    def caught_up_to(self) -> datetime:
        """Return the moment up to which slots have fired or count as missed."""
        return parse_time(self.record.caught_up_to) or self.created_at

    def with_record(self, **changes: object) -> "Schedule":
        """Return the schedule with other fields in its record."""
        return replace(self, record=self.record.model_copy(update=changes))

    def create_run(self, name: str, trigger: str, slot: datetime) -> Decision:
        """Return the creation of the run of that name."""
        return Do(Create(build_child(self.context.observation.run, name, trigger, slot)))

    def run_slot(self, trigger: str, slot: datetime) -> Decision:
        """Return the creation of a slot's run; whether the CronJob fired it is read directly before."""
        if slot > self.created_at and not self.context.observation.fresh:
            return Ask(ReadDirectly())
        return self.create_run(self.slots.name(slot), trigger, slot)
