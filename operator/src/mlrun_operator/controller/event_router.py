"""Where an event of a watched object leads: which runs and functions are queued, and how urgently."""

from mlrun_operator.api.objects import Object, key_of, status_of
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import FUNCTIONS, RUNS, Resource
from mlrun_operator.controller.queue import FairQueue


class EventRouter:
    """Queues what an event concerns; its only place."""

    def __init__(self, index: Index, runs: FairQueue, functions: FairQueue) -> None:
        self._index = index
        self._runs = runs
        self._functions = functions

    def route(self, resource: Resource, obj: Object) -> None:
        """Queue the runs that the object's event concerns; for a function's event the function, too."""
        is_new_run = resource is RUNS and not status_of(obj).get("phase")
        for key in tuple(self._index.runs_of(resource, obj)):
            if is_new_run:
                self._runs.add(key, urgent=True)  # its Job comes before the statuses of other runs
            else:
                self._runs.add_soon(key)
        if resource is FUNCTIONS:
            self._functions.add(key_of(obj))
