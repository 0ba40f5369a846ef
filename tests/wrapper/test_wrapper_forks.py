"""Only the process that was asked reports (fault F10): not one that the handler forks."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from wrapper_runs import Ended, WrapperRun, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.v1alpha1.sweep import SweepInfo

# The child ends before the parent goes on; the parent tells how.
PLAIN = """
    import os, sys

    def handler(context):
        if (pid := os.fork()) == 0:
            CHILD
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        context.log_result("late", 1)
        return code
"""
DECORATED = """
    import mlrun, os

    @mlrun.handler(outputs=["made"])
    def handler(context):
        if (pid := os.fork()) == 0:
            return "from the child"
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
ASYNC = """
    import os

    async def handler(context):
        if (pid := os.fork()) == 0:
            return "from the child"
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
SCRIPT = """
    import mlrun, os

    context = mlrun.get_or_create_ctx("script")
    if (pid := os.fork()) != 0:
        context.log_result("return", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
AT_IMPORT = """
    import os

    if (PID := os.fork()) != 0:
        CODE = os.waitstatus_to_exitcode(os.waitpid(PID, 0)[1])

    def handler(context):
        return CODE
"""


@pytest.mark.parametrize(
    ("child", "code"),
    [
        ("return 'from the child'", 0),
        ("raise ValueError('of the child')", 1),
        ("sys.exit(3)", 3),
        ("sys.exit('words')", 1),
        ("sys.exit()", 0),
        ("os._exit(5)", 5),
    ],
)
def test_a_forked_childs_end_is_its_own(
    run: Callable[..., Ended], file_store: StoreInfo, child: str, code: int
) -> None:
    ended = run(envelope(PLAIN.replace("CHILD", child), store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results == {"late": 1, "return": code}
    assert ("ValueError: of the child" in ended.log) is ("ValueError" in child)


@pytest.mark.parametrize(
    ("code", "handler", "name"),
    [
        (DECORATED, "handler", "made"),
        (ASYNC, "handler", "return"),
        (SCRIPT, None, "return"),
        (AT_IMPORT, "handler", "return"),
    ],
)
def test_however_the_code_is_called(
    run: Callable[..., Ended], file_store: StoreInfo, code: str, handler: str | None, name: str
) -> None:
    ended = run(envelope(code, handler, store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results == {name: 0}


DECORATED_IN_A_POOL = """
    import mlrun
    from multiprocessing import Pool

    @mlrun.handler(outputs=["x"])
    def part(number):
        return number

    def handler(context):
        with Pool(2) as pool:
            return str(pool.map(part, range(3)))
"""
RUNS_IN_A_POOL = """
    import mlrun
    from concurrent.futures import ProcessPoolExecutor

    def train(context, x):
        context.log_result("y", x * 2)

    def one(x):
        return mlrun.new_function("t", kind="").run(handler=train, params={"x": x}, local=True).output("y")

    def handler(context):
        with ProcessPoolExecutor(2) as pool:
            return str(list(pool.map(one, [1, 2, 3])))
"""


@pytest.mark.parametrize(
    ("code", "returned"), [(DECORATED_IN_A_POOL, "[None, None, None]"), (RUNS_IN_A_POOL, "[2, 4, 6]")]
)
def test_what_a_worker_calls_returns_to_it(
    run: Callable[..., Ended], file_store: StoreInfo, code: str, returned: str
) -> None:
    """As under plain mlrun, where a decorated function's values are logged, not returned."""
    ended = run(envelope(code, store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results == {"return": returned}


def test_each_point_of_a_sweep_is_called_once(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = PLAIN.replace("(context):", "(context, x):").replace("CHILD", "return 1")
    code = code.replace("return code", "print(f'back in point {x}')")
    ended = run(envelope(code, store=file_store, sweep=SweepInfo(params={"x": [1, 2]}, seed=1)))

    assert ended.code == 0, ended.log
    assert re.findall("back in point .", ended.log) == ["back in point 1", "back in point 2"]


def test_what_waits_in_an_open_file_is_written_once(
    run: Callable[..., Ended], file_store: StoreInfo, tmp_path: Path
) -> None:
    code = f"""
        import os, sys

        FILE = open({str(tmp_path / "words")!r}, "w")

        def handler(context):
            FILE.write("once")
            sys.stdout.write("a line")
            if (pid := os.fork()) == 0:
                print(" of the child")
                return 1
            os.waitpid(pid, 0)
            FILE.close()
    """
    ended = run(envelope(code, store=file_store))

    assert ended.code == 0, ended.log
    assert (tmp_path / "words").read_text() == "once"
    assert ended.log.count("a line of the child") == 1


CLOSES = """
    import os

    def handler(context):
        context.log_result("before", 1)
        os.closerange(3, 4096)
        MORE
        context.log_result("after", 2)
        return "done"
"""
TAKES_THE_NUMBERS = "files = [open(f'{context.artifact_path}/{n}', 'w') for n in range(40)]"
LINGERS = "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()"


@pytest.mark.parametrize("more", ["pass", TAKES_THE_NUMBERS, LINGERS])
def test_the_outcome_arrives_after_all_descriptors_were_closed(
    run: Callable[..., Ended], file_store: StoreInfo, more: str
) -> None:
    ended = run(envelope(CLOSES.replace("MORE", more), store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results == {"before": 1, "after": 2, "return": "done"}


def test_nothing_of_ours_is_written_into_the_handlers_files(
    run: Callable[..., Ended], file_store: StoreInfo, tmp_path: Path
) -> None:
    taking = f"files = [open({str(tmp_path)!r} + f'/{{n}}.own', 'w') for n in range(40)]"
    ended = run(envelope(CLOSES.replace("MORE", taking), store=file_store))

    assert ended.code == 0, ended.log
    assert {file.read_text() for file in tmp_path.glob("*.own")} == {""}


def test_sigterm_ends_a_handler_that_closed_all_descriptors(
    start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    waits = "import time; print('closed'); time.sleep(300)"
    started = start(envelope(CLOSES.replace("MORE", waits), store=file_store))
    started.wait_for("closed")
    started.terminate()
    ended = started.end(60)

    assert ended.reason == "Terminated"
    assert ended.result.results == {"before": 1}
