import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.gitserver import GitServer
from support.servers import OPEN_BUCKET, Authority, HttpsServer, S3Server
from wrapper_runs import Ended, WrapperRun

from mlrun_operator.api.contract.envelope import Envelope, StoreInfo
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.store import Catalogue, open_store
from mlrun_wrapper.sources.base import Request
from mlrun_wrapper.trust import VARIABLES, trusted


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    # A short path: unix sockets have at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="s3-") as folder:
        server = S3Server(Path(folder))
        yield server
        server.stop()


@pytest.fixture
def s3_store(s3: S3Server, request: pytest.FixtureRequest) -> StoreInfo:
    """A prefix of its own in the open bucket."""
    return StoreInfo(root=f"s3://{OPEN_BUCKET}/{request.node.name[:40]}", endpoint=s3.endpoint, anonymous=True)


@pytest.fixture
def file_store(tmp_path: Path) -> StoreInfo:
    return StoreInfo(root=f"file://{tmp_path}/store")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def https(authority: Authority) -> Iterator[HttpsServer]:
    server = HttpsServer(authority)
    yield server
    server.stop()


@pytest.fixture
def git_server(authority: Authority, tmp_path: Path) -> Iterator[GitServer]:
    """Repositories of this test alone."""
    (tmp_path / "repositories").mkdir()
    server = GitServer(tmp_path / "repositories", authority.certificate)
    yield server
    server.stop()


@pytest.fixture
def request_for(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Request]:
    """A source to fetch in this process, which trusts the test's servers and has the environment of a pod."""
    for name in [*VARIABLES, *os.environ]:
        if name.startswith(("GIT_", "AWS_")) or name in VARIABLES or name.endswith(("_proxy", "_PROXY")):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in trusted(authority.pem, tmp_path).items():
        monkeypatch.setenv(name, value)

    def builder(source: str, store: StoreInfo | None = None, attempts: int = 2, **rules: Any) -> Request:
        folder, scratch = tmp_path / "source", tmp_path / "scratch"
        for each in (folder, scratch):
            shutil.rmtree(each, ignore_errors=True)
            each.mkdir()
        info = store or StoreInfo(root=f"file://{tmp_path}/store")
        return Request(Source(source=source), folder, scratch, FetchRules(**rules), info, attempts)

    return builder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., WrapperRun]]:
    """Start a wrapper process; it does not outlive the test."""
    runs: list[WrapperRun] = []

    def starter(content: Envelope | str, env: Mapping[str, str] | None = None, **more: Any) -> WrapperRun:
        folder = tmp_path / f"run{len(runs)}"
        folder.mkdir()
        runs.append(WrapperRun(folder, content, env, **more))
        return runs[-1]

    yield starter
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.end()


@pytest.fixture
def run(start: Callable[..., WrapperRun]) -> Callable[..., Ended]:
    """A whole wrapper run."""

    def runner(content: Envelope | str, env: Mapping[str, str] | None = None) -> Ended:
        return start(content, env).end()

    return runner


@pytest.fixture
def catalogue() -> Callable[[StoreInfo], Catalogue]:
    def opener(info: StoreInfo) -> Any:
        return Catalogue(open_store(info))

    return opener
