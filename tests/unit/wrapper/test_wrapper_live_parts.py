"""The parts that tell live results: progress as handlers tell it, small values, and lines that break no other."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from weakref import WeakSet

import pytest

from mlrun_wrapper.executor.progress import result_done, tqdm_done
from mlrun_wrapper.executor.small import is_small
from mlrun_wrapper.log import Log


class Bar:
    """As tqdm's: it is listed while it is open."""

    _instances: ClassVar[Any] = WeakSet()

    def __init__(self, n: Any, total: Any, pos: int = 0) -> None:
        self.n, self.total, self.pos = n, total, -pos
        Bar._instances.add(self)


def done() -> float | None:
    return tqdm_done({"tqdm.std": SimpleNamespace(tqdm=Bar)})


@pytest.mark.parametrize(
    ("bars", "part"),
    [
        ([], None),
        ([(1, 4)], 0.25),
        ([(1, 2, 1), (1, 4, 0)], 0.25),
        ([(7, None, 0), (1, 2, 1)], 0.5),
        ([(9, 4)], 1.0),
        ([(-1, 4)], 0.0),
        ([(1, 0)], None),
        ([(float("nan"), 4)], None),
        ([(1, float("inf"))], 0.0),
        ([("1", "x")], None),
        ([(10**400, 1)], None),
    ],
)
def test_a_bar_tells_its_part(bars: list[tuple[Any, ...]], part: float | None) -> None:
    kept = [Bar(*bar) for bar in bars]
    assert done() == part
    del kept


@pytest.mark.parametrize("module", [None, SimpleNamespace(), SimpleNamespace(tqdm=lambda items: items)])
def test_without_tqdm_there_is_no_bar(module: Any) -> None:
    assert tqdm_done({} if module is None else {"tqdm.std": module}) is None


def test_a_list_of_bars_that_is_changing_is_read_later() -> None:
    class Changing:
        def copy(self) -> Any:
            raise RuntimeError("Set changed size during iteration")

    assert tqdm_done({"tqdm.std": SimpleNamespace(tqdm=SimpleNamespace(_instances=Changing()))}) is None


@pytest.mark.parametrize(
    ("value", "part"),
    [(0, 0.0), (0.5, 0.5), (1, 1.0), (1.01, None), (42, None), (-1, None), (True, None), ("0.5", None)],
)
def test_the_result_progress_is_a_part_of_one(value: Any, part: float | None) -> None:
    assert result_done({"progress": value}) == part


class Hostile:
    def __str__(self) -> str:
        raise AssertionError("nothing of the user's is called")

    __len__ = __iter__ = __repr__ = __str__  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("value", "small"),
    [
        (None, True),
        (1.5, True),
        ({"a": [1, {"b": "c"}]}, True),
        ("x" * 1000, True),
        ("x" * 1025, False),
        (list(range(10**6)), False),
        ([list(range(200))] * 20, False),
        pytest.param(10**100_000, False, id="a number of 100,000 digits"),
        (Hostile(), False),
        ([Hostile()], False),
        ([[[[[[[[[1]]]]]]]]], False),
    ],
)
def test_only_small_plain_values_are_told(value: Any, small: bool) -> None:
    assert is_small(value) is small


@pytest.fixture
def shown(tmp_path: Path) -> tuple[Log, Callable[[], bytes]]:
    output = os.open(tmp_path / "output", os.O_RDWR | os.O_CREAT)
    return Log(output), lambda: os.pread(output, 1 << 20, 0)


def test_a_passed_line_is_not_kept(shown: tuple[Log, Callable[[], bytes]]) -> None:
    log, read = shown
    log.write(b"one\n")
    assert log.pass_on_line(b"live\n")
    log.write(b"two\n")
    assert read() == b"one\nlive\ntwo\n"
    assert log.text() == b"one\ntwo\n"
    assert log.passed == 8


def test_a_passed_line_waits_for_an_open_line(shown: tuple[Log, Callable[[], bytes]]) -> None:
    log, read = shown
    log.write(b"open")
    assert not log.pass_on_line(b"live\n")
    assert read() == b"open"
    assert log.pass_on_line(b"live\n", break_line=True)
    assert log.pass_on_line(b"live\n")
    assert (read(), log.text()) == (b"open\nlive\nlive\n", b"open\n")
