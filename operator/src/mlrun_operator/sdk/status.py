"""What a run's object says of itself. Pure."""

from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.sdk.states import FINISHED


def has_ended(run: Object) -> bool:
    """Whether the status speaks of the newest spec and nothing of it will run any more."""
    status = status_of(run)
    seen = status.get("observedGeneration")
    newest = run["metadata"].get("generation")
    return status.get("phase") in FINISHED and (seen is None or newest is None or seen >= newest)
