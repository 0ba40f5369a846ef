"""Runs and functions as rows of a table. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from mlrun_operator.api.objects import Object, spec_of, status_of
from mlrun_operator.assess.times import format_duration, parse_time

Cell = Callable[[Object, datetime], str]

PHASE_COLOURS: Final = {
    "Succeeded": "green",
    "Failed": "red",
    "Stopped": "yellow",
    "Running": "cyan",
    "Pending": "magenta",
    "Suspended": "yellow",
    "Scheduled": "blue",
}


def phase(run: Object) -> str:
    """The phase; `New` where the operator has not seen it."""
    return str(status_of(run).get("phase") or "New")


def reason(run: Object) -> str:
    """The reason where it says more than the phase."""
    found = str(status_of(run).get("reason") or "")
    return "" if found in (phase(run), "Created") else found


def age(obj: Object, now: datetime) -> str:
    """Since its creation."""
    created = parse_time(obj["metadata"].get("creationTimestamp"))
    return format_duration(now - created) if created else ""


def took(run: Object, now: datetime) -> str:
    """How long it ran, or has been running."""
    said = status_of(run)
    start = parse_time(said.get("startTime"))
    return str(said.get("duration") or (format_duration(now - start) if start and phase(run) == "Running" else ""))


def function_name(run: Object) -> str:
    """The original name of what it runs."""
    spec = spec_of(run)
    pinned = (status_of(run).get("function") or {}).get("name")
    return str(pinned or (spec.get("functionRef") or {}).get("name") or (spec.get("function") or {}).get("name") or "")


def message(run: Object) -> str:
    """The message's first line."""
    return str(status_of(run).get("message") or "").partition("\n")[0]


def points(run: Object) -> str:
    """How many of a sweep's points have ended, of all."""
    return str((status_of(run).get("sweep") or {}).get("progress") or "")


def project(obj: Object) -> str:
    """The project that its spec says."""
    return str(spec_of(obj).get("project") or "")


def ready(function: Object) -> Object:
    """Condition Ready."""
    return next((c for c in status_of(function).get("conditions") or () if c.get("type") == "Ready"), {})


def source(function: Object) -> str:
    """Where the code is."""
    found = spec_of(function).get("source") or {}
    return str(found.get("source") or "inline")


def name(obj: Object) -> str:
    """metadata.name."""
    return str(obj["metadata"]["name"])


RUN_COLUMNS: Final[dict[str, Cell]] = {
    "name": lambda run, _: name(run),
    "phase": lambda run, _: phase(run),
    "reason": lambda run, _: reason(run),
    "function": lambda run, _: function_name(run),
    "attempts": lambda run, _: str(status_of(run).get("attemptCount") or ""),
    "duration": took,
    "age": age,
}
RUN_WIDE: Final[dict[str, Cell]] = {
    **RUN_COLUMNS,
    "project": lambda run, _: project(run),
    "job": lambda run, _: str(status_of(run).get("jobName") or ""),
    "points": lambda run, _: points(run),
    "message": lambda run, _: message(run),
}
FUNCTION_COLUMNS: Final[dict[str, Cell]] = {
    "name": lambda function, _: name(function),
    "ready": lambda function, _: str(ready(function).get("status") or ""),
    "handler": lambda function, _: str(function["spec"].get("handler") or ""),
    "source": lambda function, _: source(function),
    "age": age,
}
FUNCTION_WIDE: Final[dict[str, Cell]] = {
    **FUNCTION_COLUMNS,
    "project": lambda function, _: project(function),
    "image": lambda function, _: str(function["spec"].get("image") or ""),
    "message": lambda function, _: str(ready(function).get("message") or ""),
}


def columns(kind: str, *, wide: bool) -> dict[str, Cell]:
    """The columns of `runs` or `functions`."""
    if kind == "functions":
        return FUNCTION_WIDE if wide else FUNCTION_COLUMNS
    return RUN_WIDE if wide else RUN_COLUMNS


def rows(objects: Sequence[Object], cells: dict[str, Cell], now: datetime) -> list[list[str]]:
    """A row of texts for each object."""
    return [[cell(obj, now) for cell in cells.values()] for obj in objects]
