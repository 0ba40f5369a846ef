"""A real history's record, told to the ledger of the simulator in the order of the API server's versions.

Watches of different resources overtake one another; versions do not. So the record is told when it is complete.
"""

import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from support.api import Event
from support.real.kubelet import PlayedKubelet
from support.real.steps import LIMITS_OF_TIME
from support.simulator.api_server import ApiServer, Change
from support.simulator.clock import Clock
from support.simulator.invariants import Ledger, function_meaning
from support.simulator.kueue import Kueue
from support.simulator.objects import Object, controller_of, key_of
from support.simulator.rest import faults_at_rest, restless

_GROUP: Final = "mlrun-operator.dev/"
# The longest limit of time of a history, and some more.
_LONGEST: Final = timedelta(seconds=13)


class RecordedServer(ApiServer):
    """The API server as it was, change by change."""

    def tell(self, event: Event) -> None:
        """Take the next change."""
        place, objects = key_of(event.obj), self.objects[event.plural]
        old = objects.pop(place, None) if event.type == "DELETED" else objects.get(place)
        if event.type != "DELETED":
            objects[place] = event.obj
        new = None if event.type == "DELETED" else event.obj
        self.version = event.version
        for observer in self.observers:
            observer(Change(event.version, event.plural, old, new))


class Replay:
    """What the checks at rest read of a world."""

    def __init__(self, events: Iterable[Event], kubelet: PlayedKubelet) -> None:
        self._clock = Clock()
        self.server = RecordedServer(self._clock)
        self.kubelet = kubelet
        self.kueue: Kueue | None = None
        self.is_rolled_back = False
        self.ledger = Ledger(self.server, set())
        self.server.observers.append(self._see_function)
        self._epoch = datetime.now(UTC) - timedelta(seconds=time.monotonic())
        events = sorted(events, key=lambda event: event.version)
        # As in the simulator: who takes away what names a Job's run also takes it out of the operator's sight.
        self.ledger.can_count = all(_is_named(event.obj) for event in events if event.plural == "jobs")
        for event in events:
            self._clock.now = self._epoch + timedelta(seconds=event.at)
            self.server.tell(event)
            self.ledger.check()

    def _see_function(self, change: Change) -> None:
        if change.plural != "mlrunfunctions" or change.new is None:
            return
        meant = function_meaning(change.old["spec"]) if change.old else ""
        if function_meaning(change.new["spec"]) != meant:
            meta = change.new["metadata"]
            self.ledger.function_changed(meta["name"], meta["generation"])

    def is_restless(self, now: datetime) -> bool:
        """Return whether something is still to happen: also at the end of a limit of time, which comes soon."""
        may_be_due = self._has_limits() and now < self._clock.now + _LONGEST
        return may_be_due or any(restless(self))

    def _has_limits(self) -> bool:
        """Return whether a run, or its function, has limits of time."""
        specs = (obj["spec"] for plural in ("mlrunruns", "mlrunfunctions") for obj in self.server.all(plural))
        parts = (part for spec in specs for part in (spec, spec.get("run"), spec.get("function")) if part)
        return any(name in part or name in (part.get("run") or {}) for part in parts for name in LIMITS_OF_TIME)

    def broken(self) -> list[str]:
        """Return every broken promise, in words."""
        return [*self.ledger.broken, *faults_at_rest(self)]


def _is_named(job: Object) -> bool:
    labels = job["metadata"].get("labels") or {}
    return f"{_GROUP}run-uid" in labels and "app.kubernetes.io/managed-by" in labels and bool(controller_of(job))


def trail(events: Iterable[Event]) -> Iterator[str]:
    """Yield what happened, a line for each change that says something, for people."""
    last: dict[tuple[str, str], str] = {}
    events = sorted(events, key=lambda event: event.version)
    for event in events:
        meta = event.obj["metadata"]
        text = "gone" if event.type == "DELETED" else _text_of(event.plural, event.obj)
        if last.get((event.plural, meta["uid"])) != text:
            last[event.plural, meta["uid"]] = text
            yield f"{event.at - events[0].at:7.2f} {event.version} {event.plural} {meta['name']}: {text}"


def _text_of(plural: str, obj: Object) -> str:
    going = "going " + obj["metadata"]["deletionTimestamp"] if "deletionTimestamp" in obj["metadata"] else ""
    texts = {"mlrunruns": _of_run, "jobs": _of_job, "pods": _of_pod}
    return f"{texts.get(plural, _of_spec)(obj)} {going}".strip()


def _of_run(run: Object) -> str:
    status = run.get("status") or {}
    execution: Any = status.get("execution") or {}
    parts = [f"{status.get('phase')}/{status.get('reason')}", f"execution {execution.get('number')}"]
    parts += [f"Job {execution['jobUID'][:8]}"] if "jobUID" in execution else []
    parts += [f"ending {execution['ending']}"] if "ending" in execution else []
    parts += [f"results {status['results']}"] if status.get("results") else []
    true = [c["type"] for c in status.get("conditions") or () if c["status"] == "True"]
    return f"{', '.join(parts)}; {' '.join(true)}; spec {run['metadata']['generation']}: {_short(run['spec'])}"


def _of_job(job: Object) -> str:
    status = job.get("status") or {}
    true = [c["type"] for c in status.get("conditions") or () if c["status"] == "True"]
    counts = {name: status[name] for name in ("active", "terminating", "succeeded", "failed") if status.get(name)}
    suspended = " suspended" if job["spec"].get("suspend") else ""
    return f"{job['metadata']['uid'][:8]} {_short(counts)} {' '.join(true)}{suspended}"


def _of_pod(pod: Object) -> str:
    status = pod.get("status") or {}
    states = {c["name"]: c.get("state") for c in status.get("containerStatuses") or ()}
    disrupted = [c["reason"] for c in status.get("conditions") or () if c["type"] == "DisruptionTarget"]
    return f"{status.get('phase')} on {pod['spec'].get('nodeName')} {_short(states)} {' '.join(disrupted)}"


def _of_spec(obj: Object) -> str:
    return _short(obj["spec"])


def _short(value: Any) -> str:
    return json.dumps(value)[:600]
