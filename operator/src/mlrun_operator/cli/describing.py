"""A run or a function in a page of text. Pure."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.v1alpha1.sweep import read_sweep, sweep_words
from mlrun_operator.api.values.float_pointers import with_floats
from mlrun_operator.api.visible import one_line
from mlrun_operator.assess.times import format_duration, parse_time
from mlrun_operator.cli import rows, so_far

if TYPE_CHECKING:
    from mlrun_operator.sdk.results import Results

_WIDTH = 14


def text(obj: Object, events: Sequence[Object], now: datetime, live: "Results | None" = None) -> str:
    """The page. `live` is what a run at work has logged so far."""
    lines = _function(obj) if "functionRef" not in obj["spec"] and "source" in obj["spec"] else _run(obj, now, live)
    return "\n".join([*lines, *_events(events, now)])


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError


def when(time: str | None, now: datetime) -> str:
    """A time and how long ago it was."""
    moment = parse_time(time)
    return f"{time} ({format_duration(now - moment)} ago)" if moment else ""


def _line(name: str, value: object) -> Iterator[str]:
    if value not in (None, ""):
        first, *rest = str(value).split("\n")
        yield f"{name + ':':<{_WIDTH}}{first}"
        yield from (" " * _WIDTH + line for line in rest)


def _run(run: Object, now: datetime, live: "Results | None") -> Iterator[str]:
    status, spec, meta = status_of(run), run["spec"], run["metadata"]
    said = rows.reason(run)
    yield from _line("Run", meta["name"])
    yield from _line("Namespace", meta["namespace"])
    yield from _line("Project", spec.get("project"))
    yield from _line("Phase", rows.phase(run) + (f", {said}" if said else ""))
    yield from _line("Message", status.get("message"))
    yield from _line("Function", rows.function_name(run))
    yield from _line("Image", (status.get("image") or {}).get("resolved"))
    source = status.get("source") or {}
    yield from _line("Source", source.get("commit") or source.get("sha256"))
    yield from _schedule(run, now)
    yield from _sweep(status)
    yield from _line("Job", status.get("jobName"))
    yield from _line("Execution", (status.get("execution") or {}).get("number"))
    yield from _line("Created", when(meta.get("creationTimestamp"), now))
    yield from _line("Started", when(status.get("startTime"), now))
    yield from _line("Ended", when(status.get("completionTime"), now))
    yield from _line("Took", rows.took(run, now))
    for name, value in so_far.facts(run, live):
        yield from _line(name.capitalize(), one_line(value))
    if spec.get("parameters"):
        parameters = with_floats(spec, spec.get("floatParameters") or ())[0]["parameters"]
        yield from _part("Parameters", [[name, json.dumps(value)] for name, value in parameters.items()])
    yield from _part(
        "Inputs",
        [[i["name"], i.get("key") or i.get("path", ""), size(i.get("size"))] for i in status.get("inputs") or ()],
    )
    outputs = (status.get("outputs") or {}).items()
    yield from _part("Outputs", [[name, o["kind"], size(o.get("size")), o["key"]] for name, o in outputs])
    results = (status.get("results") or {}).items()
    yield from _part("Results", [[name, json.dumps(value)[:200]] for name, value in results])
    attempts = status.get("attempts") or ()
    yield from _part(
        "Attempts",
        [
            [
                a["pod"],
                a.get("node", ""),
                a.get("reason") or "",
                "" if a.get("exitCode") is None else f"exit {a['exitCode']}",
            ]
            for a in attempts
        ],
    )
    past = status.get("executions") or ()
    yield from _part(
        "Before", [[str(p["number"]), p["phase"], p.get("reason") or "", p.get("completionTime") or ""] for p in past]
    )
    news = [
        c
        for c in status.get("conditions") or ()
        if c["type"] in ("Warnings", "FunctionChanged", "ResultMissing", "ResultTruncated", "TTLIgnored")
    ]
    yield from _part("Warnings", [[c["type"], c.get("message", "")] for c in news if c["status"] == "True"])


def _schedule(run: Object, now: datetime) -> Iterator[str]:
    spec, said = run["spec"], status_of(run).get("schedule") or {}
    if "schedule" not in spec:
        return
    yield from _line("Schedule", f"{spec['schedule']} in {spec.get('timeZone') or 'UTC'}")
    following = parse_time(said.get("nextScheduleTime"))
    yield from _line("Next", f"{said['nextScheduleTime']} (in {format_duration(following - now)})" if following else "")
    yield from _line("Last", when(said.get("lastScheduleTime"), now))
    counts = [
        f"{said[name]} {name}" for name in ("active", "succeeded", "failed", "stopped", "missed") if said.get(name)
    ]
    yield from _line("Runs", ", ".join(counts))
    yield from _line("Backfill", (said.get("backfill") or {}).get("progress"))


def _sweep(status: Object) -> Iterator[str]:
    sweep = read_sweep(status)
    if sweep is None:
        return
    yield from _line("Points", sweep_words(sweep) + (f", {sweep.running} run" if sweep.running else ""))
    if sweep.best is not None:
        yield from _line("Best", ", ".join(f"{name} = {json.dumps(v)}" for name, v in sweep.best.parameters.items()))


def _function(function: Object) -> Iterator[str]:
    spec, meta = function["spec"], function["metadata"]
    ready = rows.ready(function)
    yield from _line("Function", spec.get("name") or meta["name"])
    yield from _line("Namespace", meta["namespace"])
    yield from _line("Project", spec.get("project"))
    yield from _line("Description", spec.get("description"))
    yield from _line("Ready", f"{ready.get('status', 'not seen')} {ready.get('message', '')}".strip())
    yield from _line("Handler", spec.get("handler") or "(script)")
    yield from _line("Source", rows.source(function))
    yield from _line("Image", spec.get("image"))
    yield from _line("Requirements", ", ".join(spec.get("requirements") or ()))
    if rows.source(function) == "inline" and "code" in spec["source"]:
        yield "Code:"
        yield from (f"  {line}" for line in spec["source"]["code"].rstrip().split("\n"))


def _part(title: str, lines: Sequence[Sequence[str]]) -> Iterator[str]:
    if not lines:
        return
    yield f"{title}:"
    lines = [[one_line(cell) for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        yield "  " + "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def event_time(event: Object) -> str:
    """When it happened last."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def event_rows(events: Sequence[Object], now: datetime) -> list[list[str]]:
    """Age, reason and words of each event, oldest first."""
    found = []
    for event in sorted(events, key=event_time):
        moment = parse_time(event_time(event))
        words = " ".join(str(event.get("message", "")).split())
        found.append([format_duration(now - moment) if moment else "", str(event.get("reason", "")), words])
    return found


def _events(events: Sequence[Object], now: datetime) -> Iterator[str]:
    yield from _part("Events", event_rows(events, now))
