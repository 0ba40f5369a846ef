"""A tag is released only where the whole tree says its version."""

from pathlib import Path

import pytest

from release.check import disagreements, notes, written

REPOSITORY = Path(__file__).resolve().parents[3]
CHANGELOG = """# Changelog

## [Unreleased]

## [1.1.0] - 2026-05-01

### Added

- Something.

## [1.0.0] - 2026-01-01

- The first.
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "pyproject.toml": '[project]\nversion = "1.1.0"\n',
        "operator/src/mlrun_operator/version.py": '__version__ = "1.1.0"\n',
        "charts/a/Chart.yaml": 'version: 1.1.0\nappVersion: "1.1.0"\n',
        "CHANGELOG.md": CHANGELOG,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_tree_that_agrees_is_released_with_its_section_of_the_changelog(tree: Path) -> None:
    assert disagreements(tree, "1.1.0") == []
    assert notes(CHANGELOG, "1.1.0") == "### Added\n\n- Something."
    assert notes(CHANGELOG, "1.0.0") == "- The first."


def test_every_place_that_says_another_version_is_named(tree: Path) -> None:
    wrong = disagreements(tree, "1.2.0")
    assert [line.split(" says ")[0] for line in wrong] == [
        "pyproject.toml",
        "operator/src/mlrun_operator/version.py",
        "charts/a/Chart.yaml (version)",
        "charts/a/Chart.yaml (appVersion)",
        "CHANGELOG.md has no section [1.2.0]: name the one of unreleased changes so, with the date",
    ]


def test_this_tree_says_one_version_everywhere() -> None:
    assert len({version for _, version in written(REPOSITORY)}) == 1
