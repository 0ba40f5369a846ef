"""The events of a run: one for each change of execution, phase or reason, named so that it cannot be posted twice."""

from dataclasses import dataclass
from datetime import datetime

from mlrun_operator.api import bounds, constants
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason, known_reason
from mlrun_operator.api.v1alpha1.status import Phase, RunStatus
from mlrun_operator.api.values.names import short_hash
from mlrun_operator.api.words import sentences
from mlrun_operator.assess.times import format_time

_LONGEST = bounds.EVENT.limit
# What of it a cause may take, so that there is room for what to do.
_MESSAGE = 800
# The reason of the event that the operator has deleted a pod which another container keeps, or which has no Job.
POD_DELETED = "PodDeleted"
_NOTHING_TO_DO = ("Wait.", "Nothing.")
_HEALTHY = (
    *(Reason.CREATED, Reason.RUNNING, Reason.SUCCEEDED, Reason.SCHEDULED, Reason.COLLECTING, Reason.QUEUED),
    *(Reason.STOPPED, Reason.SUSPENDED, Reason.SUPERSEDED),
)


@dataclass(frozen=True, slots=True)
class Transition:
    """What changed, as users read it."""

    reason: str
    message: str
    warning: bool


def transition(before: RunStatus, after: RunStatus) -> Transition | None:
    """Return what a new status changes; None where it only adds detail."""
    if _cause(before) == _cause(after):
        return None
    return news_of(after)


def news_of(status: RunStatus) -> Transition:
    """Return what a status tells of itself."""
    reason = status.reason or ""
    return Transition(reason, _words(status), reason not in _HEALTHY and not _is_stopped_by_user(status))


def _cause(status: RunStatus) -> tuple[int, str | None, str | None, str]:
    """Return what an event tells of: of what keeps a run waiting the words, too, which name its object."""
    number = status.execution.number if status.execution else 0
    words = "" if status.reason in _HEALTHY else (status.message or "").partition("\n")[0]
    return number, status.phase, status.reason, words


def _is_stopped_by_user(status: RunStatus) -> bool:
    ending = status.execution.ending if status.execution else None
    return ending is not None and ending.reason == Reason.STOPPED


def event_name(run: Object, status: RunStatus) -> str:
    """The one name that the event of this status can have: the same for all that is written while it is so.

    The time since when it is so tells it from an earlier time, as before a suspension.
    """
    number, phase, reason, words = _cause(status)
    since = next((c.last_transition_time for c in status.conditions or () if c.type == "Ready"), "")
    return _name_of(run, f"{number}/{phase}/{reason}/{since}/{words}")


def event(run: Object, status: RunStatus, now: datetime) -> Object:
    """Return the v1 Event of a status."""
    return _event(run, event_name(run, status), news_of(status), now)


def pod_deletion_event(run: Object, pod_name: str, why: str, now: datetime) -> Object:
    """Return the v1 Event that the operator has deleted a pod: one for all pods of an execution and one cause."""
    number = (status_of(run).get("execution") or {}).get("number")
    name = _name_of(run, f"{number}/{POD_DELETED}/{why}")
    return _event(run, name, Transition(POD_DELETED, f"deleted pod {pod_name}: {why}", warning=True), now)


def _event(run: Object, name: str, news: Transition, now: datetime) -> Object:
    meta, time = run["metadata"], format_time(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": meta["namespace"]},
        "involvedObject": {
            "apiVersion": constants.API_VERSION,
            "kind": constants.RUN_KIND,
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
        },
        "type": "Warning" if news.warning else "Normal",
        "reason": news.reason,
        "message": news.message[:_LONGEST],
        "source": {"component": constants.MANAGER},
        "reportingComponent": constants.MANAGER,
        "reportingInstance": constants.MANAGER,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }


def _name_of(run: Object, identity: str) -> str:
    name, uid = run["metadata"]["name"], run["metadata"]["uid"]
    return f"{name[:200].rstrip('.-')}.{short_hash(f'{uid}/{identity}', 16)}"


def _words(status: RunStatus) -> str:
    if status.phase is Phase.SUCCEEDED and status.duration:
        return f"{status.message or 'done'} in {status.duration}"
    if status.reason == Reason.CREATED:
        return f"{'resumed' if status.attempts else 'created'} Job {status.job_name}"
    if status.reason == Reason.RUNNING and status.attempts:
        last = status.attempts[-1]
        return f"pod {last.pod} runs on node {last.node}"
    if status.reason == Reason.SCHEDULED and status.schedule and status.schedule.next_schedule_time:
        return (
            f"CronJob {status.cron_job_name} is in place; the next run is due at {status.schedule.next_schedule_time}"
        )
    return _with_next_step(status)


def _with_next_step(status: RunStatus) -> str:
    """What happened, and what to do about it: events are what `kubectl describe` ends with."""
    words = (status.message or "").split("\n\n", 1)[0][:_MESSAGE].rstrip()
    reason = known_reason(status.reason)
    said = EXPLANATIONS[reason] if reason else None
    if said is None or said.todo in _NOTHING_TO_DO or said.todo in words:
        return words
    return sentences(words or said.happened, said.todo)
