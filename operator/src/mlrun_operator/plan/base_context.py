"""What the contexts of runs and of schedules have in common."""

from dataclasses import dataclass, field

from mlrun_operator.api import bounds
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, spec_of
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.assess.status import StatusBase, parse_status
from mlrun_operator.plan.decision import Action, Do
from mlrun_operator.plan.observation import Observation


@dataclass(frozen=True)
class BaseContext:
    """A run or a schedule at one moment, with its recorded status read once."""

    observation: Observation
    platform: Platform
    base: StatusBase = field(init=False)

    def __post_init__(self) -> None:
        observation = self.observation
        base = StatusBase(self.generation, parse_status(observation.run), observation.now, self.meta["uid"])
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
    def rerun(self) -> str | None:
        """Return `spec.rerun`; None where it is empty, or is nothing that the schema takes."""
        rerun = self.spec.get("rerun")
        return rerun if isinstance(rerun, str) and 0 < len(rerun) <= bounds.RERUN.limit else None

    @property
    def generation(self) -> int:
        """Return the run's generation."""
        return int(self.meta.get("generation", 1))

    @property
    def recorded(self) -> RunStatus:
        """Return the recorded status."""
        return self.base.recorded

    def first(self, action: Action) -> Do | None:
        """Return the action; None where it was taken in this reconcile, and somebody has undone it at once."""
        return None if action.key in self.observation.taken else Do(action)
