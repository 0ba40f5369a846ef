"""A real Kueue, which manages only the namespaces of these tests; nothing of it is left in the end."""

import pytest
from support.kube import install_crds
from support.operators import scale_deployed_operator

from kueue import daemon
from kueue.life import down, up

_WAS_RUNNING = pytest.StashKey[bool]()


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        session.config.stash[_WAS_RUNNING] = daemon.is_running()
        install_crds()
        scale_deployed_operator(0)
        up()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        scale_deployed_operator(1)
        if not session.config.stash.get(_WAS_RUNNING, False):
            down()
