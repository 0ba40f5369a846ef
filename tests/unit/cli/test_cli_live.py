"""What a running handler has logged, as verbs show it: `get`, `describe`, `watch`; `logs` leaves its lines out."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.standin_api import StandIn, standing_in
from test_cli_terminal import terminal

from mlrun_operator.api.contract.live import LIVE_FILE, PREFIX, LiveResults, encode
from mlrun_operator.cli import live, so_far
from mlrun_operator.cli.errors import Exit
from mlrun_operator.cli.output import console
from mlrun_operator.sdk.results import Iteration, Results
from mlrun_operator.sdk.stores.runs import run_folder

Object = dict[str, Any]
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
EVIL = "\x1b]0;owned\x07\x1b[2J\u202e"
POD: Object = {"pod": "train-1-abcde", "uid": "p"}


def frame(**more: Any) -> str:
    return encode(LiveResults.model_validate({"pod": POD["pod"], "time": NOW, **more}))


def a_run(name: str = "train-1", phase: str = "Running", **more: Any) -> Object:
    status = {"phase": phase, "observedGeneration": 1, "attempts": [POD], "attemptCount": 1, **more}
    return {"metadata": {"name": name}, "spec": {"functionRef": {"name": "train"}}, "status": status}


def log(api: StandIn, *lines: str, time: str = "") -> None:
    text = "".join(f"{time}{line}\n" for line in lines)
    api.answers.append(lambda _, path: (200, text) if path.endswith("/log") else None)


def results(values: Object, **more: Any) -> Results:
    found = Results(values)
    for name, value in more.items():
        setattr(found, name, value)
    return found


def test_get_has_percent_and_results_of_what_runs(cli, api: StandIn) -> None:
    api.put("mlrunruns", a_run())
    api.put("mlrunruns", a_run("done", "Succeeded", results={"loss": 1}))
    log(api, "words", frame(results={"loss": 0.5, "epoch": 3}, progress=42.9))
    head, first, second = cli("get", "train-1", "done").out.splitlines()
    assert re.split(" {3,}", head)[-2:] == ["PROGRESS", "SO FAR"]
    assert re.split(" {3,}", first)[-2:] == ["42 %", "loss=0.5, epoch=3"]
    assert "%" not in second
    assert sum(request.startswith("GET") and "/log" in request for request in api.requests) == 1


def test_get_without_live_results_is_as_before(cli, api: StandIn) -> None:
    api.put("mlrunruns", a_run())
    log(api, "words")
    assert "PROGRESS" not in cli("get", "train-1").out
    for words in (("-o", "json"), ("-o", "yaml"), ("-o", "name")):
        asked = len(api.requests)
        cli("get", "train-1", *words)
        assert not [request for request in api.requests[asked:] if "/log" in request]


def test_live_results_that_may_not_be_read_are_a_line(cli, api: StandIn) -> None:
    api.put("mlrunruns", a_run())
    api.refuse("/log", 403, reason="Forbidden", message="pods/log is forbidden")
    said = cli("get", "train-1")
    assert (said.code, "train-1" in said.out) == (Exit.OK, True)
    assert said.err.startswith("the live results of train-1 cannot be read: pods/log is forbidden; ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("verb", ["get", "describe"])
def test_a_fault_in_live_results_is_a_line(cli, api: StandIn, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """What was asked for needs none of them."""

    async def failing(*_: Any) -> None:
        raise KeyError("x")

    monkeypatch.setattr("mlrun_operator.sdk.live.live_results", failing)
    api.put("mlrunruns", a_run())
    said = cli(verb, "train-1")
    assert (said.code, "train-1" in said.out) == (Exit.OK, True)
    assert said.err == "the live results of train-1 cannot be read: KeyError: 'x'\n"


def test_describe_tells_what_was_logged_so_far(cli, api: StandIn) -> None:
    api.put("mlrunruns", a_run())
    steps = [{"number": n, "state": "completed", "results": {"loss": n}} for n in (1, 2)]
    log(api, frame(results={"loss": 0.5}, progress=50, iterations=steps, ended=2, total=4))
    page = cli("describe", "train-1").out.splitlines()
    assert "Progress:     50 %" in page
    assert "Iterations:   2 of 4 ended; 2: loss=2" in page
    assert "So far:       loss=0.5" in page
    told = json.loads(cli("describe", "train-1", "--json").out)["live"]
    assert (told["results"], told["progress"], told["origin"]) == ({"loss": 0.5}, 50, "log")
    assert told["iterations"][0] == {"number": 1, "state": "completed", "results": {"loss": 1}}


def test_logs_leave_live_results_out(cli, api: StandIn) -> None:
    api.put("mlrunruns", a_run(phase="Succeeded"))
    alien = frame().replace(POD["pod"], "another")
    log(api, "one", frame(results={"a": 1}), alien, f"{PREFIX}text", "two", time="T1 ")
    assert cli("logs", "train-1").out.splitlines() == ["one", alien, f"{PREFIX}text", "two"]


def test_hostile_live_results_are_shown_as_text(cli, api: StandIn) -> None:
    api.put("mlrunruns", a_run())
    log(api, frame(results={EVIL: EVIL, "markup": "[bold]x[/bold]\nline"}, progress=1))
    for verb in ("get", "describe"):
        out = cli(verb, "train-1").out
        assert not {"\x1b", "\x07", "\u202e"} & set(out)
        assert "[bold]x[/bold]" in out
    found = results({EVIL: EVIL, "markup": "[bold]x[/bold]"}, is_live=True)
    screen = console()
    with screen.capture() as captured:
        screen.print(live.watch_view({**a_run(), "spec": {}}, [], NOW, live=found))
    assert not {"\x1b", "\x07", "\u202e"} & set(captured.get())
    assert "[bold]x[/bold]" in captured.get()


def test_watch_on_a_terminal_has_them_from_the_log(tmp_path: Path) -> None:
    with standing_in(tmp_path) as (api, config):
        api.put("mlrunruns", a_run())
        log(api, "epoch three", frame(results={"loss": 0.5}, progress=42), time="T1 ")
        with terminal(config, "watch", "train-1", "--timeout", "20") as (_, until):
            shown = until("42 %") + until("loss=0.5") + until("epoch three")
            assert PREFIX not in shown


def test_watch_on_a_terminal_has_them_from_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLRUN_OPERATOR_STORE", f"file://{tmp_path}/store")
    with standing_in(tmp_path) as (api, config):
        run = api.put("mlrunruns", a_run(execution={"number": 1, "hash": "h"}))
        folder = tmp_path / "store" / str(run_folder(run, POD))
        folder.mkdir(parents=True)
        (folder / LIVE_FILE).write_text(frame(results={"loss": 0.5}, progress=42))
        api.refuse("/log", 403, reason="Forbidden", message="pods/log is forbidden")
        with terminal(config, "watch", "train-1", "--timeout", "20") as (_, until):
            assert "42 %" in until("loss=0.5")


def test_watch_without_one_has_a_line_for_each_percent(cli, api: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlrun_operator.cli.follow._LIVE_SECONDS", 0.1)
    api.put("mlrunruns", a_run())
    done = iter([*(frame(progress=percent) for percent in (1.2, 1.9, 2.0)), *[frame(progress=50)] * 1000])
    api.answers.append(lambda _, path: (200, f"{next(done)}\n") if path.endswith("/log") else None)
    said = cli("watch", "train-1", "--timeout", "2")
    assert said.out.splitlines() == ["train-1 · Running", *(f"train-1 · Running · {n} %" for n in (1, 2, 50))]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, ""),
        ({"loss": 0.25, "word": "a b", "none": None}, 'loss=0.25, word="a b", none=null'),
        ({"long": "x" * 100}, f'long="{"x" * 38}…'),
        ({f"r{n}": n for n in range(100)}, ", ".join(f"r{n}={n}" for n in range(74, 100)) + ", 74 more"),
    ],
)
def test_results_are_a_short_line(values: Object, text: str) -> None:
    assert so_far.values(results(values)) == text


def test_replicas_and_points_have_a_line_each() -> None:
    pods = {0: results({"a": 1}, progress=99.9), 3: results({}, progress=None)}
    assert dict(so_far.facts(a_run(replicas=4), results({}, pods=pods)))["replica 0"] == "99 %, a=1"
    point = dict(so_far.facts(a_run(sweep={"points": 9}), results({}, pods=pods, progress=12.0)))
    assert (point["point 1"], point["point 4"], point["progress"]) == ("99 %, a=1", "", "12 %")
    assert list(so_far.facts(a_run(phase="Succeeded"), results({"a": 1}))) == []
    child = results({}, ended=7, iterations=[Iteration(8, "running", {})])
    assert dict(so_far.facts(a_run(), child))["iterations"] == "7 ended"
