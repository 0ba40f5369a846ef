"""The outcomes of the programs, each made once while the tests compare what is there already."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docgen.programs import Program

sys.path.append(str(Path(__file__).parents[1] / "wrapper"))  # its way of starting the wrapper

from running import Outcomes


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Those of the programs that this session has selected."""
    specs = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    chosen = [spec.params["program"] for spec in specs if isinstance(spec.params.get("program"), Program)]
    held = Outcomes(chosen, tmp_path_factory.mktemp("conformance"))
    yield held
    held.stop()
