"""The dashboard as a picture, drawn by matplotlib; not by Grafana."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.dates import DateFormatter

from dashboard.asking import Series, ask
from dashboard.panels import ROWS, Panel, all_panels
from dashboard.recording import Recording

_SHOWN = {"s": "s", "bytes": "MiB", "ops": "1/s", "percentunit": "%", "short": ""}
_FACTOR = {"bytes": 1 / 2**20, "percentunit": 100.0}
_LEGENDS = 8
_POINTS = 80


def draw(promtool: Path, recording: Recording, file: Path) -> None:
    """Ask every question and write the PNG."""
    queries = [query for panel in all_panels() for query in panel.queries]
    last = (recording.length - 1) * recording.every
    times = range(recording.every, last + 1, max(recording.every, last // _POINTS))
    answers = dict(zip(queries, ask(promtool, recording, queries, times), strict=True))
    lines = [line for row in ROWS for line in _lines(row.panels)]
    heights = [0.45 if line[0].kind == "stat" else 1.0 for line in lines]
    figure = plt.figure(figsize=(19, 3.3 * sum(heights)), layout="constrained", facecolor="#f4f5f7")
    parts = figure.subfigures(len(lines), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, panels in zip(parts, lines, strict=True):
        part.set_facecolor("#f4f5f7")
        axes = part.subplots(1, len(panels), squeeze=False, width_ratios=[panel.wide for panel in panels])[0]
        for axis, panel in zip(axes, panels, strict=True):
            _draw(axis, panel, [each for query in panel.queries for each in answers[query]], recording.began)
    figure.savefig(file, dpi=75)
    plt.close(figure)


def _lines(panels: tuple[Panel, ...]) -> list[list[Panel]]:
    """The panels as they stand side by side."""
    lines: list[list[Panel]] = [[]]
    for panel in panels:
        if sum(each.wide for each in lines[-1]) + panel.wide > 24:
            lines.append([])
        lines[-1].append(panel)
    return lines


def _draw(axis: Any, panel: Panel, series: list[Series], began: float) -> None:
    axis.set_title(panel.title, fontsize=10, loc="left")
    factor = _FACTOR.get(panel.unit, 1.0)
    if panel.kind == "stat":
        value = series[0].points[-1][1] * factor if series else math.nan
        axis.axis("off")
        axis.text(0.5, 0.4, f"{value:.3g} {_SHOWN[panel.unit]}", fontsize=24, ha="center", va="center", color="#1f6f43")
        return
    for each in series:
        times = [datetime.fromtimestamp(began + at, UTC) for at, _ in each.points]
        axis.plot(times, [value * factor for _, value in each.points], label=each.name, linewidth=1.2)
    axis.set_ylim(bottom=0)
    axis.set_ylabel(_SHOWN[panel.unit], fontsize=8)
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.3)
    axis.xaxis.set_major_formatter(DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    if series:
        axis.legend(fontsize=6, loc="upper left", ncols=2 if len(series) > _LEGENDS else 1)
    else:
        axis.text(0.5, 0.5, "nothing happened", transform=axis.transAxes, ha="center", color="#888888")
