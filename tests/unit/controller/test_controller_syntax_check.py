"""Inline code that takes seconds to parse is parsed by another process, once."""

import asyncio
import errno
import sys
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush

import pytest

from mlrun_operator.assess.python_syntax import syntax_error
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import FUNCTIONS
from mlrun_operator.controller import syntax_check
from mlrun_operator.controller.reconcile_function import FunctionReconciler
from mlrun_operator.controller.syntax_check import SyntaxCheck

_SIZE = 128 * 1024
# Code at the limit of its size, each of a kind that costs the parser much.
COSTLY = {
    "calls": "a" + "()" * (_SIZE // 2 - 1),
    "braces": 'f"' + "{a}" * (_SIZE // 3 - 1) + '"',
    "parentheses": "(" * (_SIZE // 2) + ")" * (_SIZE // 2),
    "minus": "-" * (_SIZE - 1) + "1",
    "attributes": "a" + ".a" * (_SIZE // 2 - 1),
    "lists": "[" + "[]," * (_SIZE // 3 - 1) + "]",
    "lines": "a\n" * (_SIZE // 2),
    "digits": "9" * _SIZE,
    "nothing": " " * _SIZE,
    "zeros": "\0" * _SIZE,
}


def padded(code: str) -> bytes:
    """Return the code, long enough for a process of its own."""
    return (code + "\n" + "# \n" * 2000).encode()


@pytest.mark.parametrize("kind", COSTLY)
async def test_costly_code_is_judged_as_it_is_in_place(kind: str) -> None:
    code = COSTLY[kind].encode()
    assert await SyntaxCheck().error_in("team", code) == (syntax_error(code) or (0, ""))[1]


@pytest.mark.parametrize("size", ["short", "long"])
@pytest.mark.parametrize(
    ("code", "words"),
    [("def f():\n    return 1", ""), ("a = 1\ndef f(:\n", "line 2: invalid syntax"), ("a = '\\ud800é'", "")],
)
async def test_wrong_code_is_told_with_its_line(code: str, words: str, size: str) -> None:
    assert await SyntaxCheck().error_in("team", padded(code) if size == "long" else code.encode()) == words


async def test_other_work_goes_on_meanwhile() -> None:
    turns, check = 0, SyntaxCheck()
    asked = asyncio.create_task(check.error_in("team", COSTLY["braces"].encode()))
    while not asked.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 20


async def test_a_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def parsed_apart(code: bytes) -> str:
        asked.append(code)
        await asyncio.sleep(0)
        return "no"

    monkeypatch.setattr(syntax_check, "_parsed_apart", parsed_apart)
    monkeypatch.setattr(syntax_check, "_MAX_REMEMBERED", 3)
    check = SyntaxCheck()
    assert await asyncio.gather(*(check.error_in("team", padded("a")) for _ in range(5))) == ["no"] * 5
    assert len(asked) == 1
    for number in range(4):
        await check.error_in("team", padded(str(number)))
    await check.error_in("team", padded("3"))
    assert len(asked) == 5
    await check.error_in("team", padded("a"))
    assert len(asked) == 6, "only so many are remembered"


async def test_a_namespace_has_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    check = SyntaxCheck(lambda: now[0])
    _let_parsing_take(monkeypatch, now, seconds=2.0)
    for number in range(6):
        assert check.seconds_until("team", padded(str(number))) == 0
        await check.error_in("team", padded(str(number)))
    assert check.seconds_until("team", padded("b")) == pytest.approx(10), "the tenth of them is 1 s more than was left"
    assert check.seconds_until("team", padded("0")) == 0, "it is known"
    assert check.seconds_until("team", b"b") == 0, "it is short"
    assert check.seconds_until("neighbour", padded("b")) == 0
    now[0] += 10.1
    assert check.seconds_until("team", padded("b")) == 0


async def test_many_functions_that_wait_do_not_all_ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    check = SyntaxCheck(lambda: now[0])
    _let_parsing_take(monkeypatch, now, seconds=0.1)
    turns = [(0.0, number) for number in range(1000)]
    heapify(turns)
    looks = 0
    while turns:
        at, number = heappop(turns)
        now[0] = max(now[0], at)
        looks += 1
        if wait := check.seconds_until("team", padded(str(number))):
            heappush(turns, (now[0] + wait, number))
        else:
            await check.error_in("team", padded(str(number)))
    assert looks <= 20_000, "each of a thousand asked the thousand times that one was parsed"
    assert 700 <= now[0] <= 1000, "a tenth of the time, after the first ten seconds"


def _let_parsing_take(monkeypatch: pytest.MonkeyPatch, now: list[float], seconds: float) -> None:
    async def parsed_apart(code: bytes) -> str:
        del code
        now[0] += seconds
        return ""

    monkeypatch.setattr(syntax_check, "_parsed_apart", parsed_apart)


async def test_a_function_whose_code_waits_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    index = Index()
    code = {"source": {"code": padded("a").decode()}, "handler": "handler"}
    function = {"metadata": {"name": "fn", "namespace": "team", "uid": "u", "resourceVersion": "1"}, "spec": code}
    index.put(FUNCTIONS, function)
    reconciler = FunctionReconciler(None, index, clock=lambda: datetime.now(UTC))  # type: ignore[arg-type]
    monkeypatch.setattr(reconciler._syntax_check, "seconds_until", lambda namespace, code: 7.0)
    assert await reconciler.reconcile(("team", "fn")) == 7.0


async def test_what_takes_too_long_is_left_to_the_pod(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(syntax_check, "_SECONDS", 0.01)
    assert await SyntaxCheck().error_in("team", COSTLY["braces"].encode()) == ""
    assert "was not checked" in caplog.text


NOT_STARTED = {
    "processes": BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
    "memory": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "threads": RuntimeError("can't start new thread"),
}


@pytest.mark.parametrize("lacking", NOT_STARTED)
async def test_what_cannot_be_checked_is_left_to_the_pod(
    lacking: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The error ended the reconcile, which was tried again for ever; the function never had a status."""

    async def not_started(*_: object, **__: object) -> None:
        raise NOT_STARTED[lacking]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", not_started)
    check = SyntaxCheck()
    assert await check.error_in("team", padded("a = (")) == ""
    assert "was not checked: " in caplog.text
    monkeypatch.undo()
    assert await check.error_in("team", padded("b = (")) == "line 1: '(' was never closed"


async def test_a_missing_interpreter_leaves_the_code_to_the_pod(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert await SyntaxCheck().error_in("team", padded("a = (")) == ""
    assert "No such file or directory" in caplog.text


async def test_a_process_that_is_gone_leaves_the_code_to_the_pod(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(pid: int) -> None:
        raise ProcessLookupError(errno.ESRCH, f"No process {pid}")

    monkeypatch.setattr(syntax_check, "_bound", gone)
    assert await SyntaxCheck().error_in("team", padded("a = (")) == ""
    assert "was not checked: [Errno 3]" in caplog.text


async def test_what_takes_too_much_memory_is_left_to_the_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax_check, "_MEMORY_BYTES", 24 * 1024 * 1024)
    assert await SyntaxCheck().error_in("team", COSTLY["braces"].encode()) in (
        "",
        "the code is nested too deeply to be parsed",
    )
