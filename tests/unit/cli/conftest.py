"""The program, called in this process as a shell calls it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from mlrun_operator.cli.main import main


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Cli = Callable[..., Said]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setattr("sys.argv", ["mlrunctl"])

    def call(*args: object) -> Said:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call
