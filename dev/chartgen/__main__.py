"""Write what is generated of charts/ and kustomize/, or fail when the files differ from their sources."""

import argparse
import sys
from pathlib import Path

from chartgen.crds import templates
from chartgen.kustomize import base, components
from devcluster import paths

CRD_TEMPLATES = Path("charts/mlrun-operator-crds/templates")
KUSTOMIZE = Path("kustomize")


def files() -> dict[Path, str]:
    """File → text of every generated file, relative to the repository."""
    made = {CRD_TEMPLATES / name: text for name, text in templates().items()}
    return made | {KUSTOMIZE / name: text for name, text in (base() | components()).items()}


def main(argv: list[str] | None = None) -> int:
    """Write the files and delete what is no longer made; with --check compare and return 1 where they differ."""
    parser = argparse.ArgumentParser(prog="python -m chartgen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    args = parser.parse_args(argv)
    wanted = files()
    stale = [file for file, text in wanted.items() if _read(paths.REPOSITORY / file) != text]
    gone = [file for file in _there() if file not in wanted]
    for file in (*stale, *gone):
        if args.check:
            print(f"{file} differs from its sources: run `make generate`", file=sys.stderr)
        elif file in gone:
            (paths.REPOSITORY / file).unlink()
        else:
            (paths.REPOSITORY / file).parent.mkdir(parents=True, exist_ok=True)
            (paths.REPOSITORY / file).write_text(wanted[file], encoding="utf-8")
            print(f"wrote {file}")
    return 1 if args.check and (stale or gone) else 0


def _there() -> list[Path]:
    found = [*(paths.REPOSITORY / CRD_TEMPLATES).glob("*.yaml"), *(paths.REPOSITORY / KUSTOMIZE).rglob("*.yaml")]
    return [file.relative_to(paths.REPOSITORY) for file in found]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
