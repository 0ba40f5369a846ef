"""The one status write of a reconcile, and the event that follows it."""

import logging
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, controller_of, key_of, labels_of
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.assess.events import transition
from mlrun_operator.assess.status import parse_status, reduced, to_wire
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.controller.context import ControllerContext
from mlrun_operator.controller.log_format import about

log = logging.getLogger("mlrun_operator")

_REFUSED_TOO_LONG: Final = timedelta(seconds=60)


class Reporter:
    """Writes statuses and posts their events."""

    def __init__(self, context: ControllerContext) -> None:
        self._context = context
        # By uid the runs whose status the API server does not take, and since when.
        self._refused_since: dict[str, datetime] = {}

    async def report(self, run: Object, status: RunStatus) -> Object | None:
        """Write the status and return the run as it is then; None where the run has changed meanwhile or is gone.

        One that is gone is forgotten: while the watch is late, what is made for it would be collected and made again.
        """
        uid = run["metadata"]["uid"]
        try:
            written = await self._write(run, status)
        except ApiError as error:
            if error.conflict or error.not_found:
                self._refused_since.pop(uid, None)
                if error.not_found and error.kind == RUNS.plural:  # not the API, nor its namespace
                    self._context.index.drop(RUNS, run)
                return None
            await self._tell_refused(run, status)
            raise
        self._refused_since.pop(uid, None)
        self._context.index.put(RUNS, written)
        recorded = parse_status(run)
        for observer in self._context.observers:
            observer.on_status_written(run, recorded, status, self._context.clock())
        if (schedule := _schedule_of(run)) and status.phase != recorded.phase:
            self._context.wake((run["metadata"]["namespace"], schedule))
        change = transition(recorded, status)
        if change is not None:
            log.info("%s/%s: %s %s", *key_of(run), change.reason, change.message, extra=about(run, status))
            await self._context.events.record(run, status)
        return written

    def is_refused(self, run: Object) -> bool:
        """Return whether the API server has not taken the run's status for a minute: a stop acts without it then."""
        since = self._refused_since.get(run["metadata"]["uid"])
        return since is not None and self._context.clock() - since >= _REFUSED_TOO_LONG

    async def _tell_refused(self, run: Object, status: RunStatus) -> None:
        """Remember that the status was not taken; after a minute its event tells of it."""
        was_refused = self.is_refused(run)
        self._refused_since.setdefault(run["metadata"]["uid"], self._context.clock())
        if self.is_refused(run) and not was_refused:
            await self._context.events.record(run, status)

    async def _write(self, run: Object, status: RunStatus) -> Object:
        """Write the status; without its details where the API server refuses them, for an end must be recorded."""
        try:
            return await self._context.cluster.replace_status(RUNS, run, to_wire(status, run))
        except ApiError as error:
            if not _is_too_much(error):
                raise
            log.warning("%s/%s: status written without details: %s", *key_of(run), error, extra=about(run, status))
            return await self._context.cluster.replace_status(
                RUNS, run, to_wire(reduced(status, error.message[:200]), run)
            )


def _is_too_much(error: ApiError) -> bool:
    """Return whether the API server does not take the status for its schema or its size."""
    return error.code in (400, 422) or error.too_large


def _schedule_of(run: Object) -> str | None:
    """Return the name of the schedule that made the run."""
    is_child = constants.LABEL_SCHEDULE_UID in labels_of(run)
    return controller_of(run).get("name") if is_child else None
