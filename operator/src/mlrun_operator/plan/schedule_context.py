"""A schedule's observation, read once."""

from dataclasses import dataclass, field

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, spec_of
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.assess.status import StatusBase, parse_status
from mlrun_operator.plan.observation import ScheduleObservation


@dataclass(frozen=True)
class ScheduleContext:
    """A run with a schedule at one moment."""

    observation: ScheduleObservation
    platform: Platform
    base: StatusBase = field(init=False)

    def __post_init__(self) -> None:
        run = self.observation.run
        base = StatusBase(self.meta.get("generation", 1), parse_status(run), self.observation.now, self.meta["uid"])
        object.__setattr__(self, "base", base)

    @property
    def meta(self) -> Object:
        """Return the run's metadata."""
        meta: Object = self.observation.run["metadata"]
        return meta

    @property
    def spec(self) -> Object:
        """Return the run's spec as it was written, valid or not."""
        return spec_of(self.observation.run)

    @property
    def recorded(self) -> RunStatus:
        """Return the recorded status."""
        return self.base.recorded
