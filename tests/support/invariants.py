"""What must hold whatever died meanwhile, checked on the record of everything that happened in a namespace."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from support.api import Event
from support.kube import Object

_RANK: Final = {"Pending": 0, "Suspended": 0, "Running": 1, "Succeeded": 2, "Failed": 2, "Stopped": 2}
_ENDED: Final = 2
_EXECUTION: Final = "mlrun-operator.dev/execution"
_UID: Final = "mlrun-operator.dev/run-uid"
_COLLECTS: Final = "mlrun-operator.dev/collects"
_SCHEDULE: Final = "mlrun-operator.dev/schedule-uid"


def violations(events: Sequence[Event], namespace: str, requests: Iterable[Sequence[str]]) -> list[str]:
    """Every broken promise, in words."""
    return [
        *_one_job_an_execution(events),
        *_one_run_a_slot(events),
        *_every_firing_is_a_run(events),
        *_phases_only_advance(events),
        *_no_start_after_the_end(events),
        *violations_of_requests(events, namespace, requests),
    ]


def violations_of_requests(events: Sequence[Event], namespace: str, requests: Iterable[Sequence[str]]) -> list[str]:
    """The promises that the operator's requests break, in words."""
    return [*_writes_stay_inside(requests, namespace), *_every_status_write_says_something(events, requests)]


def _one_job_an_execution(events: Sequence[Event]) -> Iterator[str]:
    made: dict[tuple[str, str], set[str]] = defaultdict(set)
    for event in events:
        if event.plural == "jobs" and (key := _execution_of(event.obj)):
            made[key].add(event.obj["metadata"]["uid"])
    for (_, number), uids in made.items():
        if len(uids) > 1:
            yield f"execution {number} had {len(uids)} Jobs"


def _one_run_a_slot(events: Sequence[Event]) -> Iterator[str]:
    made: dict[tuple[str, str], set[str]] = defaultdict(set)
    for event in events:
        if event.plural == "mlrunruns" and (schedule := _labels(event.obj).get(_SCHEDULE)):
            made[schedule, event.obj["metadata"]["name"]].add(event.obj["metadata"]["uid"])
    for (_, slot), uids in made.items():
        if len(uids) > 1:
            yield f"slot {slot} had {len(uids)} runs"


def _every_firing_is_a_run(events: Sequence[Event]) -> Iterator[str]:
    """Each Job that a CronJob fired and that still is there is marked as that of a run which is there, too."""
    last = {(event.plural, event.obj["metadata"]["uid"]): event for event in events}
    there = {key: event.obj for key, event in last.items() if event.type != "DELETED"}
    for (plural, _), obj in there.items():
        if plural == "jobs" and _fired(obj) and ("mlrunruns", _labels(obj)[_UID]) not in there:
            yield f"Job {obj['metadata']['name']} fired and has no run"
        if plural == "jobs" and _fired(obj) and _SCHEDULE not in _labels(obj):
            yield f"Job {obj['metadata']['name']} fired and is not marked as that of its run"


def _phases_only_advance(events: Sequence[Event]) -> Iterator[str]:
    last: dict[str, tuple[int, str]] = {}
    for uid, number, phase, _ in _statuses(events):
        was_number, was_phase = last.get(uid, (0, "Pending"))
        ended = _RANK[was_phase] == _ENDED
        back = _RANK[phase] < _RANK[was_phase] and phase != "Suspended"
        if number < was_number or (number == was_number and (back or (ended and phase != was_phase))):
            yield f"from {was_phase} of execution {was_number} to {phase} of execution {number}"
        last[uid] = (number, phase)


def _no_start_after_the_end(events: Sequence[Event]) -> Iterator[str]:
    ends: dict[tuple[str, str], int] = {}
    for uid, number, phase, version in _statuses(events):
        if _RANK[phase] == _ENDED:
            ends.setdefault((uid, str(number)), version)
    jobs = {e.obj["metadata"]["uid"]: _execution_of(e.obj) for e in events if e.plural == "jobs"}
    for event in events:
        if event.type != "ADDED" or event.plural == "mlrunruns":
            continue
        owner = next((o["uid"] for o in event.obj["metadata"].get("ownerReferences", ()) if o.get("controller")), "")
        key = _execution_of(event.obj) if event.plural == "jobs" else jobs.get(owner)
        key = (key[0], key[1].partition("'")[0]) if key else None
        if key in ends and event.version > ends[key]:
            yield f"{event.plural} {event.obj['metadata']['name']} started after the end of execution {key[1]}"


def _writes_stay_inside(requests: Iterable[Sequence[str]], namespace: str) -> Iterator[str]:
    for verb, url, code in requests:
        if verb != "GET" and f"/namespaces/{namespace}/" not in url:
            yield f"a write outside the namespace: {verb} {url}"
        if code == "403":
            yield f"more than the Role allows: {verb} {url}"


def _every_status_write_says_something(events: Sequence[Event], requests: Iterable[Sequence[str]]) -> Iterator[str]:
    changes, written = _status_changes(events, requests)
    if written > changes:
        yield f"{written} status writes for {changes} changes"


def untold(events: Sequence[Event], posted: Iterable[Object]) -> list[str]:
    """The changes of execution, phase or reason of living runs that no event told of, as often as they came anew."""
    gone = {event.obj["metadata"]["uid"] for event in events if event.type == "DELETED"}
    told = Counter((event["involvedObject"]["uid"], event["reason"]) for event in posted)
    changes: dict[tuple[str, str], set[tuple[int, str, str]]] = defaultdict(set)
    for event in events:
        status = event.obj.get("status") or {}
        if event.plural == "mlrunruns" and "phase" in status:
            since = next(c["lastTransitionTime"] for c in status["conditions"] if c["type"] == "Ready")
            uid, number = event.obj["metadata"]["uid"], (status.get("execution") or {}).get("number", 0)
            changes[uid, status["reason"]].add((number, status["phase"], since))
    return [
        f"{len(found)} changes to {reason}, {told[uid, reason]} events"
        for (uid, reason), found in changes.items()
        if uid not in gone and told[uid, reason] < len(found)
    ]


def written_by_others(events: Sequence[Event], requests: Iterable[Sequence[str]], unlogged: int = 0) -> bool:
    """Whether statuses changed that this operator did not write: one that somebody else deployed watches, too.

    `unlogged` is how many of its own writes it may have died in, and not logged.
    """
    changes, written = _status_changes(events, requests)
    return changes > written + unlogged


def _status_changes(events: Sequence[Event], requests: Iterable[Sequence[str]]) -> tuple[int, int]:
    """How often a run's status changed, and how often this operator wrote one."""
    told: dict[str, Object] = {}
    changes = 0
    for event in events:
        if event.plural == "mlrunruns" and event.type != "DELETED":
            uid, status = event.obj["metadata"]["uid"], event.obj.get("status") or {}
            changes += status != told.get(uid, {})
            told[uid] = status
    return changes, sum(v == "PUT" and "/mlrunruns/" in url and code == "200" for v, url, code in requests)


def _statuses(events: Sequence[Event]) -> Iterator[tuple[str, int, str, int]]:
    """Uid, execution, phase and resource version of every status that was seen."""
    for event in events:
        status = event.obj.get("status") or {}
        if event.plural == "mlrunruns" and "phase" in status and "execution" in status:
            yield event.obj["metadata"]["uid"], status["execution"]["number"], status["phase"], event.version


def _execution_of(job: Object) -> tuple[str, str] | None:
    """Of which execution the Job is; none yet for one that fired until it is marked."""
    number = (job["metadata"].get("annotations") or {}).get(_EXECUTION)
    unmarked = _fired(job) and _SCHEDULE not in _labels(job)
    if number and _COLLECTS in job["metadata"]["annotations"]:
        number = f"{number}'s collector"
    return (_labels(job)[_UID], number) if number and not unmarked else None


def _fired(job: Object) -> bool:
    return any(o["kind"] == "CronJob" and o.get("controller") for o in job["metadata"].get("ownerReferences") or ())


def _labels(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}
