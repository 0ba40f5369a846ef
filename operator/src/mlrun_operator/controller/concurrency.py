"""Whose turn it is where runs are limited: first come, first served, by what the index and the statuses say.

Nothing is kept here but the Jobs that are being made at this moment, so a restart changes no order.
"""

from contextlib import AbstractContextManager
from typing import Any

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.cluster.index import Index, line_of, place_of
from mlrun_operator.plan import RunsAhead

Object = dict[str, Any]


class ConcurrencyLimiter:
    """Counts who is ahead of a run."""

    def __init__(self, index: Index, platform: Platform) -> None:
        self._lines = index.lines
        self._platform = platform

    def ahead_of(self, run: Object, function: Object | None) -> RunsAhead:
        """The runs ahead of this one; not counted where nothing is limited."""
        limited = ((function or {}).get("spec") or {}).get("maxConcurrentRuns")
        if limited is None and self._platform.max_concurrent_runs is None:
            return RunsAhead()
        meta, place = run["metadata"], place_of(run)
        return RunsAhead(
            function=self._lines.ahead(meta["uid"], line_of(run), place),
            namespace=self._lines.ahead(meta["uid"], meta["namespace"], place),
        )

    def starting(self, run: Object) -> AbstractContextManager[None]:
        """While its Job is being made the run counts as having one."""
        return self._lines.starting(run["metadata"]["uid"])
