"""`why`, `describe`, `top` and `watch`: what they say of a run. Pure."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.cli import describing, live, rows
from mlrun_operator.cli.explaining import explain, text
from mlrun_operator.cli.output import console

NOW = datetime(2026, 11, 24, 12, 1, 0, tzinfo=UTC)
Object = dict[str, Any]


def a_run(name: str = "train-1", spec: Object | None = None, **status: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "team", "uid": "u-1", "creationTimestamp": "2026-11-24T12:00:00Z"},
        "spec": spec or {"functionRef": {"name": "train"}},
        **({"status": status} if status else {}),
    }


def a_pod(**waiting: str) -> Object:
    return {
        "metadata": {"name": "train-1-pod", "creationTimestamp": "2026-11-24T12:00:02Z"},
        "status": {"containerStatuses": [{"name": "mlrun", "image": "x", "state": {"waiting": waiting}}]},
    }


def an_event(reason: str, words: str, kind: str = "Pod") -> Object:
    return {
        "type": "Warning",
        "reason": reason,
        "message": words,
        "lastTimestamp": "2026-11-24T12:00:30Z",
        "involvedObject": {"kind": kind},
        "metadata": {},
    }


def test_a_failed_run_has_its_message_its_traceback_and_what_to_do() -> None:
    run = a_run(
        phase="Failed",
        reason="HandlerFailed",
        message="ValueError: no rows\nTraceback (most recent call last):\n  File pipeline.py, line 3",
        attempts=[{"pod": "train-1-a", "node": "n", "exitCode": 1, "reason": "HandlerFailed"}],
    )
    said = text(explain(run, None, [], [], NOW)).splitlines()
    assert said[0] == "train-1: Failed, HandlerFailed"
    assert said[2] == "  ValueError: no rows"
    assert said[3] == "  | Traceback (most recent call last):"
    assert "  → Read the traceback at the end of the log, fix the code and run it again." in said
    assert said[-1] == "  · pod train-1-a on n: HandlerFailed, exit code 1"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    said = explain(a_run(phase="Failed", reason=str(reason)), None, [], [], NOW)
    assert said.happened == EXPLANATIONS[reason].happened


def test_a_cause_that_the_status_does_not_have_yet_is_seen_in_the_pod() -> None:
    run = a_run(phase="Pending", reason="Created", message="The Job was created, but its pod has not started.")
    said = explain(run, None, [a_pod(reason="ImagePullBackOff", message="not found")], [], NOW)
    assert (said.reason, said.message) == ("ImagePull", "image x: not found")
    assert "pod train-1-pod waits: ImagePullBackOff: not found" in said.facts


def test_a_cause_that_only_events_tell_is_found_there() -> None:
    run = a_run(phase="Pending", reason="Created")
    events = [an_event("FailedMount", 'MountVolume.SetUp failed: configmap "settings" not found')]
    said = explain(run, None, [a_pod(reason="ContainerCreating")], events, NOW)
    assert said.reason == "ConfigMapMissing"
    assert said.facts[-1].startswith("30s ago, FailedMount: ")


def test_a_run_that_nobody_watches_is_told_after_a_while() -> None:
    assert "none is running, or it does not watch this namespace" in explain(a_run(), None, [], [], NOW).happened
    young = NOW.replace(minute=0, second=3)
    assert "was just made" in explain(a_run(), None, [], [], young).happened


def test_hidden_pods_and_a_function_that_is_not_ready_are_facts() -> None:
    function = {"status": {"conditions": [{"type": "Ready", "status": "False", "message": "source: line 1"}]}}
    said = explain(a_run(phase="Pending", reason="Created"), function, None, [], NOW)
    assert said.facts == [
        "pods are not shown: you may not list them in this namespace",
        "its function is not ready: source: line 1",
    ]


def test_a_reason_of_a_newer_operator_is_shown_as_it_is() -> None:
    said = explain(a_run(phase="Failed", reason="Eclipse", message="dark"), None, [], [], NOW)
    assert (said.reason, said.message) == ("Eclipse", "dark")


def test_a_page_about_a_run() -> None:
    run = a_run(
        phase="Succeeded",
        reason="Succeeded",
        startTime="2026-11-24T12:00:10Z",
        duration="9s",
        outputs={"data": {"kind": "table", "key": "store://p/dataitem/table/data:1", "path": "s3://x", "size": 2048}},
        results={"score": 0.5},
        inputs=[{"name": "url", "path": "https://x", "size": 3}],
        attempts=[{"pod": "a", "exitCode": 0}],
    )
    page = describing.text(run, [an_event("Odd", "words")], NOW).splitlines()
    assert "Phase:        Succeeded" in page
    assert "Started:      2026-11-24T12:00:10Z (50s ago)" in page
    assert "  data   table   2.0 KiB   store://p/dataitem/table/data:1" in page
    assert page[-1] == "  30s   Odd   words"


def test_a_sweep_shows_how_far_it_is_and_its_best_point() -> None:
    sweep = {"points": 8, "succeeded": 3, "failed": 1, "running": 2, "progress": "4/8"}
    run = a_run(phase="Running", reason="Running", sweep=sweep)
    assert "Points:       3 of 8 points succeeded, 1 failed, 2 run" in describing.text(run, [], NOW).splitlines()
    assert live.change_line(run) == "train-1 · Running · 4/8 points"
    screen = console()
    with screen.capture() as shown:
        screen.print(live.watch_view(run, [], NOW))
    assert "4/8" in shown.get()
    best = {"iteration": 3, "parameters": {"rate": 0.1, "name": "a"}}
    run = a_run(phase="Succeeded", sweep={**sweep, "succeeded": 7, "running": 0, "progress": "8/8", "best": best})
    page = describing.text(run, [], NOW).splitlines()
    assert "Points:       7 of 8 points succeeded, 1 failed; the best is point 3" in page
    assert 'Best:         rate = 0.1, name = "a"' in page
    assert rows.rows([run], {"points": rows.RUN_WIDE["points"]}, NOW) == [["8/8"]]


def test_a_sweep_of_a_newer_operator_is_left_out() -> None:
    page = describing.text(a_run(phase="Running", sweep={"points": 8, "surprise": 1}), [], NOW)
    assert "Points" not in page


def test_a_page_about_a_function_has_its_code() -> None:
    function = {
        "metadata": {"name": "fn", "namespace": "team"},
        "spec": {"source": {"code": "def f():\n    pass\n"}, "handler": "f"},
        "status": {"conditions": [{"type": "Ready", "status": "True", "message": "runs of it can start"}]},
    }
    page = describing.text(function, [], NOW).splitlines()
    assert "Ready:        True runs of it can start" in page
    assert page[-2:] == ["  def f():", "      pass"]


def drawn(view: Any) -> str:
    screen = console()
    with screen.capture() as captured:
        screen.print(view)
    return captured.get()


def test_top_has_what_is_under_way_first_and_counts() -> None:
    runs = [
        a_run("old", phase="Succeeded", outputs={"data": {}}),
        a_run("bad", phase="Failed", reason="OOMKilled", message="too little"),
        a_run("now", phase="Running", reason="Running", startTime="2026-11-24T12:00:10Z"),
        a_run("new"),
    ]
    lines = [line.rstrip() for line in drawn(live.top_view(runs, "team", NOW, limit=3)).splitlines()]
    assert lines[0] == "team    1 Succeeded  1 Failed  1 Running  1 New"
    assert [line.split()[0] for line in lines[3:6]] == ["now", "new", "old"]
    assert lines[-1] == "and 1 more"


def test_watch_has_the_attempts_and_the_end_of_the_log() -> None:
    run = a_run(
        phase="Running", reason="Running", attemptCount=3, attempts=[{"pod": "b", "reason": "Evicted"}, {"pod": "c"}]
    )
    shown = drawn(live.watch_view(run, [f"line {i}" for i in range(30)], NOW, log_lines=2))
    assert "2        b" in shown
    assert "line 29" in shown
    assert "line 27" not in shown


def test_changes_are_told_in_a_line() -> None:
    run = a_run(phase="Pending", reason="ImagePull", message="image x: not found")
    assert live.change_line(run) == "train-1 · Pending · ImagePull · image x: not found"
    assert rows.reason(a_run(phase="Running", reason="Running")) == ""
