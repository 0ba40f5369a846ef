"""Write the generated pages, or fail when the files differ from the code."""

import argparse
import sys
from pathlib import Path

from devcluster import paths
from docgen.alerts_page import alerts_page
from docgen.bounds_page import bounds_page
from docgen.captures import captures
from docgen.chart_page import chart_page
from docgen.cli_page import cli_page
from docgen.conformance_page import conformance_page
from docgen.executions_page import executions_page
from docgen.metrics_page import metrics_page
from docgen.reasons_page import reasons_page
from docgen.reference_pages import function_page, run_page
from docgen.settings_page import settings_page
from docgen.sweep_picture import sweep_picture


def pages() -> dict[str, str]:
    """File name → text of every generated page and picture."""
    return {
        "alerts.md": alerts_page(),
        "conformance.md": conformance_page(),
        "reference-bounds.md": bounds_page(),
        "reference-chart.md": chart_page(),
        "reference-cli.md": cli_page(),
        "reference-executions.md": executions_page(),
        "reference-function.md": function_page(),
        "reference-metrics.md": metrics_page(),
        "reference-run.md": run_page(),
        "reasons.md": reasons_page(),
        "settings.md": settings_page(),
        **captures(),
        **sweep_picture(),
    }


def main(argv: list[str] | None = None) -> int:
    """Write the pages; with --check compare them and return 1 where they differ."""
    parser = argparse.ArgumentParser(prog="python -m docgen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    parser.add_argument("--to", type=Path, default=paths.REPOSITORY / "docs", help="folder (default: docs)")
    args = parser.parse_args(argv)
    stale = {name: text for name, text in pages().items() if _read(args.to / name) != text}
    for name, text in stale.items():
        if args.check:
            print(f"{args.to / name} differs from the code: run `make generate`", file=sys.stderr)
        else:
            (args.to / name).parent.mkdir(parents=True, exist_ok=True)
            (args.to / name).write_text(text, encoding="utf-8")
            print(f"wrote {args.to / name}")
    return 1 if args.check and stale else 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
