"""Several inputs at a time, and what a long one says."""

import os
import threading
import time

import pytest

from mlrun_wrapper.inputs.meter import CancelledError, Meter
from mlrun_wrapper.log import Log
from mlrun_wrapper.parallel import each


def test_outcomes_are_in_order_whatever_comes_first() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 * (5 - number))
        return number * number

    assert each(range(5), work, at_once=5) == [0, 1, 4, 9, 16]
    assert each([], work, at_once=5) == []


def test_only_so_many_at_once() -> None:
    running, most = [0], [0]
    lock = threading.Lock()

    def work(number: int) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1

    each(range(8), work, at_once=3)
    assert most == [3]


def test_the_first_failure_does_not_wait_for_the_others() -> None:
    begun: list[int] = []
    release = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ValueError("number 1")
        release.wait(30)

    start = time.monotonic()
    with pytest.raises(ValueError, match="number 1"):
        each(range(20), work, at_once=2)
    release.set()
    assert time.monotonic() - start < 20
    assert set(begun) == {0, 1}


def test_a_meter_is_silent_at_first_and_then_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("mlrun_wrapper.inputs.meter.time.monotonic", lambda: now[0])
    read, write = os.pipe()
    log, cancelled = Log(write), threading.Event()
    meter = Meter(log, "x", cancelled)
    for _ in range(61):
        now[0] += 0.5
        meter(1 << 20)
    os.close(write)
    with os.fdopen(read) as lines:
        said = lines.read().splitlines()

    assert said[0] == "mlrun-wrapper: input 'x' 4.0 MiB so far, 2.0 MiB/s"
    assert 4 <= len(said) <= 6
    cancelled.set()
    with pytest.raises(CancelledError):
        meter(1)
