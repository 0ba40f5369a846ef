"""What is logged is handed over as it comes, at a small share of the run's time."""

import os
import time

from mlrun_wrapper.executor.handover import Handover


def test_what_is_logged_is_written_at_once() -> None:
    written: list[int] = []
    handover = Handover(lambda: written.append(1))

    for _ in range(3):
        handover.changed()

    assert len(written) == 3


def test_a_burst_costs_little_and_its_last_state_is_written() -> None:
    written: list[int] = []
    state = {"logged": 0}

    def write() -> None:
        time.sleep(0.2)
        written.append(state["logged"])

    handover = Handover(write)
    start = time.monotonic()
    for number in range(1, 101):
        state["logged"] = number
        handover.changed()
    assert time.monotonic() - start < 10, "as long as writing every state would take"
    handover._began -= 60

    deadline = time.monotonic() + 30
    handover.changed()
    while written[-1] != 100 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert written[-1] == 100
    assert len(written) < 10
    if handover._later is not None:
        handover._later.cancel()


def test_what_cannot_be_written_harms_nobody() -> None:
    def fails() -> None:
        raise RuntimeError("dictionary changed size during iteration")

    Handover(fails).changed()


def test_a_forked_process_writes_nothing() -> None:
    written: list[int] = []
    handover = Handover(lambda: written.append(1))
    handover._process = os.getpid() + 1

    handover.changed()

    assert written == []
