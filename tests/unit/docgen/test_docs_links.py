"""What the documents point at exists."""

import re
from pathlib import Path

import pytest

from devcluster.paths import REPOSITORY

_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("examples/**/*.md")])


def headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(_CODE.sub("code", page.read_text())):
        if "://" in target:
            continue
        found = (page.parent / target) if target else page
        assert found.exists(), target
        if anchor:
            assert anchor in headings(found), f"{target}#{anchor}"


def test_make_targets_in_documents_exist() -> None:
    known = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for line in re.findall(r"(?:`|^    )make ([a-z][a-z0-9 -]*)", page.read_text(), re.MULTILINE):
            assert set(line.split()) <= known, f"{page.name}: make {line}"


def test_each_threat_names_its_tests() -> None:
    """A mitigation that no test shows is none."""
    page = (REPOSITORY / "docs" / "threat-model.md").read_text()
    _, threats = page.split("\n## Threats\n")
    rows = [line for line in threats.splitlines() if line.startswith("| ") and not line.startswith("| threat |")]
    assert len(rows) > 20
    for row in rows:
        threat, mitigation, residual_risk, tests = (cell.strip() for cell in row.strip("| ").split(" | "))
        paths = re.findall(r"`(tests/[\w/]+\.py)`", tests)
        assert paths, threat
        assert mitigation, threat
        assert residual_risk, threat
        assert all((REPOSITORY / path).is_file() for path in paths), row
