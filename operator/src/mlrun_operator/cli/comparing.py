"""What makes one run another than the other: what was run, on what, where, and what came of it. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mlrun_operator.api.objects import Object, spec_of, status_of
from mlrun_operator.api.values.float_pointers import with_floats
from mlrun_operator.cli import rows

# A fact's place: the section, and its name there.
Place = tuple[str, str]
SECTIONS: Final = ("run", "code", "parameters", "inputs", "results", "outputs", "environment", "options")
# The fields of a spec that have a section of their own, or say nothing of what runs.
_NOT_OPTIONS: Final = {
    *("functionRef", "function", "name", "project", "uuid", "description", "labels", "parameters", "floatParameters"),
    *("inputs", "outputs", "values", "returns", "rerun", "stop", "suspend", "schedule", "timeZone"),
}
_MAX_CELL: Final = 60
_SHORT_DIGEST: Final = 12


@dataclass(frozen=True)
class Pair:
    """A fact of two runs. What a run does not have is None."""

    section: str
    name: str
    left: Any
    right: Any

    @property
    def differs(self) -> bool:
        """Whether the values differ, also by type: 1 is neither 1.0 nor true."""
        left, right = (json.dumps(value, sort_keys=True, default=str) for value in (self.left, self.right))
        return left != right


def pairs(left: dict[Place, Any], right: dict[Place, Any]) -> list[Pair]:
    """Return the facts of two runs side by side, in the order of the sections."""
    places = sorted(dict.fromkeys((*left, *right)), key=lambda place: SECTIONS.index(place[0]))
    return [Pair(*place, left.get(place), right.get(place)) for place in places]


def facts(run: Object, report: Object | None) -> dict[Place, Any]:
    """Return all that a comparison looks at.

    `report` is the newest attempt's run.json: what the status has no room for, and the versions of the packages.
    """
    return {(section, name): value for section, name, value in _facts(run, report or {}) if value not in (None, "")}


def cell(value: Any) -> str:
    """Return a fact as a table shows it."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_CELL else f"{text[: _MAX_CELL - 1]}…"


def _facts(run: Object, report: Object) -> Iterator[tuple[str, str, Any]]:
    status, spec = status_of(run), spec_of(run)
    yield "run", "phase", rows.phase(run)
    yield "run", "reason", rows.reason(run)
    yield "run", "message", rows.message(run)
    yield "run", "took", status.get("duration")
    yield "run", "attempts", status.get("attemptCount")
    yield from _code(run, report)
    parameters = report.get("parameters")
    if parameters is None:
        parameters = with_floats(spec, spec.get("floatParameters") or ())[0].get("parameters")
    yield from _named("parameters", parameters)
    for given in report.get("inputs") or status.get("inputs") or ():
        yield "inputs", given["name"], _data(given, "key", "path")
    yield from _named("results", {**(status.get("results") or {}), **(report.get("results") or {})})
    for name, made in (report.get("outputs") or status.get("outputs") or {}).items():
        yield "outputs", name, _data(made)
    yield "environment", "image", (status.get("image") or {}).get("resolved")
    yield from _named("environment", report.get("versions"))
    yield from _named("options", {name: value for name, value in spec.items() if name not in _NOT_OPTIONS})


def _code(run: Object, report: Object) -> Iterator[tuple[str, str, Any]]:
    status = status_of(run)
    yield "code", "function", rows.function_name(run)
    # Digests of two versions of their rules cannot be compared; the same version's can.
    yield "code", "digest", (status.get("function") or {}).get("digest")
    yield "code", "handler", (report.get("function") or {}).get("handler")
    source = report.get("source") or status.get("source") or {}
    yield "code", "commit", source.get("commit")
    yield "code", "sha256", source.get("sha256")


def _named(section: str, values: Any) -> Iterator[tuple[str, str, Any]]:
    for name, value in (values or {}).items():
        yield section, str(name), value


def _data(info: Object, *origins: str) -> str:
    """Return where data is from, and its digest: equal bytes from elsewhere are told, and other bytes from there."""
    origin = next((str(info[name]) for name in origins if info.get(name)), "")
    digest = f"sha256 {info['sha256'][:_SHORT_DIGEST]}" if info.get("sha256") else ""
    return ", ".join(filter(None, (origin, f"{info['size']} B" if info.get("size") is not None else "", digest)))
