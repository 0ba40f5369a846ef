"""Where a version is written, and whether all say the same. The standard library only: it runs before `make setup`."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

HEADING = r"^## \[(?P<name>[^\]]+)\](?P<date>.*)$"


def disagreements(repository: Path, version: str) -> list[str]:
    """Return a sentence for every place that does not say this version."""
    wrong = [f"{place} says {found}, not {version}" for place, found in written(repository) if found != version]
    if not notes((repository / "CHANGELOG.md").read_text(), version):
        wrong.append(f"CHANGELOG.md has no section [{version}]: name the one of unreleased changes so, with the date")
    return wrong


def written(repository: Path) -> Iterator[tuple[str, str]]:
    """Every place that holds the version, and what it says."""
    yield "pyproject.toml", tomllib.loads((repository / "pyproject.toml").read_text())["project"]["version"]
    module = "operator/src/mlrun_operator/version.py"
    yield module, _first(r'^__version__ = "(.+)"$', (repository / module).read_text())
    for chart in sorted((repository / "charts").glob("*/Chart.yaml")):
        for field in ("version", "appVersion"):
            name = f"{chart.relative_to(repository)} ({field})"
            yield name, _first(rf'^{field}: "?([^"\s]+)"?$', chart.read_text())


def notes(changelog: str, version: str) -> str:
    """Return the changelog's section of a version without its heading, empty if it has none."""
    headings = list(re.finditer(HEADING, changelog, re.MULTILINE))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading["name"] == version:
            return changelog[heading.end() : following.start() if following else None].strip()
    return ""


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else "nothing"
