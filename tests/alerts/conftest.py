"""promtool, built once."""

from pathlib import Path

import pytest

from devcluster import tools


@pytest.fixture(scope="session")
def promtool() -> Path:
    tools.PROMTOOL.ensure()
    return tools.PROMTOOL.binary("promtool")
