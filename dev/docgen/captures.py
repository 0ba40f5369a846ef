"""Pictures of the terminal for `docs/cli.md`: what the program draws of runs that were recorded on a real cluster."""

import io
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from devcluster import paths
from mlrun_operator.cli.explaining import Diagnosis, text
from mlrun_operator.cli.live import top_view, watch_view
from mlrun_operator.cli.output import ansi

RECORDED = paths.REPOSITORY / "dev" / "docgen" / "recorded.json"
_WIDTH = 104
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def captures() -> dict[str, str]:
    """File name → SVG of each picture."""
    seen: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    now, runs = datetime.fromisoformat(seen["now"]), seen["runs"]
    watched = next(run for run in runs if run["metadata"]["name"] == seen["watched"])
    why = [Text.from_ansi(text(Diagnosis(**said), ansi)) for said in seen["why"]]
    return {
        "images/top.svg": _svg("mlrunctl top", top_view(runs, seen["namespace"], now)),
        "images/watch.svg": _svg(f"mlrunctl watch {seen['watched']}", watch_view(watched, seen["log"], now)),
        "images/why.svg": _svg("mlrunctl why", *_apart(why)),
    }


def _apart(parts: list[Text]) -> list[Text]:
    return [line for part in parts for line in (part, Text())][:-1]


def _svg(title: str, *views: RenderableType) -> str:
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for view in views:
        console.print(view)
    drawn = _FONTS.sub("", console.export_svg(title=title))  # a picture asks nobody for a font
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def record(folder: Path) -> None:
    """Take what `mlrunctl … --json` wrote into a folder; managed fields and code are left out."""
    top = json.loads((folder / "runs.json").read_text())
    for run in top["runs"]:
        run["metadata"].pop("managedFields", None)
    seen = {
        "now": (folder / "now-runs.txt").read_text().strip(),
        "namespace": top["namespace"],
        "runs": top["runs"],
        "watched": "train-2",
        "log": (folder / "train2.log").read_text().splitlines()[-20:],
        "why": [json.loads((folder / f"why-{name}.json").read_text()) for name in ("report-2031", "train-stuck")],
    }
    RECORDED.write_text(json.dumps(seen, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
