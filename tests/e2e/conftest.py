"""All real: the operator as its chart deploys it, the wrapper image, mlrun, S3, an HTTPS server with its own CA."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from support.gitserver import GitServer
from support.kube import Kube, fresh_namespace

import fileserver
from deploy import Target, deploy
from devcluster import paths
from fileserver import authority


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        deploy(Target.here())


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The CSV files that vega_datasets ships."""
    return Path(str(files("vega_datasets") / "_data"))


@pytest.fixture(scope="session")
def data_url(datasets: Path) -> Iterator[str]:
    with fileserver.serve(datasets) as url:
        yield url


@pytest.fixture(scope="session")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A Git server that pods reach and trust, as they would trust a company's own."""
    folder = tmp_path_factory.mktemp("git")
    certificate = folder / "server.pem"
    certificate.write_bytes(authority.Authority.kept().leaf([paths.BRIDGE_IP]))
    (folder / "repositories").mkdir()
    server = GitServer(folder / "repositories", certificate, paths.BRIDGE_IP, paths.BRIDGE_IP)
    yield server
    server.stop()


@pytest.fixture
def kube() -> Iterator[Kube]:
    with fresh_namespace("e2e") as kube:
        yield kube
