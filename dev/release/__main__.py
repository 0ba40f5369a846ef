"""`python -m release v1.2.3`: fail where the tree does not say this version, else print the release's notes."""

import sys
from pathlib import Path

from release.check import disagreements, notes

REPOSITORY = Path(__file__).resolve().parents[2]


def main() -> int:
    """Check the tree against the tag of the command line."""
    version = sys.argv[1].removeprefix("v")
    wrong = disagreements(REPOSITORY, version)
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print(notes((REPOSITORY / "CHANGELOG.md").read_text(), version))
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
