"""How one point of a sweep ended, as its pod leaves it in the store for the one that collects."""

from typing import Any, Literal

from mlrun_operator.api.base import Model
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import OutputInfo

State = Literal["running", "completed", "error", "stopped", "skipped"]


class Summary(Model):
    """`results` are all that the handler logged, by mlrun's names; `outputs` are by the run's names.

    `final` is a failure that the run does not want to be tried again; `truncated` says that a result was cut.
    """

    iteration: int
    parameters: dict[str, Any] = {}
    state: State
    reason: Reason | None = None
    message: str = ""
    final: bool = False
    results: dict[str, Any] = {}
    nonfinite: list[str] = []
    outputs: dict[str, OutputInfo] = {}
    run_path: str | None = None
    truncated: Literal[True] | None = None

    def in_short(self) -> dict[str, Any]:
        """For run.json: without the previews of tables, which are in the entities."""
        bare = {name: info.model_copy(update={"preview": None}) for name, info in self.outputs.items()}
        return self.model_copy(update={"outputs": bare}).wire()
