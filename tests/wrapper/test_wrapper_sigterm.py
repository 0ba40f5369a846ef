"""SIGTERM at every step, with handlers of every kind: the wrapper exits 0, where all was done, or 143."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sweep_runs import sweep
from wrapper_runs import Ended, WrapperRun, envelope

from mlrun_operator.api.contract.envelope import Envelope, StoreInfo
from mlrun_operator.api.contract.fetching import PipInfo
from mlrun_operator.api.v1alpha1.source import Source

Start = Callable[..., WrapperRun]

GRACE_SECONDS = 6
# What comes in the place of the sleep is what the handler does with the signal.
HANDLER = """
    import atexit, os, shutil, signal, sys, time

    class Own(Exception):
        pass

    def own(*_):
        raise Own("my own way")

    def handler(context, store):
        context.log_result("before", 1)
        BEFORE
        print("handler is running", flush=True)
        try:
            for _ in range(600):
                time.sleep(0.1)
        except BaseException as error:
            AFTER
"""


def handler(after: str, before: str = "pass") -> str:
    return HANDLER.replace("BEFORE", before).replace("AFTER", after)


REACTIONS: dict[str, tuple[str, int, str]] = {
    "raises its own": (handler("raise ValueError('not now') from error"), 143, "HandlerFailed: ValueError: not now"),
    "passes it on": (handler("raise"), 143, "before the handler returned"),
    "exits with 3": (handler("sys.exit(3)"), 143, "sys.exit(3)"),
    "exits with 0": (handler("sys.exit(0)"), 0, ""),
    "ends the process": (handler("os._exit(64)"), 143, "did not end in time"),
    "kills the process": (handler("os.kill(os.getpid(), 9)"), 143, "did not end in time"),
    "returns": (handler("return 'saved'"), 0, ""),
    "returns too little": (handler("return None"), 143, "OutputMissing: output 'model' was not produced"),
    "logs what is gone": (handler("context.log_artifact('gone', local_path='/gone')"), 143, "does not exists at path"),
    "breaks the store": (
        handler("shutil.rmtree(store); open(store, 'w').close(); context.log_artifact('a', body='a')"),
        143,
        "StoreUnavailable",
    ),
    "swallows it": (handler("time.sleep(60)"), 143, "did not end in time"),
    "has its own signal handler": (handler("raise", "signal.signal(15, own)"), 143, "Own: my own way"),
    "has the default one": (handler("raise", "signal.signal(15, signal.SIG_DFL)"), 143, "did not end in time"),
    "ignores it": (handler("raise", "signal.signal(15, signal.SIG_IGN)"), 143, "did not end in time"),
    "is called at exit": (handler("return 1", "atexit.register(time.sleep, 60)"), 0, ""),
}


@pytest.mark.parametrize(("code", "exit_code", "words"), REACTIONS.values(), ids=REACTIONS)
def test_whatever_the_handler_does_with_it(
    code: str, exit_code: int, words: str, start: Start, file_store: StoreInfo
) -> None:
    mapped = {"model": "model"} if "OutputMissing" in words else None
    content = envelope(
        code,
        store=file_store,
        outputs=mapped,
        parameters={"store": file_store.root.removeprefix("file://")},
        grace_seconds=GRACE_SECONDS,
    )
    running = start(content)
    running.wait_for("handler is running")
    ended = told_to_end(running)

    check(ended, exit_code, words)
    assert ended.result.results["before"] == 1


def test_the_handlers_own_exception_is_told(start: Start, file_store: StoreInfo) -> None:
    code = handler("raise ValueError('not now') from error")
    running = start(envelope(code, store=file_store, parameters={"store": ""}))
    running.wait_for("handler is running")
    ended = told_to_end(running)

    assert (ended.result.traceback or "").endswith("ValueError: not now")
    assert "ValueError: not now" in ended.result.message


def test_a_second_signal_changes_nothing(start: Start, file_store: StoreInfo) -> None:
    code = handler("print('again', flush=True); time.sleep(2); raise ValueError('not now')")
    running = start(envelope(code, store=file_store, parameters={"store": ""}, grace_seconds=GRACE_SECONDS))
    running.wait_for("handler is running")
    running.terminate()
    running.wait_for("again")
    ended = told_to_end(running)

    check(ended, 143, "ValueError: not now")


def test_a_sweep_whose_handler_swallows_it_starts_no_more_points(start: Start, file_store: StoreInfo) -> None:
    code = """
        import time

        def handler(context, depth):
            print("point is running", flush=True)
            try:
                time.sleep(60 if depth == 1 else 0)
            except BaseException:
                context.log_result("saved", depth)
    """
    running = start(sweep(file_store, code, params={"depth": [1, 2, 3]}, maxErrors=0, strategy="list"))
    running.wait_for("point is running")
    ended = told_to_end(running)

    check(ended, 143, "before the handler returned")
    assert ended.log.count("point is running") == 1


def test_between_the_handler_and_its_outcome(start: Start, file_store: StoreInfo) -> None:
    code = """
        import time

        def handler(context):
            context.log_result("before", 1)
            context.log_artifact("note", body="partial")
            type(context).commit = slow

        def slow(*_, **__):
            print("mlrun is at work", flush=True)
            time.sleep(60)
    """
    running = start(envelope(code, store=file_store, grace_seconds=GRACE_SECONDS))
    running.wait_for("mlrun is at work")
    ended = told_to_end(running)

    check(ended, 143, "before the handler returned")
    assert ended.result.results == {"before": 1}
    assert set(ended.result.outputs) == {"note"}


@pytest.mark.parametrize("seconds", [0, 0.02, 0.05, 0.1, 0.2])
def test_at_the_very_start(seconds: float, start: Start, file_store: StoreInfo) -> None:
    """Before Python itself has started, the signal is the one that ends the process: 143 for whoever waits for it."""
    running = start(envelope("def handler(): pass", store=file_store))
    time.sleep(seconds)
    ended = told_to_end(running, report=False)

    assert ended.code in (-15, 143), ended.log


def test_before_the_envelope_is_read(tmp_path: Path, start: Start, file_store: StoreInfo) -> None:
    envelope_file = tmp_path / "envelope-that-nobody-writes"
    os.mkfifo(envelope_file)
    running = start(envelope("def handler(): pass", store=file_store), {"MLRUN_ENVELOPE_FILE": str(envelope_file)})
    time.sleep(1.5)
    ended = told_to_end(running)

    check(ended, 143, "before the handler had started")


class SilentServer:
    """Accepts connections and never says a word; `reached` once there was one."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.reached = threading.Event()
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self._connections.append(self._socket.accept()[0])
            except OSError:
                return
            self.reached.set()

    def stop(self) -> None:
        self._socket.close()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.stop()


CODE = "def handler(**_): pass"
WAITING: dict[str, Callable[[StoreInfo, str], Envelope]] = {
    "store": lambda _, url: envelope(CODE, store=StoreInfo(root="s3://b/p", endpoint=url, anonymous=True)),
    "source": lambda store, url: envelope(Source(source=f"{url}/code.py"), store=store),
    "requirements": lambda store, url: envelope(
        CODE, store=store, requirements=["nothing-there"], pip=PipInfo(index_url=f"{url}/simple")
    ),
    "inputs": lambda store, url: envelope(CODE, store=store, inputs={"data": f"{url}/data.csv"}),
}


@pytest.mark.parametrize("step", WAITING)
def test_while_a_step_waits_for_a_server(step: str, start: Start, file_store: StoreInfo, silent: SilentServer) -> None:
    running = start(WAITING[step](file_store, silent.url))
    assert silent.reached.wait(120)
    ended = told_to_end(running)

    check(ended, 143, "before the handler had started")


def test_while_the_module_is_loaded(start: Start, file_store: StoreInfo) -> None:
    code = """
        import time

        print("module is loading", flush=True)
        try:
            time.sleep(60)
        except BaseException:
            raise ValueError("not now")

        def handler(): pass
    """
    running = start(envelope(code, store=file_store))
    running.wait_for("module is loading")
    ended = told_to_end(running)

    check(ended, 143, "before the handler had started")


class StuckStore(ThreadingHTTPServer):
    """An S3 server that takes every object, until it gets the nth one whose path holds a text: that one hangs."""

    daemon_threads = True

    def __init__(self, text: str, nth: int) -> None:
        super().__init__(("127.0.0.1", 0), _StuckStoreHandler)
        self.text, self.count = text, nth
        self.reached, self.released = threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def info(self) -> StoreInfo:
        return StoreInfo(root="s3://b/p", endpoint=f"http://127.0.0.1:{self.server_port}", anonymous=True)

    def stop(self) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()


class _StuckStoreHandler(BaseHTTPRequestHandler):
    server: StuckStore
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.text in self.path:
            self.server.count -= 1
            if self.server.count == 0:
                self.server.reached.set()
                self.server.released.wait(120)
        self._answer(200)

    def do_GET(self) -> None:
        self._answer(404)

    def _answer(self, code: int) -> None:
        self.send_response(code)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


WELL = "def handler(context, **_):\n  context.log_result('before', 1)\n  context.log_artifact('a', body='a')"
ILL = WELL + "\n  raise ValueError('boom')"
STORING: dict[str, tuple[str, tuple[str, int], int, str]] = {
    "an output is stored": (WELL, ("/artifact/", 1), 143, "too short to store all"),
    "latest is written": (WELL, ("/latest", 1), 143, "too short to store all"),
    "a failed handler's output is stored": (ILL, ("/artifact/", 1), 143, "ValueError: boom"),
    "run.json is written": (WELL, ("/run.json", 2), 0, ""),
    "run.json of a failure is written": (ILL, ("/run.json", 2), 143, "HandlerFailed: ValueError: boom"),
    "log.txt is written": (WELL, ("/log.txt", 1), 0, ""),
    "log.txt of a failure is written": (ILL, ("/log.txt", 1), 143, "HandlerFailed: ValueError: boom"),
}


@pytest.mark.parametrize(("code", "stuck", "exit_code", "words"), STORING.values(), ids=STORING)
def test_while_the_store_hangs(code: str, stuck: tuple[str, int], exit_code: int, words: str, start: Start) -> None:
    store = StuckStore(*stuck)
    try:
        running = start(envelope(code, store=store.info, grace_seconds=GRACE_SECONDS))
        assert store.reached.wait(120)
        ended = told_to_end(running)
    finally:
        store.stop()

    check(ended, exit_code, words)
    assert ended.result.results == {"before": 1}


@pytest.mark.parametrize("code", [WELL, ILL])
def test_while_a_points_summary_is_left(code: str, start: Start) -> None:
    store = StuckStore("/points/1.json", 2)
    try:
        content = sweep(store.info, code, params={"depth": [1]}, info={"part": "point"})
        env = {"MLRUN_SWEEP_INDEX": "0"}
        running = start(content.model_copy(update={"grace_seconds": GRACE_SECONDS}), env)
        assert store.reached.wait(120)
        ended = told_to_end(running)
    finally:
        store.stop()

    check(ended, 143, "boom" if code is ILL else "the point's summary")


def told_to_end(running: WrapperRun, *, report: bool = True) -> Ended:
    """Send SIGTERM; the process ends within its grace period."""
    sent = time.monotonic()
    running.terminate()
    ended = running.end() if report else end_without_report(running)
    assert time.monotonic() - sent < GRACE_SECONDS, ended.log
    return ended


def end_without_report(running: WrapperRun) -> Ended:
    running._termination.touch()
    return running.end()


def check(ended: Ended, exit_code: int, words: str) -> None:
    """The exit code, and a report that says the same."""
    told: tuple[Any, ...] = (ended.code, ended.reason)
    assert told == (exit_code, "Terminated" if exit_code else "Succeeded"), f"{ended.termination}\n{ended.log}"
    assert words in ended.result.message
