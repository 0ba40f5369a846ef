"""The bench as a picture: how long a run waits for its Job at each rate, and how fast a burst is taken."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.contenders import NAMES
from bench.report import Report

_COLOURS: Final = {"ours": "#1f6feb", "floor": "#8c959f", "usual": "#d29922", "job controller": "#3fb950"}
_SHARES: Final = (50, 90, 99)
_RATES: Final = (5, 20, 50)
_BURST: Final = "burst of "


def draw(report: Report, file: Path) -> None:
    """Write what the report has; nothing where it has neither latencies nor a burst."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.family": "sans-serif", "font.size": 9})
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    waits, bursts = figure.subplots(1, 2, width_ratios=(3, 2))
    if _waits(waits, report) + _bursts(bursts, report) == 0:
        return
    for axes in (waits, bursts):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#d0d7de", linewidth=0.6)
        axes.set_axisbelow(True)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=110)


def _waits(axes: Axes, report: Report) -> int:
    """A line from p50 to p99 and a mark at each of p50, p90, p99, for each contender at each rate."""
    drawn = 0
    for place, name in enumerate(NAMES):
        for group, rate in enumerate(_RATES):
            found = [report.figure(f"latency at {rate}/s p{share}, ms", name) for share in _SHARES]
            values = [max(value, 1.0) for value in found if value is not None]
            if values:
                at, label = group + (place - 1.5) * 0.18, None if group else name
                axes.plot([at] * len(values), values, color=_COLOURS[name], marker="_", markersize=9, linewidth=2.5)
                axes.plot([at], values[:1], color=_COLOURS[name], marker="o", linestyle="", label=label)
                drawn += 1
    axes.set_yscale("log")
    axes.set_xticks(range(len(_RATES)), [f"{rate} a second" for rate in _RATES])
    axes.set_ylabel("created → Job, ms (dot: p50; to p99)")
    axes.set_title("What a run waits for its Job", loc="left")
    if drawn:
        axes.legend(frameon=False, ncols=2)
    return drawn


def _bursts(axes: Axes, report: Report) -> int:
    """A bar for each contender."""
    measure = next((m for m in report.measures(_BURST) if m.endswith("runs/min")), "")
    found = {name: value for name in NAMES if (value := report.figure(measure, name)) is not None}
    bars = axes.bar(list(found), list(found.values()), color=[_COLOURS[name] for name in found], width=0.6)
    axes.bar_label(bars, fmt="{:,.0f}")
    axes.set_title(f"Runs a minute, {measure.split(',', 1)[0]}" if found else "no burst", loc="left")
    return len(found)
