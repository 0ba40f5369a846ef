"""The position of a run in its queues, read from its object by pure functions."""

from sys import intern
from typing import Final

from pydantic import ValidationError

from mlrun_operator.api.objects import Object, is_deleting, spec_of, status_of
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import EXECUTION_SCHEMA, RunStatus
from mlrun_operator.api.values.names import kubernetes_name
from mlrun_operator.cluster.run_queues import FunctionKey, Position, RunId

# Sorts a run that has not waited yet behind all runs that have.
_NOT_QUEUED: Final = "9999"
# The fields of a status that record the run's progress.
_PROGRESS: Final = ("phase", "execution")


def id_of(run: Object) -> RunId:
    """Return the run's namespace and uid."""
    return run["metadata"]["namespace"], run["metadata"]["uid"]


def queue_of(run: Object) -> FunctionKey | None:
    """Return the queue of all runs that refer to the same function, however they spell its name."""
    return next(reversed(function_keys(run)), None)


def function_keys(run: Object) -> tuple[FunctionKey, ...]:
    """Return the keys that the run's function may have: by its name as written, and by its Kubernetes name."""
    reference = spec_of(run).get("functionRef")
    name = reference.get("name") if isinstance(reference, dict) else None
    if not isinstance(name, str):
        return ()
    namespace = intern(run["metadata"]["namespace"])
    return tuple((namespace, intern(object_name)) for object_name in dict.fromkeys((name, kubernetes_name(name))))


def occupied_functions(run: Object) -> tuple[FunctionKey, ...]:
    """Return the queues of functions in which the run holds a place while its pods may run.

    An execution goes on with its own function when an edit makes the run refer to another.
    """
    status, namespace = status_of(run), run["metadata"]["namespace"]
    pinned, execution = (part if isinstance(part, dict) else {} for part in map(status.get, ("function", "execution")))
    is_edited = execution.get("generation") != run["metadata"].get("generation")
    name = pinned.get("name") if is_edited and pinned.get("generation") is not None else None
    functions = (queue_of(run), (intern(namespace), intern(kubernetes_name(name))) if isinstance(name, str) else None)
    return tuple(dict.fromkeys(function for function in functions if function))


def position_of(run: Object) -> Position:
    """Return the run's position in its queues. A run that has not waited yet comes last."""
    meta = run["metadata"]
    queued_time = status_of(run).get("queuedTime") if _is_queued(run) else None
    return queued_time or _NOT_QUEUED, meta.get("creationTimestamp", ""), meta["name"]


def is_waiting(run: Object) -> bool:
    """Return whether other runs wait behind this run in its queues.

    A run that is being deleted will not start. A run whose status a newer operator wrote is ignored.
    """
    return _is_queued(run) and not is_deleting(run) and _is_readable(status_of(run))


def _is_queued(run: Object) -> bool:
    return bool(status_of(run).get("reason") == Reason.QUEUED)


def _is_readable(status: Object) -> bool:
    """Return whether this version of the operator can read the run's progress from the status."""
    try:
        progress = RunStatus.model_validate({name: status[name] for name in _PROGRESS if name in status})
    except ValidationError:
        return False
    schema = progress.execution.schema_version if progress.execution else None
    return schema is None or schema <= EXECUTION_SCHEMA
