"""Where an event of a watched object leads: which runs and functions are queued, and how soon."""

from mlrun_operator.api.objects import Object, has_job_ended, key_of, status_of
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import FUNCTIONS, JOBS, RUNS, Resource
from mlrun_operator.controller.queue import FairQueue, Lane


class EventRouter:
    """Queues what an event concerns; its only place."""

    def __init__(self, index: Index, runs: FairQueue, functions: FairQueue) -> None:
        self._index = index
        self._runs = runs
        self._functions = functions

    def route(self, resource: Resource, obj: Object) -> None:
        """Queue the runs that the object's event concerns; for a function's event the function, too."""
        lane = _lane_of(resource, obj)
        for key in tuple(self._index.runs_of(resource, obj)):
            if lane is Lane.OTHER:
                self._runs.add_soon(key)
            else:
                self._runs.add(key, lane)
        if resource is FUNCTIONS:
            self._functions.add(key_of(obj))


def _lane_of(resource: Resource, obj: Object) -> Lane:
    """Return how soon: a new run's Job comes before the statuses of other runs, an end before what else is told."""
    if resource is RUNS and not status_of(obj).get("phase"):
        return Lane.NEW
    return Lane.ENDED if resource is JOBS and has_job_ended(obj) else Lane.OTHER
