"""How a run ends: the user's traceback, partial results, signals, and what stays in the store."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from wrapper_runs import Ended, WrapperRun, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.log_length import told_length
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.options import NonRetryable
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue, NotFoundError, open_store
from mlrun_wrapper import execution

RAISES = """
    import pandas as pd

    def inner(value):
        raise ValueError(f"boom {value}")

    def handler(context):
        context.log_result("before", 1)
        context.log_dataset("partial", df=pd.DataFrame({"a": [1, 2]}))
        inner("ünï")
"""
SLEEPS = """
    import time

    def handler(context):
        context.log_result("before", 1)
        print("handler is running")
        try:
            time.sleep(300)
        finally:
            print("handler cleans up")
"""

STEPS = {"envelope", "store", "attempts", "source", "requirements", "check", "inputs", "execute", "outputs", "verify"}


def run_json(store: StoreInfo, ended: Ended) -> dict[str, Any]:
    path = (ended.result.run_path or "").removeprefix(f"{store.root}/")
    found: dict[str, Any] = json.loads(open_store(store).read(f"{path}run.json"))
    return found


def log_txt(store: StoreInfo, ended: Ended) -> str:
    path = (ended.result.run_path or "").removeprefix(f"{store.root}/")
    return open_store(store).read(f"{path}log.txt").decode()


def test_the_traceback_is_the_users_own(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope(RAISES, store=file_store))

    assert ended.code == 1
    assert ended.result.message == "ValueError: boom ünï"
    trace = ended.result.traceback or ""
    files = re.findall(r'File "[^"]*/([^"/]+)", line (\d+), in (\w+)', trace)
    assert [(file[:8], line, function) for file, line, function in files] == [
        ("handler_", "10", "handler"),
        ("handler_", "5", "inner"),
    ]
    assert trace.endswith("ValueError: boom ünï")
    assert trace in ended.log
    assert ended.log.count("Traceback (most recent call last)") == 1
    assert "mlrun-wrapper: HandlerFailed: ValueError: boom ünï" in ended.log


def test_what_a_failed_handler_logged_is_stored_and_not_the_latest(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    ended = run(envelope(RAISES, store=file_store))

    assert ended.result.results == {"before": 1}
    key = Key.parse(ended.result.outputs["partial"].key)
    catalogue = Catalogue(open_store(file_store))
    assert catalogue.read(key).status["preview"]["rows"] == 2
    with pytest.raises(NotFoundError):
        catalogue.read(Key(key.project, key.type, key.kind, key.name))


def test_run_json_and_log_txt_are_stored_on_every_end(run: Callable[..., Ended], s3_store: StoreInfo) -> None:
    good = run(envelope("def handler(a): return a", store=s3_store, parameters={"a": 1}))
    bad = run(envelope(RAISES, store=s3_store, run={"execution": 2}))
    wrong = run(envelope("def handler(): pass", "hander", store=s3_store, run={"execution": 3}))

    told = [run_json(s3_store, ended) for ended in (good, bad, wrong)]
    assert [(t["state"], t["reason"]) for t in told] == [
        ("completed", "Succeeded"),
        ("error", "HandlerFailed"),
        ("error", "InvalidRun"),
    ]
    assert told[0]["parameters"] == {"a": 1}
    assert told[0]["results"] == {"return": 1}
    assert told[0]["mlrun"]["status"]["state"] == "completed"
    assert set(told[0]["timings"]) == STEPS
    assert told[0]["versions"]["mlrun"].startswith("1.12.")
    assert told[0]["pod"]["name"] == "my-run-abc12"
    for ended in (good, bad, wrong):
        assert log_txt(s3_store, ended) == ended.log
    assert good.result.run_path != bad.result.run_path


@pytest.mark.parametrize(("lines", "is_told"), [(100, False), (3000, True)])
def test_a_long_log_says_at_its_end_how_long_it_was(
    run: Callable[..., Ended], file_store: StoreInfo, lines: int, *, is_told: bool
) -> None:
    """By this a reader knows whether the node, which may have rotated the log, has all of it."""
    code = f"def handler():\n    for number in range({lines}):\n        print(number, 'x' * 1000)\n"
    ended = run(envelope(code, store=file_store))
    length = told_length(ended.log.splitlines())
    assert (length is not None) == is_told
    if length is not None:
        assert ended.log.encode()[:length].endswith(b" results\n")
        assert ended.log.encode()[length:].startswith(b"mlrun-wrapper: this log has ")
        assert told_length(log_txt(file_store, ended).splitlines()) == length


@pytest.mark.parametrize(
    ("failure", "named", "code"),
    [
        ("raise KeyError('x')", {"exceptions": ["LookupError"]}, 2),
        ("raise json.JSONDecodeError('x', '', 0)", {"exceptions": ["json.decoder.JSONDecodeError"]}, 2),
        ("raise KeyError('x')", {"exceptions": ["ValueError"], "exitCodes": [1, 2]}, 1),
        ("sys.exit(3)", {"exitCodes": [3]}, 2),
        ("os._exit(4)", {"exitCodes": [3, 4]}, 2),
    ],
)
def test_a_failure_that_the_run_calls_final_has_an_exit_code_of_its_own(
    run: Callable[..., Ended], file_store: StoreInfo, failure: str, named: dict[str, Any], code: int
) -> None:
    source = f"import json, os, sys\n\ndef handler():\n    {failure}\n"
    ended = run(envelope(source, store=file_store, non_retryable=NonRetryable.model_validate(named)))

    assert (ended.code, ended.reason) == (code, Reason.HANDLER_FAILED)
    assert ("it is not tried again" in ended.log) == (code == 2)


@pytest.mark.parametrize("call", ["sys.exit()", "sys.exit(0)", "raise SystemExit"])
def test_an_exit_without_error_is_success_with_what_was_logged(
    call: str, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    ended = run(
        envelope(f"import sys\ndef handler(context):\n  context.log_result('a', 1)\n  {call}", store=file_store)
    )

    assert ended.code == 0, ended.log
    assert ended.result.results == {"a": 1}


def test_an_error_that_the_handler_sets_as_state_fails_the_run(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        def handler(context):
            context.log_result("n", 1)
            context.set_state(error="the data is bad")
    """
    ended = run(envelope(code, store=file_store))

    assert (ended.code, ended.reason, ended.result.message) == (1, "HandlerFailed", "the data is bad")
    assert ended.result.results == {"n": 1}


def test_a_stopped_handler_cleans_up_and_its_results_are_kept(
    start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    running = start(envelope(SLEEPS, store=file_store))
    running.wait_for("handler is running")
    running.terminate()
    ended = running.end()

    assert (ended.code, ended.reason) == (143, "Terminated")
    assert "handler cleans up" in ended.log
    assert ended.result.results == {"before": 1}
    assert run_json(file_store, ended)["reason"] == "Terminated"
    assert "told to end (SIGTERM)" in log_txt(file_store, ended)


def test_a_handler_that_finishes_its_work_after_sigterm_succeeds(
    start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    code = """
        import time

        def handler():
            print("handler is running")
            try:
                time.sleep(60)
            except BaseException:
                return "saved"
    """
    running = start(envelope(code, store=file_store))
    running.wait_for("handler is running")
    running.terminate()
    ended = running.end()

    assert ended.code == 0, ended.log
    assert ended.result.results == {"return": "saved"}


IGNORES = """
    import signal, time
    import pandas as pd

    def handler(context):
        context.log_result("before", 1)
        context.log_dataset("partial", df=pd.DataFrame({"a": [1, 2]}))
        context.log_dataset("torn", df=pd.DataFrame({"a": [1, 2]}))
        open(context.artifacts[-1]["spec"]["target_path"], "ab").write(b"and now it is written again")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("handler is running", flush=True)
        time.sleep(60)
"""
IN_C_CODE = """
    def handler(context):
        context.log_result("before", 1)
        context.log_artifact("note", body="partial")
        print("handler is running", flush=True)
        sum(range(10 ** 12))
"""


@pytest.mark.parametrize(
    ("code", "outputs"), [(IGNORES, {"partial"}), (IN_C_CODE, {"note"})], ids=["ignores", "in-c-code"]
)
def test_a_handler_that_does_not_react_to_sigterm_is_killed_and_what_it_had_logged_is_stored(
    code: str, outputs: set[str], start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    running = start(envelope(code, store=file_store, grace_seconds=4))
    running.wait_for("handler is running")
    running.terminate()
    ended = running.end()

    assert (ended.code, ended.reason) == (143, "Terminated")
    assert "did not end in time; what it had logged is stored" in ended.result.message
    assert ended.result.results == {"before": 1}
    assert set(ended.result.outputs) == outputs
    assert run_json(file_store, ended)["reason"] == "Terminated"
    assert "told to end (SIGTERM)" in log_txt(file_store, ended)
    if code is IGNORES:
        assert ended.result.warnings == ["output 'torn' was being written when the process ended; it is lost"]


SAVES = """
    import time

    def handler(context):
        print("handler is running")
        try:
            time.sleep(300)
        finally:
            time.sleep(2)
            context.log_result("saved", True)
"""


@pytest.mark.parametrize(("grace", "results"), [(1, {}), (60, {"saved": True})])
def test_the_handler_s_time_to_clean_up_follows_the_grace_period(
    grace: int, results: dict[str, bool], start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    running = start(envelope(SAVES, store=file_store, grace_seconds=grace))
    running.wait_for("handler is running")
    running.terminate()
    ended = running.end()

    assert (ended.code, ended.reason) == (143, "Terminated")
    assert f"told to end (SIGTERM) within {grace} s" in ended.log
    assert ended.result.results == results


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "ctypes.string_at(0)", "os._exit(3)"])
def test_what_was_logged_survives_whatever_ends_the_process(
    end: str, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = f"""
        import ctypes, os

        def handler(context):
            context.log_result("accuracy", 0.5)
            context.log_model("net", body=b"weights", model_file="net.bin")
            {end}
    """
    ended = run(envelope(code, store=file_store))

    assert (ended.code, ended.reason) == (1, "HandlerFailed")
    assert ended.result.results == {"accuracy": 0.5}
    assert set(ended.result.outputs) == {"net"}


def test_sigterm_before_the_handler_runs_ends_the_run_at_once(
    start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    running = start(envelope("import time\ntime.sleep(300)\ndef handler(): pass", store=file_store))
    running.wait_for("source ")
    running.terminate()
    ended = running.end()

    assert (ended.code, ended.reason) == (143, "Terminated")
    assert "before the handler had started" in ended.result.message


def test_processes_that_a_handler_leaves_behind_are_ended(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = """
        import subprocess

        def handler():
            return subprocess.Popen(["sleep", "300"]).pid
    """
    ended = run(envelope(code, store=file_store))

    assert ended.code == 0, ended.log
    assert not is_alive(ended.result.results["return"])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_handler_killed_for_memory_says_so() -> None:
    context = SimpleNamespace(sigterm=SimpleNamespace(came=False))
    failure = execution._gone(context, -9, oom=True)  # type: ignore[arg-type]
    assert failure.reason is Reason.OOM_KILLED
    assert failure.exit_code == 137
