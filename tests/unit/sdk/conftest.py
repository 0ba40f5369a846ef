from collections.abc import Iterator
from pathlib import Path

import pytest

import mlrun_operator as dh


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Connected to this machine, in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    dh.connect("local", home=tmp_path / "home", quiet=True)
    yield tmp_path
    dh.disconnect()
