"""Live results: what the handler logs is told by its pod while it runs, in the log and in the store."""

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sweep_runs import sweep
from wrapper_runs import Ended, WrapperRun, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.live import LIVE_FILE, PREFIX, LiveResults, decode
from mlrun_operator.store import open_store

POD = "my-run-abc12"
# The handler goes on once the test has seen what it wanted.
WAITS = """
import os, pathlib, time

def wait(name="go", seconds=100):
    end = time.monotonic() + seconds
    while not pathlib.Path(FOLDER, name).exists() and time.monotonic() < end:
        time.sleep(0.05)
"""


class Waiting:
    """Runs whose handlers wait until the test lets them go on."""

    def __init__(self, start: Callable[..., WrapperRun], store: StoreInfo, folder: Path) -> None:
        self._start = start
        self._folder = folder
        self.info = store
        self.store = open_store(store)

    def code(self, code: str) -> str:
        return f"FOLDER = {str(self._folder)!r}\n{WAITS}\n{dedent(code)}"

    def start(self, code: str) -> WrapperRun:
        return self._start(envelope(self.code(code), store=self.info))

    def sweep(self, code: str, **said: Any) -> WrapperRun:
        return self._start(sweep(self.info, self.code(code), **said))

    def go(self, name: str = "go") -> None:
        (self._folder / name).touch()

    def ended(self, running: WrapperRun) -> Ended:
        """The run, which succeeds."""
        self.go()
        ended = running.end()
        assert ended.code == 0, ended.log
        return ended

    def folder(self, seconds: float = 60) -> str:
        """The pod's folder of the run, as soon as live results are there."""
        deadline, prefix = time.monotonic() + seconds, "demo/run/run/my-run/"
        while not (found := [each.path for each in self.store.list(prefix) if each.path.endswith(LIVE_FILE)]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return found[0].rpartition("/")[0]

    def stored(self) -> LiveResults:
        live = decode(self.store.read(f"{self.folder()}/{LIVE_FILE}").decode(), 32 * 1024)
        assert live is not None
        return live


@pytest.fixture
def waiting(start: Callable[..., WrapperRun], file_store: StoreInfo, tmp_path: Path) -> Waiting:
    return Waiting(start, file_store, tmp_path)


def frames(running: WrapperRun) -> list[LiveResults]:
    lines = [line for line in list(running.lines) if line.startswith(PREFIX)]
    assert all(len(line.encode()) <= 1024 for line in lines)
    found = [decode(line) for line in lines]
    assert None not in found, lines
    return [live for live in found if live is not None]


def wait_for(running: WrapperRun, wanted: Callable[[LiveResults], Any], seconds: float = 60) -> LiveResults:
    """The first frame that is as wanted."""
    deadline = time.monotonic() + seconds
    while not (found := [live for live in frames(running) if wanted(live)]):
        assert time.monotonic() < deadline, "".join(running.lines)
        assert running.process.poll() is None, "".join(running.lines)
        time.sleep(0.05)
    return found[0]


def test_what_is_logged_is_told_in_log_and_store(
    start: Callable[..., WrapperRun], s3_store: StoreInfo, tmp_path: Path
) -> None:
    waiting = Waiting(start, s3_store, tmp_path)
    code = """
        def handler(context):
            context.log_result("loss", 0.5)
            context.log_results({"nested": {"a": [1, float("nan")]}, "word": "sch\\udc80n", "progress": 0.25})
            print("no newline yet", end="", flush=True)
            wait("newline")
            print(", now", flush=True)
            wait()
    """
    running = waiting.start(code)
    stored = waiting.stored()
    assert not frames(running), "a line of the handler's own was broken"
    waiting.go("newline")
    live = wait_for(running, lambda live: live.results)

    assert live.results == {"loss": 0.5, "nested": {"a": [1, None]}, "word": "sch?n", "progress": 0.25}
    assert (live.pod, live.progress, live.nonfinite, live.omitted) == (POD, 25.0, ["nested"], 0)
    assert stored.results == live.results
    ended = waiting.ended(running)
    assert "no newline yet, now\n" in ended.log
    assert PREFIX not in waiting.store.read(f"{waiting.folder()}/log.txt").decode()


def test_a_frame_comes_at_most_every_five_seconds(waiting: Waiting) -> None:
    code = """
        def handler(context):
            end = time.monotonic() + 13
            n = 0
            while time.monotonic() < end:
                n += 1
                context.log_result("n", n)
                time.sleep(0.01)
    """
    running = waiting.start(code)
    waiting.ended(running)
    told = frames(running)
    assert 2 <= len(told) <= 3
    assert all((b.time - a.time).total_seconds() >= 4.9 for a, b in pairwise(told))
    assert [live.results["n"] for live in told] == sorted({live.results["n"] for live in told})


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ("{f'r{n}': n for n in range(20_000)}", 20_000),
        (
            "{'large': 'x' * 50_000_000, 'deep': functools.reduce(lambda inner, _: [inner], range(80), 1),"
            " 'long': list(range(1_000_000)), 'n' * 10_000: 1, 'text': '\\x1b[2J' * 300}",
            5,
        ),
    ],
)
def test_hostile_results_are_bounded_and_counted(waiting: Waiting, values: str, number: int) -> None:
    code = f"""
        import functools

        def handler(context):
            context.log_result("first", 1)
            context._results.update({values})
            context.log_result("last", 2)
            wait()
    """
    running = waiting.start(code)
    live = wait_for(running, lambda live: "last" in live.results)
    assert len(live.results) + live.omitted == number + 2
    assert live.omitted >= 5
    assert waiting.stored().results["last"] == 2
    waiting.ended(running)


def test_a_frame_that_a_handler_prints_is_only_text(waiting: Waiting) -> None:
    """The reader tells it apart by the pod's name; one with its own name is display, and harms nothing."""
    code = f"""
        def handler(context):
            print({PREFIX!r} + '"pod":"{POD}","time":"2026-01-01T00:00:00Z","results":{{"forged":1}}}}', flush=True)
            wait()
    """
    running = waiting.start(code)
    assert wait_for(running, lambda live: live.results).results == {"forged": 1}
    assert waiting.ended(running).result.results == {}


def test_what_the_handler_writes_in_the_exchange_harms_nothing(waiting: Waiting) -> None:
    code = """
        def handler(context):
            file = pathlib.Path(os.environ["TMPDIR"]).parent / "exchange" / "live.json"
            for text in ("[]", "{", "[" * 100_000, "3", '{"done": "x"}', "x" * 1_000_000):
                file.write_text(text)
                time.sleep(1.2)
            context.log_result("after", 1)
            wait()
    """
    running = waiting.start(code)
    assert wait_for(running, lambda live: live.results).results == {"after": 1}
    waiting.ended(running)


STEPS = """
    for step in {bar}:
        wait() if step == 2 else time.sleep(0.2)
"""
NESTED = """
    for outer in {bar}:
        for step in tqdm(range(5)):
            wait() if step == 2 else time.sleep(0.2)
"""


@pytest.mark.parametrize(
    ("loop", "bar", "progress"),
    [
        (STEPS, "tqdm(range(8))", 25.0),
        (NESTED, "trange(4)", 0.0),
        (NESTED, "tqdm(iter(range(4)))", 40.0),
    ],
)
def test_progress_is_what_the_outermost_bar_shows(waiting: Waiting, loop: str, bar: str, progress: float) -> None:
    head = "from tqdm.auto import tqdm, trange\n\ndef handler(context):"
    running = waiting.start(f"{head}{loop.format(bar=bar)}")
    wait_for(running, lambda live: live.progress == progress)
    waiting.ended(running)


def test_a_printed_bar_and_another_tqdm_tell_no_progress(waiting: Waiting) -> None:
    code = """
        import sys, types

        sys.modules["tqdm"] = sys.modules["tqdm.std"] = types.SimpleNamespace(tqdm=object)

        def handler(context):
            print(" 42%|####      | 42/100 [00:01<00:01, 42it/s]", end="\\r", flush=True)
            context.log_result("progress", 42)
            wait()
    """
    running = waiting.start(code)
    live = wait_for(running, lambda live: live.results)
    assert (live.progress, live.results) == (None, {"progress": 42})
    waiting.ended(running)


def test_child_contexts_are_told_with_their_results(waiting: Waiting) -> None:
    code = """
        def handler(context):
            children = [context.get_child_context(p=p) for p in range(14)]
            for child in children[:7]:
                child.log_result("loss", child.iteration * 2)
                child.commit(completed=True)
            context.update_child_iterations(best_run=2)
            wait()
            context.update_child_iterations(best_run=2, commit_children=True)
    """
    running = waiting.start(code)
    live = wait_for(running, lambda live: live.ended == 7)
    assert (live.progress, live.total) == (50.0, None)
    stored = waiting.stored()
    assert [(each.number, each.state, each.results) for each in stored.iterations[:4]] == [
        (5, "completed", {"loss": 10}),
        (6, "completed", {"loss": 12}),
        (7, "completed", {"loss": 14}),
        (8, "running", {}),
    ]
    waiting.ended(running)


def test_the_points_of_a_sweep_are_told_with_their_results(waiting: Waiting) -> None:
    code = """
        def handler(context, p):
            context.log_result("loss", p)
            if p == 3:
                context.log_result("progress", 0.5)
                wait()
    """
    running = waiting.sweep(code, params={"p": [1, 2, 3, 4]}, selector="min.loss")
    live = wait_for(running, lambda live: live.ended == 2 and live.progress == 62.5)
    assert live.total == 4
    assert [(each.number, each.state) for each in live.iterations] == [
        (1, "completed"),
        (2, "completed"),
        (3, "running"),
    ]
    assert live.iterations[0].results == {"loss": 1}
    assert live.results == {"loss": 3, "progress": 0.5}
    waiting.ended(running)


def test_a_store_that_is_gone_delays_neither_handler_nor_log(waiting: Waiting) -> None:
    code = """
        def handler(context):
            context.log_result("a", 1)
            wait()
    """
    running = waiting.start(code)
    running.wait_for("source")
    folder = Path(waiting.info.root.removeprefix("file://"), "demo")
    folder.rename(folder.with_name("gone"))
    folder.write_text("a file where a folder should be")
    assert wait_for(running, lambda live: live.results).results == {"a": 1}
    folder.unlink()
    folder.with_name("gone").rename(folder)
    waiting.ended(running)


def test_the_frame_is_told_again_where_the_log_grows(waiting: Waiting) -> None:
    code = """
        def handler(context):
            context.log_result("a", 1)
            for n in range(70):
                print("x" * 2000, flush=True)
                time.sleep(0.1)
            wait(seconds=6)
    """
    running = waiting.start(code)
    waiting.ended(running)
    assert [live.results for live in frames(running)] == [{"a": 1}] * len(frames(running))
    assert len(frames(running)) >= 2


def test_the_document_has_the_newest_results(waiting: Waiting) -> None:
    code = """
        def handler(context):
            context.log_results({f"r{n}": "x" * 100 for n in range(1000)})
            wait()
    """
    running = waiting.start(code)
    live = wait_for(running, lambda live: live.results)
    text = waiting.store.read(f"{waiting.folder()}/{LIVE_FILE}")
    stored = json.loads(text)["results"]
    assert list(live.results) == [f"r{n}" for n in range(1000 - len(live.results), 1000)]
    assert list(stored) == [f"r{n}" for n in range(1000 - len(stored), 1000)]
    assert len(live.results) < len(stored)
    assert 16 * 1024 < len(text) <= 32 * 1024
    waiting.ended(running)
