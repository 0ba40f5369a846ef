"""The figures as one Markdown table, with what ours is in shares of the others; kept in a file as they come."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Report:
    """Figures by measure and contender. What the file has is not measured again."""

    def __init__(self, names: Sequence[str], file: Path) -> None:
        self._names = names
        self._file = file
        kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        self._figures: dict[str, dict[str, float]] = kept.get("figures", {})
        self._notes: list[str] = kept.get("notes", [])
        self._done: list[str] = kept.get("done", [])

    def add(self, measure: str, name: str, value: float) -> None:
        self._figures.setdefault(measure, {})[name] = value

    def note(self, line: str) -> None:
        self._notes.append(line)

    def has(self, part: str) -> bool:
        """Whether this part was measured before."""
        return part in self._done

    def done(self, part: str) -> None:
        """Keep what was measured: this part is finished."""
        self._done.append(part)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        kept = {"figures": self._figures, "notes": self._notes, "done": self._done}
        self._file.write_text(json.dumps(kept, indent=1))

    def figure(self, measure: str, name: str) -> float | None:
        """What was measured of a contender."""
        return self._figures.get(measure, {}).get(name)

    def measures(self, beginning: str) -> list[str]:
        """The measures whose names begin so, in the order in which they came."""
        return [measure for measure in self._figures if measure.startswith(beginning)]

    def text(self) -> str:
        """The whole report."""
        others = [name for name in self._names if name != "ours"]
        head = ["measure", *self._names, *(f"ours / {name}" for name in others)]
        rows = [[m, *self._row(found)] for m, found in self._figures.items()]
        lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)]), *map(_line, rows)]
        return "\n".join([*lines, "", *(f"- {note}" for note in self._notes)])

    def _row(self, found: dict[str, float]) -> list[str]:
        values = [_number(found.get(name)) for name in self._names]
        ours = found.get("ours")
        ratios = [_ratio(ours, found.get(name)) for name in self._names if name != "ours"]
        return values + ratios


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")


def _ratio(ours: float | None, other: float | None) -> str:
    return f"{ours / other:.2f}" if ours is not None and other else ""
