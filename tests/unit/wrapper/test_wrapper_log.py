import os
import signal
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_wrapper.log import HEAD, TAIL, Log, Redraws, pump


@pytest.fixture
def output(tmp_path: Path) -> int:
    return os.open(tmp_path / "output", os.O_RDWR | os.O_CREAT)


def shown(descriptor: int) -> bytes:
    return os.pread(descriptor, 1 << 30, 0)


def test_lines_of_the_wrapper_start_their_own_line(output: int) -> None:
    log = Log(output)
    log.write(b"no newline yet")
    log.line("two\nlines")
    log.write(b"after\n")

    expected = b"no newline yet\nmlrun-wrapper: two\nmlrun-wrapper: lines\nafter\n"
    assert shown(output) == expected == log.text()


def test_a_long_log_keeps_head_and_tail_and_says_what_is_missing(output: int) -> None:
    log = Log(output)
    total = 0
    for number in range(5000):
        data = f"{number:06d} ".encode() + b"x" * 1016 + b"\n"
        total += len(data)
        log.write(data)

    kept = log.text()
    assert len(shown(output)) == total
    assert HEAD + TAIL - 2048 < len(kept) < HEAD + TAIL + 100
    assert kept.startswith(b"000000 ")
    assert kept.endswith(b"004999 " + b"x" * 1016 + b"\n")
    gap = int(kept.split(b"\n... ")[1].split()[0])
    assert gap + len(kept) - len(b"\n... %d bytes left out ...\n" % gap) == total


def test_a_log_that_nobody_reads_any_more_does_not_stop_the_run() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    log = Log(writer)

    log.line("into the void")

    assert b"into the void" in log.text()


def test_a_pump_ends_when_the_last_writer_is_gone(output: int) -> None:
    reader, writer = os.pipe()
    log = Log(output)
    thread = threading.Thread(target=pump, args=(reader, log))
    thread.start()
    os.write(writer, b"one\ntwo")
    os.close(writer)
    thread.join(5)

    assert not thread.is_alive()
    assert shown(output) == b"one\ntwo"


class Clock:
    """Time that passes only when it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_progress_bar_shows_a_state_a_second_and_the_last() -> None:
    clock = Clock()
    redraws = Redraws(clock)
    shown = b""
    for step in range(17):
        shown += redraws.thin(b"\r%d%%" % step)
        clock.now += 0.25
    shown += redraws.thin(b"\n")

    assert shown == b"0%\n4%\n8%\n12%\n16%\n"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"plain\n", b"par", b"tial"], b"plain\npartial"),
        ([b"dos\r\n", b"line\r\n"], b"dos\nline\n"),
        ([b"dos\r", b"\nline\r", b"\n"], b"dos\nline\n"),
        ([b"get: ", b"1%\r", b"2%\r", b"done\n"], b"get: 1%\ndone\n"),
        ([b"\ronly"], b"only\n"),
        ([b"\r\r\r\n", b"x\n"], b"x\n"),
        ([b"a\rb\n", b"after\n"], b"a\nb\nafter\n"),
    ],
)
def test_what_is_shown_of_text_that_redraws(pieces: list[bytes], expected: bytes) -> None:
    redraws = Redraws(Clock())

    assert b"".join([*map(redraws.thin, pieces), redraws.rest()]) == expected


@given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\r", b"")), max_size=10))
def test_text_that_never_redraws_passes_untouched_and_at_once(pieces: list[bytes]) -> None:
    redraws = Redraws()

    assert [redraws.thin(piece) for piece in pieces] == pieces
    assert redraws.rest() == b""


@given(st.lists(st.text("ab\r\n", max_size=8).map(str.encode), max_size=10))
def test_no_line_that_ends_is_lost(pieces: list[bytes]) -> None:
    redraws = Redraws(Clock())
    shown = b"".join([*map(redraws.thin, pieces), redraws.rest()])

    assert b"\r" not in shown
    for line in b"".join(pieces).replace(b"\r\n", b"\n").split(b"\n")[:-1]:
        last = line.rpartition(b"\r")[2]
        assert last in shown


def test_a_signals_line_may_come_while_another_is_written(output: int, monkeypatch: pytest.MonkeyPatch) -> None:
    log, write = Log(output), os.write

    def interrupted(descriptor: int, data: memoryview) -> int:
        monkeypatch.setattr(os, "write", write)
        signal.raise_signal(signal.SIGUSR1)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", interrupted)
    before = signal.signal(signal.SIGUSR1, lambda *_: log.line("told to end"))
    writing = threading.Timer(20, os._exit, [1])  # a lock that waits for itself is not ended by an exception
    writing.start()
    log.line("output 'a'")
    writing.cancel()
    signal.signal(signal.SIGUSR1, before)

    assert shown(output) == b"mlrun-wrapper: told to end\nmlrun-wrapper: output 'a'\n"
