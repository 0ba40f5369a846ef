"""One function, once: whether its runs can start."""

from collections.abc import Callable
from datetime import datetime

from mlrun_operator.api.objects import is_deleting
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import FUNCTIONS
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.syntax_check import SyntaxCheck
from mlrun_operator.plan.function import FunctionReview


class FunctionReconciler:
    """Tells of each function whether its runs can start."""

    def __init__(self, cluster: ApiClient, index: Index, clock: Callable[[], datetime] | None = None) -> None:
        self._cluster = cluster
        self._index = index
        self._clock = clock or cluster.now
        self._syntax_check = SyntaxCheck()

    async def reconcile(self, key: RunKey) -> float | None:
        """Write the function's status where it says something new. Raises ApiError."""
        function = self._index.get(FUNCTIONS, *key)
        if function is None or is_deleting(function):
            return None
        review = FunctionReview.of(function)
        if (seconds := self._syntax_check.seconds_until(key[0], review.code_to_parse)) > 0:
            return seconds
        syntax_error = await self._syntax_check.error_in(key[0], review.code_to_parse)
        status = review.status(syntax_error, self._clock())
        if status is not None:
            try:
                written = await self._cluster.replace_status(FUNCTIONS, function, status.wire())
            except ApiError as error:
                if error.conflict or error.not_found:
                    return None if error.not_found else 1.0
                raise
            self._index.put(FUNCTIONS, written)
        return None
