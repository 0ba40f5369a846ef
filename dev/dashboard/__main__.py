"""`python -m dashboard [--check]`, `record URL FILE [--minutes N]`, `draw FILE PICTURE`."""

import argparse
import sys
from pathlib import Path

from dashboard.grafana import dashboard
from dashboard.recording import Recording, record
from devcluster import paths, tools

FILE = paths.REPOSITORY / "charts" / "mlrun-operator" / "files" / "dashboard.json"


def main(argv: list[str] | None = None) -> int:
    """Write the JSON, compare it, record or draw; 1 where it differs."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    commands = parser.add_subparsers(dest="command")
    records = commands.add_parser("record", help="keep what an operator tells at its /metrics")
    records.add_argument("url")
    records.add_argument("file", type=Path)
    records.add_argument("--minutes", type=float, default=15)
    draws = commands.add_parser("draw", help="a picture of a recording")
    draws.add_argument("file", type=Path)
    draws.add_argument("picture", type=Path)
    args = parser.parse_args(argv)
    if args.command == "record":
        record(args.url, args.file, args.minutes)
        return 0
    if args.command == "draw":
        from dashboard.drawing import draw  # noqa: PLC0415 - matplotlib takes seconds to load

        tools.PROMTOOL.ensure()
        draw(tools.PROMTOOL.binary("promtool"), Recording.read(args.file), args.picture)
        return 0
    return _check() if args.check else _write()


def _write() -> int:
    FILE.write_text(dashboard())
    print(f"wrote {FILE}")
    return 0


def _check() -> int:
    if FILE.is_file() and FILE.read_text() == dashboard():
        return 0
    print(f"{FILE} differs from the code: run `make generate`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
