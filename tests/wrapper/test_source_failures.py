"""Every cause of failure of a source and of requirements, produced for real."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import test_wrapper_failures as failures
from source_failures import SOURCE_CASES, SourceWorld
from support.gitserver import GitServer
from support.servers import Authority, HttpsServer, S3Server


@pytest.fixture
def world(https: HttpsServer, authority: Authority, s3: S3Server, tmp_path: Path, git_server: GitServer) -> SourceWorld:
    return SourceWorld(https, authority, s3, tmp_path, git_server)


@pytest.mark.parametrize("case", SOURCE_CASES, ids=lambda case: case.name)
def test_the_cause_has_its_reason(case: failures.Case, world: SourceWorld, start: Callable[..., Any]) -> None:
    failures.test_the_cause_has_its_reason(case, world, start)
