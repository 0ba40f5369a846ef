"""pip-audit in an environment of its own, a small lock file, and a feed of advisories on this machine."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.advisory_feed import AdvisoryFeed

from audit.scan import Scanner

LOCK = Path(__file__).resolve().parents[3] / "requirements" / "audit.txt"


@pytest.fixture(scope="session")
def pip_audit(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment made from the lock file of `make audit`."""
    folder = tmp_path_factory.mktemp("audit") / "env"
    uv = Path(sys.executable).with_name("uv")
    python = str(folder / "bin" / "python")
    for command in (
        ["venv", "-q", "--python", sys.executable, str(folder)],
        ["pip", "install", "-q", "--compile-bytecode", "--python", python, "--require-hashes", "-r", str(LOCK)],
    ):
        subprocess.run([str(uv), *command], check=True)
    return python


@pytest.fixture
def feed() -> Iterator[AdvisoryFeed]:
    feed = AdvisoryFeed()
    yield feed
    feed.stop()


@pytest.fixture
def scanner(feed: AdvisoryFeed, pip_audit: str, monkeypatch: pytest.MonkeyPatch) -> Scanner:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Scanner(feed.url, pip_audit)


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    """A folder with a lock file of two packages and an empty list of ignored advisories."""
    (tmp_path / "one.txt").write_text(
        f"flask==2.0.0 \\\n    --hash=sha256:{'a' * 64}\n    # via x\nPyJWT==2.1.0 \\\n    --hash=sha256:{'b' * 64}\n"
    )
    (tmp_path / "advisories.toml").write_text("")
    return tmp_path
