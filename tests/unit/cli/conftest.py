"""The program, called in this process as a shell calls it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.standin_api import StandIn, standing_in

from mlrun_operator.cli.main import main


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Cli = Callable[..., Said]


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The cluster that the program talks to: no variable of this shell names another one, or a store."""
    for name in ("KUBERNETES_SERVICE_HOST", "MLRUN_OPERATOR_STORE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with standing_in(tmp_path) as (played, config):
        monkeypatch.setenv("KUBECONFIG", str(config))
        yield played


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setattr("sys.argv", ["mlrunctl"])

    def call(*args: object) -> Said:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call
