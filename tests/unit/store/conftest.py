import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.servers import OPEN_BUCKET, S3Server

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.store import Store, open_store


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    # A short path: unix sockets have at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="s3-") as folder:
        server = S3Server(Path(folder))
        yield server
        server.stop()


@pytest.fixture(params=["file", "s3", "s3 without a prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store of each kind, empty where the test looks."""
    if request.param == "file":
        return open_store(StoreInfo(root=f"file://{tmp_path}/with space"))
    server: S3Server = request.getfixturevalue("s3")
    prefix = "" if request.param.endswith("prefix") else f"/{tmp_path.name}/a prefix"
    return open_store(StoreInfo(root=f"s3://{OPEN_BUCKET}{prefix}", endpoint=server.endpoint, anonymous=True))


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder in the store that no other test uses."""
    return f"tests/{tmp_path.name}"
