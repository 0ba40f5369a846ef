"""Asking a recording what the panels ask: by promtool, which has Prometheus' own engine and storage.

promtool only compares answers with expected ones. So nothing is expected, and the answers are read from its complaints.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from dashboard.panels import Query
from dashboard.recording import Recording

_COMPLAINT = re.compile(r'expr: ("(?:[^"\\]|\\.)*"), time: (\w+),\s+exp: ?nil\s+got: ?(.*)')
_SAMPLE = re.compile(r"(?:\w*)\{([^}]*)\} (\S+?)(?:, |$)")
_DURATION = re.compile(r"(\d+)([hms])")
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_EMPTY = "_"


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a panel: its name, and (seconds from the beginning, value) pairs."""

    name: str
    points: list[tuple[int, float]] = field(default_factory=list)


def ask(promtool: Path, recording: Recording, queries: Sequence[Query], times: Sequence[int]) -> list[list[Series]]:
    """The answer to each query, at these seconds. Raises ValueError where promtool does not take a query."""
    asked = [settled(query.expr, recording.every) for query in queries]
    found: dict[str, dict[str, Series]] = {expr: {} for expr in asked}
    legends = dict(zip(asked, (query.legend for query in queries), strict=True))
    for expr, at, labels, value in _answers(promtool, recording, asked, times):
        name = _called(legends[expr], labels)
        found[expr].setdefault(json.dumps(labels), Series(name)).points.append((at, value))
    return [[_in_order(series) for series in found[expr].values()] for expr in asked]


def settled(expr: str, every: int) -> str:
    """The expression with Grafana's variables as they are when all is chosen."""
    return expr.replace("$__rate_interval", f"{6 * every}s").replace("$namespace", ".*")


Answer = tuple[str, int, dict[str, str], float]


def _answers(promtool: Path, recording: Recording, asked: Sequence[str], times: Sequence[int]) -> Iterable[Answer]:
    test = {
        "interval": f"{recording.every}s",
        "input_series": [
            {"series": name, "values": " ".join(_EMPTY if v is None else repr(v) for v in values)}
            for name, values in recording.series.items()
        ],
        "promql_expr_test": [
            {"expr": expr, "eval_time": f"{at}s", "exp_samples": []} for expr in dict.fromkeys(asked) for at in times
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "questions.yaml"
        file.write_text(json.dumps({"evaluation_interval": f"{recording.every}s", "tests": [test]}))
        done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    complaints = list(_COMPLAINT.finditer(said))
    if len(complaints) != said.count("expr: "):
        raise ValueError(f"promtool does not take every query: {said[:2000]}")
    for complaint in complaints:
        at = sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(complaint[2]))
        for labels, value in _SAMPLE.findall(complaint[3]):
            yield json.loads(complaint[1]), at, yaml.safe_load(f"{{{labels.replace('=', ': ')}}}") or {}, float(value)


def _called(legend: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: str(labels.get(found[1], "")), legend).strip()


def _in_order(series: Series) -> Series:
    return Series(series.name, sorted(series.points))
