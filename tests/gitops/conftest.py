"""A real Argo CD, which installs the operator itself; the release that `make deploy` makes is back in the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.argo import Argo
from support.gitserver import Repository
from support.kstatus import Kstatus

from argocd import daemons
from argocd.life import down, up


@pytest.fixture(scope="session")
def argo() -> Iterator[Argo]:
    found = daemons.running()
    up()
    yield Argo()
    if not found:
        down()


@pytest.fixture(scope="session")
def kstatus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kstatus]:
    with Kstatus(tmp_path_factory.mktemp("kstatus")) as oracle:
        yield oracle


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("repositories")


@pytest.fixture(scope="session")
def repository(repositories: Path) -> Repository:
    """The one repository of the applications."""
    return Repository(repositories, "pipelines.git")
