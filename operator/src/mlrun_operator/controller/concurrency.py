"""How many runs are ahead of a run where their number is limited: first come, first served.

All is taken from the index but the Jobs that are being created at this moment, so a restart changes no order.
"""

from contextlib import AbstractContextManager

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, spec_of
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.queue_position import id_of, position_of, queue_of
from mlrun_operator.plan import RunsAhead


class ConcurrencyLimiter:
    """Counts the runs ahead of a run."""

    def __init__(self, index: Index, platform: Platform) -> None:
        self._queues = index.run_queues
        self._platform = platform

    def runs_ahead(self, run: Object, function: Object | None) -> RunsAhead:
        """Return how many runs are ahead of this one; none where nothing is limited."""
        if spec_of(function).get("maxConcurrentRuns") is None and self._platform.max_concurrent_runs is None:
            return RunsAhead()
        run_id, position = id_of(run), position_of(run)
        return RunsAhead(
            function=self._queues.count_ahead(run_id, queue_of(run), position),
            namespace=self._queues.count_ahead(run_id, run_id[0], position),
        )

    def reserve(self, run: Object) -> AbstractContextManager[None]:
        """Let the run occupy its place while its Job is being created, or let go."""
        return self._queues.reserve(id_of(run))
