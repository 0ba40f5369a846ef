"""What a run's object says of itself. Pure."""

from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.sdk.states import FINISHED


def has_ended(run: Object) -> bool:
    """Whether the status speaks of the newest spec and nothing of it will run any more."""
    status = status_of(run)
    seen = status.get("observedGeneration")
    newest = run["metadata"].get("generation")
    return status.get("phase") in FINISHED and (seen is None or newest is None or seen >= newest)


def is_stop_seen(run: Object) -> bool:
    """Whether a stop that the spec asks for would be lost if it were taken back now: the operator acts on what it sees.

    It has seen it once the execution is being ended, or the status speaks of the spec that has the stop.
    """
    status = status_of(run)
    seen, newest = status.get("observedGeneration"), run["metadata"].get("generation")
    is_ending = bool((status.get("execution") or {}).get("ending"))
    return not run["spec"].get("stop") or is_ending or (seen is not None and newest is not None and seen >= newest)


def told_objects(run: Object) -> list[str]:
    """Return the uids of what a run's events are about: the run, its Job, and the pods of its attempts."""
    status = status_of(run)
    job = (status.get("execution") or {}).get("jobUID")
    found = [run["metadata"].get("uid"), job, *(attempt.get("uid") for attempt in status.get("attempts") or ())]
    return [str(uid) for uid in dict.fromkeys(found) if uid]
