"""The events of runs: none is lost because a request failed or a predecessor died, and no run waits for one.

What could not be posted is kept and tried again. What a death left out is found once, at the start, by comparing the
names of the events that there are with those that the statuses of the last minutes call for; nothing is written down
for that, and where nothing is missing nothing is written.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from mlrun_operator.api.constants import RUN_KIND
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.assess.events import event, event_name
from mlrun_operator.assess.status import recorded
from mlrun_operator.assess.times import format_time
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.log_format import about_key

log = logging.getLogger("mlrun_operator")
Object = dict[str, Any]

# How old a status may be whose event a predecessor may have left out; events themselves live for an hour.
_RECENT: Final = timedelta(minutes=10)
# Seconds between attempts to post what could not be posted, and how many there are.
_AGAIN: Final = 5.0
_ATTEMPTS: Final = 60
# How many events of one run are kept for that.
_KEPT: Final = 8


class EventRecorder:
    """Posts events. For one reconciler."""

    def __init__(self, cluster: ApiClient, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._began: datetime | None = None
        self._there: dict[str, set[str]] = {}
        self._owed: dict[RunKey, tuple[int, list[Object]]] = {}

    async def record(self, run: Object, status: RunStatus) -> None:
        """Post the event of a status that was just written.

        What was so before, as a schedule that rests and goes on again, has had an event of that name: it gets another.
        """
        made = event(run, status, self._clock())
        self._there.get(made["metadata"]["namespace"], set()).add(made["metadata"]["name"])
        await self._post(_key(run), [made], 0)

    async def flush_pending(self, run: Object) -> None:
        """Post what is owed of this run."""
        key = _key(run)
        if key in self._owed:
            attempts, events = self._owed.pop(key)
            await self._post(key, events, attempts)
        if self._may_lack(run):
            status, there = recorded(run), await self._events_of(key[0])
            if status.phase and there is not None and (name := event_name(run, status)) not in there:
                there.add(name)
                # Else somebody else has just posted it.
                await self._post(key, [event(run, status, self._clock())], 1)

    def retry_after(self, key: RunKey) -> float | None:
        """After how many seconds `flush_pending` is to be called; None where nothing is owed."""
        return _AGAIN if key in self._owed else None

    def forget(self, key: RunKey) -> None:
        """The run is gone."""
        self._owed.pop(key, None)

    def _may_lack(self, run: Object) -> bool:
        """Whether the status was written shortly before this process began to work."""
        now = self._clock()
        self._began = self._began or now
        if now > self._began + _RECENT:
            self._there.clear()
            return False
        newest = max(_times(run.get("status") or {}), default="")
        return format_time(self._began - _RECENT) <= newest <= format_time(self._began)

    async def _events_of(self, namespace: str) -> set[str] | None:
        """The names of our events in a namespace; None where they cannot be read."""
        if namespace not in self._there:
            try:
                self._there[namespace] = await self._cluster.our_events(namespace)
            except ApiError as error:
                log.warning("the events of %s cannot be read: %s", namespace, error)
                return None
        return self._there[namespace]

    async def _post(self, key: RunKey, events: list[Object], attempts: int) -> None:
        for number, made in enumerate(events):
            try:
                if not await self._cluster.post_event(made) and not attempts:
                    await self._cluster.post_event(_again(made))
            except ApiError as error:
                if error.namespace_gone:
                    return
                log.warning(
                    "%s/%s: its event %s cannot be posted: %s",
                    *key,
                    made["reason"],
                    error,
                    extra=about_key(RUN_KIND, key),
                )
                if error.refused or attempts + 1 >= _ATTEMPTS:
                    continue
                waiting = self._owed.get(key, (0, []))[1]
                self._owed[key] = (attempts + 1, [*waiting, *events[number:]][-_KEPT:])
                return


def _again(made: Object) -> Object:
    """The same event under a name of this one change."""
    meta, version = made["metadata"], made["involvedObject"]["resourceVersion"]
    return {**made, "metadata": {**meta, "name": f"{meta['name']}.{version}"}}


def _key(run: Object) -> RunKey:
    return run["metadata"]["namespace"], run["metadata"]["name"]


def _times(status: Object) -> list[str]:
    """Every moment that the status tells of its run."""
    conditions = [c.get("lastTransitionTime") for c in status.get("conditions") or ()]
    found = [*conditions, status.get("startTime"), status.get("completionTime"), status.get("queuedTime")]
    return [moment for moment in found if isinstance(moment, str)]
