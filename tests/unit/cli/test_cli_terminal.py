"""The live views, on a terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.standin_api import standing_in

from mlrun_operator.cli.errors import Exit

BIN = Path(sys.executable).parent


def a_run(name: str, **status: Any) -> Any:
    return {"metadata": {"name": name}, "spec": {"functionRef": {"name": "train"}}, "status": status}


@contextmanager
def terminal(config: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[str], str]]]:
    """The program on a terminal of its own; `until` reads what it shows until these words are there."""
    ours, its = pty.openpty()
    env = {**os.environ, "KUBECONFIG": str(config), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "20"}
    env.pop("NO_COLOR", None)
    # What runs in the background, as CI may, ignores Ctrl-C and hands that on.
    command = ["env", "--default-signal=INT", BIN / "mlrunctl", *words]
    process = subprocess.Popen(command, stdout=its, stderr=its, stdin=its, env=env)
    os.close(its)
    shown = b""

    def until(wanted: str) -> str:
        nonlocal shown
        deadline = time.monotonic() + 60
        while wanted.encode() not in shown:
            ready, _, _ = select.select([ours], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{wanted!r} is not in {shown.decode()}"
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the end of the terminal
                break
        return shown.decode()

    try:
        yield process, until
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_watch_draws_the_run_and_its_log_and_ends_with_it(tmp_path: Path) -> None:
    with standing_in(tmp_path) as (api, config):
        api.answers.append(lambda _, path: (200, "T1 epoch one\nT2 epoch two\n") if path.endswith("/log") else None)
        pod = {"pod": "train-1-pod", "uid": "p", "node": "node-7", "reason": "Succeeded"}
        ended = {"phase": "Succeeded", "observedGeneration": 1, "attempts": [pod], "attemptCount": 1}
        api.put("mlrunruns", a_run("train-1", **ended))
        with terminal(config, "watch", "train-1") as (process, until):
            shown = until("epoch two")
            assert "node-7" in shown
            assert "\x1b[32m✔ Succeeded" in shown
            assert process.wait(30) == Exit.OK


def test_watch_shows_what_a_log_would_do_to_the_terminal(tmp_path: Path) -> None:
    with standing_in(tmp_path) as (api, config):
        log = "T1 \x1b]0;owned\x07[bold]x[/bold]\x9b2J the end\n"
        api.answers.append(lambda _, path: (200, log) if path.endswith("/log") else None)
        pod = {"pod": "train-1-pod", "uid": "p", "reason": "Failed"}
        ended = {"phase": "Failed", "message": "\x1b]0;owned\x07[red]", "observedGeneration": 1, "attempts": [pod]}
        api.put("mlrunruns", a_run("train-1", attemptCount=1, **ended))
        with terminal(config, "watch", "train-1") as (process, until):
            shown = until("the end") + until("error:")
            assert r"\u001b]0;owned\u0007[bold]x[/bold]\u009b2J the end" in shown
            assert r"\u001b]0;owned\u0007[red]" in shown
            assert not {"\x1b]", "\x07", "\x9b"} & {shown[i : i + n] for i in range(len(shown)) for n in (1, 2)}
            assert process.wait(30) == Exit.FAILED


def test_top_is_drawn_until_it_is_interrupted(tmp_path: Path) -> None:
    with standing_in(tmp_path) as (api, config):
        api.put("mlrunruns", a_run("train-1", phase="Running"))
        with terminal(config, "top") as (process, until):
            until("train-1")
            process.send_signal(signal.SIGINT)
            assert "Traceback" not in until("no such words before its end")
            assert process.wait(30) == Exit.INTERRUPTED
