"""SIGTERM before the handler: the walk ends, also where Python drops the exception on its way."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from mlrun_wrapper.signals import Sigterm, Terminated

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def sigterm() -> Iterator[Sigterm]:
    before = {sign: signal.getsignal(sign) for sign in (signal.SIGTERM, signal.SIGALRM)}
    yield Sigterm()
    signal.setitimer(signal.ITIMER_REAL, 0)
    for sign, handler in before.items():
        signal.signal(sign, handler)


class Dropping:
    """While it goes the signal comes; what is raised then is dropped."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)


def _dropped() -> None:
    Dropping()
    time.sleep(60)


def _interrupted() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)


def test_the_signal_ends_what_blocks(sigterm: Sigterm) -> None:
    with pytest.raises(Terminated), sigterm.doing(sigterm.end):
        _interrupted()


def test_a_dropped_end_comes_again(sigterm: Sigterm) -> None:
    with pytest.raises(Terminated), sigterm.doing(sigterm.end):
        _dropped()


def test_a_dropped_end_is_found_by_the_next_step(sigterm: Sigterm) -> None:
    with sigterm.doing(sigterm.end):
        sigterm.check()
        Dropping()
        with pytest.raises(Terminated):
            sigterm.check()


def test_nothing_is_raised_once_the_block_is_left(sigterm: Sigterm) -> None:
    with pytest.raises(Terminated), sigterm.doing(sigterm.end):
        _interrupted()
    time.sleep(1.2)
