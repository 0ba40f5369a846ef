"""The operator's process against the real API server and node; a stand-in for the wrapper, where only it is absent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.kube import Kube, fresh_namespace, install_crds
from support.operators import Operator, operator_of, scale_deployed_operator


def pytest_sessionstart(session: pytest.Session) -> None:
    """An operator that is deployed in the cluster would do the work of the tested ones: it rests meanwhile."""
    if not hasattr(session.config, "workerinput"):
        install_crds()
        scale_deployed_operator(0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        scale_deployed_operator(1)


@pytest.fixture
def kube() -> Iterator[Kube]:
    with fresh_namespace("it") as kube:
        yield kube


@pytest.fixture
def stopped_operator(kube: Kube, tmp_path: Path) -> Iterator[Operator]:
    with operator_of(kube, tmp_path) as operator:
        yield operator


@pytest.fixture
def operator(stopped_operator: Operator) -> Operator:
    stopped_operator.start()
    return stopped_operator


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """A failed test shows what the operator said."""
    report = yield
    used: Any = getattr(item, "funcargs", {}).get("stopped_operator")
    if report.failed and used is not None and used.log.exists():
        report.sections.append(("operator's log", used.log.read_text()[-8000:]))
    return report
