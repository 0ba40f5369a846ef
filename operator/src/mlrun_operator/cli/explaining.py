"""Why a run is where it is: one diagnosis from status, pods, events and function. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason, known_reason
from mlrun_operator.api.visible import one_line
from mlrun_operator.assess.diagnose import diagnose
from mlrun_operator.assess.times import parse_time
from mlrun_operator.cli import describing, rows

# The operator answers within a second; a run that it has not seen after this time is not watched.
_UNSEEN: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is said of a run. `facts` are lines of evidence."""

    run: str
    phase: str
    reason: str
    happened: str
    todo: str
    message: str = ""
    details: str = ""
    facts: list[str] = field(default_factory=list)

    def wire(self) -> Object:
        """For --json."""
        return asdict(self)


def explain(
    run: Object, function: Object | None, pods: Sequence[Object] | None, events: Sequence[Object], now: datetime
) -> Diagnosis:
    """The diagnosis. `pods` is None where they are not shown, `function` where the run names none that exists."""
    phase, found = rows.phase(run), known_reason(status_of(run).get("reason"))
    message, _, details = str(status_of(run).get("message") or "").partition("\n")
    happened, todo = _words(found, run)
    facts = [*_attempts(run), *_pods(pods), *_warnings(run), *_events(events, now)]
    if phase == "New":
        return _unseen(run, now, facts)
    newer = _newer(phase, pods, events, now)
    if newer is not None and (newer[0] != found or not message):
        found, message = newer
        happened, todo = EXPLANATIONS[found].happened, EXPLANATIONS[found].todo
    problem = rows.ready(function or {})
    if phase == "Pending" and problem.get("status") == "False":
        facts.append(f"its function is not ready: {problem.get('message')}")
    reason = str(found) if found else str(status_of(run).get("reason") or "")
    if message == happened:
        message = ""
    return Diagnosis(rows.name(run), phase, reason, happened, _after(todo, message), message, details, facts)


def lines(diagnosis: Diagnosis, paint: Callable[[str, str], str] = lambda words, _: words) -> Iterator[tuple[str, ...]]:
    """Yield the diagnosis line by line, each in parts; `paint` gives some of them a colour."""
    colour = rows.PHASE_COLOURS.get(diagnosis.phase, "magenta")
    is_plain = diagnosis.reason in ("", diagnosis.phase)
    yield f"{diagnosis.run}: ", paint(diagnosis.phase if is_plain else f"{diagnosis.phase}, {diagnosis.reason}", colour)
    yield (f"  {diagnosis.happened}",)
    if diagnosis.message:
        yield (f"  {one_line(diagnosis.message)}",)
    if diagnosis.details.strip():
        yield from ((f"  | {line}",) for line in diagnosis.details.strip("\n").split("\n"))
    if diagnosis.todo:
        yield (paint(f"  → {diagnosis.todo}", "bold"),)
    if diagnosis.facts:
        yield ("",)
        yield from ((f"  · {one_line(fact)}",) for fact in diagnosis.facts)


def text(diagnosis: Diagnosis, paint: Callable[[str, str], str] = lambda words, _: words) -> str:
    """Return the lines of the diagnosis as one text."""
    return "\n".join("".join(parts) for parts in lines(diagnosis, paint))


def _words(reason: Reason | None, run: Object) -> tuple[str, str]:
    if reason is None:
        return f"The operator says {status_of(run).get('reason')}, which this version does not know.", ""
    return EXPLANATIONS[reason].happened, EXPLANATIONS[reason].todo


def _after(todo: str, message: str) -> str:
    """What to do, where the message does not say it already; nothing where there is nothing."""
    return "" if todo in ("Nothing.", "Wait.") or todo in message else todo


def _unseen(run: Object, now: datetime, facts: list[str]) -> Diagnosis:
    created = parse_time(run["metadata"].get("creationTimestamp"))
    if created is not None and now - created < _UNSEEN:
        return Diagnosis(
            rows.name(run), "New", "", "The run was just made; the operator has not seen it yet.", "", facts=facts
        )
    return Diagnosis(
        rows.name(run),
        "New",
        "",
        "No operator has seen the run: none is running, or it does not watch this namespace.",
        "`mlrunctl doctor` looks for it; an administrator can add the namespace to the chart's `namespaces`.",
        facts=facts,
    )


def _newer(
    phase: str, pods: Sequence[Object] | None, events: Sequence[Object], now: datetime
) -> tuple[Reason, str] | None:
    """Return what keeps the newest pod from starting, as it is this moment."""
    if phase != "Pending" or pods is None:
        return None
    kubernetes = [e for e in events if (e.get("involvedObject") or {}).get("kind") in ("Pod", "Job")]
    return diagnose(pods[-1] if pods else None, kubernetes, now)


def _attempts(run: Object) -> list[str]:
    found = []
    for attempt in status_of(run).get("attempts") or ():
        code = "" if attempt.get("exitCode") is None else f", exit code {attempt['exitCode']}"
        node = f" on {attempt['node']}" if attempt.get("node") else ""
        found.append(f"pod {attempt['pod']}{node}: {attempt.get('reason') or 'running'}{code}")
    return found if len(found) > 1 or rows.phase(run) == "Failed" else []


def _pods(pods: Sequence[Object] | None) -> list[str]:
    if pods is None:
        return ["pods are not shown: you may not list them in this namespace"]
    found = []
    for pod in pods:
        status = status_of(pod)
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            state = container.get("state") or {}
            waiting = state.get("waiting") or {}
            if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                words = " ".join(str(waiting.get("message") or "").split())
                found.append(f"pod {rows.name(pod)} waits: {waiting['reason']}{f': {words}' if words else ''}")
    return found


def _warnings(run: Object) -> list[str]:
    kinds = ("Warnings", "FunctionChanged", "ResultMissing", "ResultTruncated")
    conditions = status_of(run).get("conditions") or ()
    return [str(c.get("message")) for c in conditions if c["type"] in kinds and c["status"] == "True"]


def _events(events: Sequence[Object], now: datetime) -> list[str]:
    told = [e for e in events if e.get("type") == "Warning" and not _ours(e)]
    return [f"{age} ago, {reason}: {words}" for age, reason, words in describing.event_rows(told[-5:], now)]


def _ours(event: Object) -> bool:
    """Whether the operator posted it, of what the status says anyway."""
    return (event.get("involvedObject") or {}).get("kind") == constants.RUN_KIND
