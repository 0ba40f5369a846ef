"""Posts the events of runs. No failed request and no crash loses one, and no run waits for one.

An event that could not be posted is kept and retried. What a crash left out is found once, at the start: the names of
the events that exist are compared with those that the statuses of the last minutes call for. Nothing is stored for
that, and where nothing is missing nothing is written.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api.constants import RUN_KIND
from mlrun_operator.api.objects import Object, key_of, status_of
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.assess.events import event, event_name, pod_deletion_event
from mlrun_operator.assess.status import parse_status
from mlrun_operator.assess.times import format_time
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.log_format import about_key

log = logging.getLogger("mlrun_operator")

# How old a status may be whose event a predecessor may have left out; events themselves live for an hour.
_RECENT: Final = timedelta(minutes=10)
# Seconds between attempts to post an event, and how many there are.
_RETRY_SECONDS: Final = 5.0
_MAX_ATTEMPTS: Final = 60
# How many events of one run are kept for a retry.
_MAX_PENDING_EVENTS: Final = 8


class EventRecorder:
    """Posts the events of one reconciler."""

    def __init__(self, cluster: ApiClient, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._started_at: datetime | None = None
        self._posted_names: dict[str, set[str]] = {}
        self._pending: dict[RunKey, tuple[int, list[Object]]] = {}

    async def record(self, run: Object, status: RunStatus) -> None:
        """Post the event of a status that was just written.

        A state that comes back, as of a schedule that is paused twice, gets an event of another name.
        """
        new_event = event(run, status, self._clock())
        self._posted_names.get(new_event["metadata"]["namespace"], set()).add(new_event["metadata"]["name"])
        await self._post(key_of(run), [new_event], 0)

    async def record_pod_deletion(self, run: Object, pod_name: str, why: str) -> None:
        """Post the event that the operator has deleted a pod of the run."""
        await self._post(key_of(run), [pod_deletion_event(run, pod_name, why, self._clock())], 1)

    async def flush_pending(self, run: Object) -> None:
        """Post the run's events that could not be posted, or that a crash left out."""
        key = key_of(run)
        if key in self._pending:
            attempts, events = self._pending.pop(key)
            await self._post(key, events, attempts)
        if self._may_lack(run):
            status, names = parse_status(run), await self._names_of_events(key[0])
            if status.phase and names is not None and (name := event_name(run, status)) not in names:
                names.add(name)
                await self._post(key, [event(run, status, self._clock())], 1)

    def retry_after(self, key: RunKey) -> float | None:
        """Return the seconds after which to call `flush_pending`; None where nothing is pending."""
        return _RETRY_SECONDS if key in self._pending else None

    def forget(self, key: RunKey) -> None:
        """Drop what is pending of a run that is gone."""
        self._pending.pop(key, None)

    def _may_lack(self, run: Object) -> bool:
        """Return whether the status was written shortly before this process started."""
        time_now = self._clock()
        self._started_at = self._started_at or time_now
        if time_now > self._started_at + _RECENT:
            self._posted_names.clear()
            return False
        newest = max(_times(status_of(run)), default="")
        return format_time(self._started_at - _RECENT) <= newest <= format_time(self._started_at)

    async def _names_of_events(self, namespace: str) -> set[str] | None:
        """Return the names of our events in a namespace; None where they cannot be read."""
        if namespace not in self._posted_names:
            try:
                self._posted_names[namespace] = await self._cluster.our_events(namespace)
            except ApiError as error:
                log.warning("cannot read the events of namespace %s: %s", namespace, error)
                return None
        return self._posted_names[namespace]

    async def _post(self, key: RunKey, events: list[Object], attempts: int) -> None:
        for number, pending_event in enumerate(events):
            try:
                if not await self._cluster.post_event(pending_event) and not attempts:
                    await self._cluster.post_event(_renamed(pending_event))
            except ApiError as error:
                if error.namespace_gone:
                    return
                reason = pending_event["reason"]
                log.warning("%s/%s: cannot post event %s: %s", *key, reason, error, extra=about_key(RUN_KIND, key))
                if error.refused or attempts + 1 >= _MAX_ATTEMPTS:
                    continue
                pending = self._pending.get(key, (0, []))[1]
                self._pending[key] = (attempts + 1, [*pending, *events[number:]][-_MAX_PENDING_EVENTS:])
                return


def _renamed(recurring_event: Object) -> Object:
    """Return the event under a name that only this change has."""
    metadata, version = recurring_event["metadata"], recurring_event["involvedObject"]["resourceVersion"]
    return {**recurring_event, "metadata": {**metadata, "name": f"{metadata['name']}.{version}"}}


def _times(status: Object) -> list[str]:
    """Return every time that the status holds."""
    conditions = [c.get("lastTransitionTime") for c in status.get("conditions") or ()]
    times = [*conditions, status.get("startTime"), status.get("completionTime"), status.get("queuedTime")]
    return [time for time in times if isinstance(time, str)]
