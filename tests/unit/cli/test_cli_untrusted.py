"""What handlers, objects and logs say reaches the terminal as text: no escape, no markup, no other order."""

import ast
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from rich.console import Console, RenderableType
from support.hostile import ANY_TEXT, as_utf16, is_shown
from support.standin_api import StandIn

from devcluster.paths import REPOSITORY
from mlrun_operator.cli import describing, explaining, live, output
from mlrun_operator.cli.errors import CliError

Object = dict[str, Any]
NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
EVIL = "\x1b]0;owned\x07\x1b[2Jx\x9b31m\r\x08\x7f\u202egnp\u2066"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PACKAGE = REPOSITORY / "operator" / "src" / "mlrun_operator"


def a_run(text: str = EVIL) -> Object:
    output_ = {"kind": "table", "key": "store://p/dataitem/table/t:1", "path": text, "size": 1}
    table = {"cols": [{"name": text, "value": [text, 1, None]}], "rows": 3}
    return {
        "apiVersion": "mlrun-operator.dev/v1alpha1",
        "kind": "MlrunRun",
        "metadata": {"name": "evil", "annotations": {"note": text}},
        "spec": {"functionRef": {"name": text}, "project": text, "parameters": {text: text}},
        "status": {
            "phase": "Failed",
            "reason": "HandlerFailed",
            "observedGeneration": 1,
            "message": f"{text}\n{text}",
            "jobName": text,
            "function": {"name": text},
            "source": {"commit": text},
            "image": {"resolved": text},
            "attempts": [{"pod": "evil-1", "uid": "p", "node": text, "reason": text, "exitCode": 1}],
            "attemptCount": 1,
            "outputs": {text: {**output_, "preview": table}},
            "results": {text: text},
            "inputs": [{"name": text, "path": text}],
            "conditions": [{"type": "Warnings", "status": "True", "message": text}],
        },
    }


def an_event(text: str = EVIL) -> Object:
    involved = {"kind": "Pod", "uid": "p"}
    about = {"metadata": {"name": "e"}, "involvedObject": involved, "lastTimestamp": "2026-11-24T12:00:00Z"}
    return {**about, "type": "Warning", "reason": text, "message": text}


@pytest.fixture
def api(api: StandIn) -> StandIn:
    api.put("mlrunruns", a_run())
    api.put("mlrunfunctions", {**a_run(), "kind": "MlrunFunction", "spec": a_function()})
    api.put("events", an_event())
    api.answers.append(lambda _, path: (200, f"T1 {EVIL}\n") if path.endswith("/log") else None)
    return api


def a_function(text: str = EVIL) -> Object:
    code = "def handler():\n    pass  # " + text
    return {"name": text, "source": {"code": code}, "handler": text, "image": text, "description": text}


VERBS = [
    "list",
    "list -o wide",
    "list functions -o wide",
    "get evil",
    "get evil -o name",
    "get evil -o json",
    "get evil -o yaml",
    "describe evil",
    "describe function/evil",
    "outputs evil",
    "outputs evil --json",
    "preview evil",
    "why evil",
    "why evil --json",
    "logs evil",
    "logs evil --json",
    "compare evil evil --all",
    "compare evil evil --all --json",
    "wait evil",
    "watch evil",
    "top --once",
    "run evil --wait",
    "logs evil --attempt 9",
]


# On a terminal `watch` draws: tests/unit/cli/test_cli_terminal.py.
CASES = [
    (words, on_terminal)
    for words in VERBS
    for on_terminal in (False, True)
    if (words, on_terminal) != ("watch evil", True)
]


@pytest.mark.parametrize(("words", "on_terminal"), CASES)
def test_no_verb_sends_what_an_object_says(
    cli, api: StandIn, monkeypatch: pytest.MonkeyPatch, words: str, on_terminal: bool
) -> None:
    api.status = a_run()["status"]
    monkeypatch.setattr(output, "colours", lambda *_: on_terminal)
    said = cli(*words.split())
    assert is_shown(COLOURS.sub("", said.out))
    assert is_shown(COLOURS.sub("", said.err))
    assert re.search(r"\\(u001b|e)", said.out + said.err) or "--attempt" in words or "name" in words


def test_json_and_yaml_have_the_object_as_it_is(cli, api: StandIn) -> None:
    for options, load in (("-o json", json.loads), ("-o yaml", yaml.safe_load)):
        found = load(cli("get", "evil", *options.split()).out)
        assert found["status"]["results"] == {EVIL: EVIL}
        assert found["status"]["message"] == f"{EVIL}\n{EVIL}"
    assert json.loads(cli("logs", "evil", "--json").out)["line"] == EVIL


def test_an_error_of_the_server_is_shown(cli, api: StandIn) -> None:
    api.refuse("/mlrunruns", 500, message=EVIL)
    for options in ([], ["--json"], ["-v"]):
        said = cli("list", *options)
        assert r"\u001b]0;owned" in said.err
        assert is_shown(said.err)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY_TEXT)
def test_any_text_is_printed_as_text(capsys: pytest.CaptureFixture[str], text: str) -> None:
    output.out(text, text)
    output.say(text)
    output.print_json({text: [text]})
    output.print_yaml({text: text, "list": [text]})
    output.print_rows((text, "phase"), [(text, "Failed")])
    output.out(output.rows_text((text, "b"), [(text, text)]))
    output.out(describing.text(described(text), [an_event(text)], NOW))
    for parts in explaining.lines(explaining.explain(described(text), None, None, [an_event(text)], NOW)):
        output.out(*parts)
    output.out(live.change_line(described(text)))
    said = capsys.readouterr()
    assert is_shown(said.out)
    assert is_shown(said.err)


def described(text: str) -> Object:
    run = a_run(text)
    run["metadata"] |= {"namespace": "team", "uid": "u", "creationTimestamp": "2026-11-24T12:00:00Z"}
    return run


@given(ANY_TEXT)
def test_json_has_the_same_value_for_any_text(text: str) -> None:
    (key,) = json.loads(output.json_text({text: 1}))
    assert as_utf16(key) == as_utf16(text)


@given(ANY_TEXT)
def test_any_text_is_drawn_as_text(text: str) -> None:
    run = described(text)
    for view in (
        live.top_view([run], text, NOW),
        live.watch_view(run, [text], NOW),
        live.table_view([text], [[text], [1], [None]]),
    ):
        assert is_shown(COLOURS.sub("", drawn(view)))


def drawn(view: RenderableType) -> str:
    screen = Console(file=io.StringIO(), width=300, force_terminal=True, color_system="standard", highlight=False)
    screen.print(view)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


MARKUP = ["[bold]x[/bold]", "[link=http://evil]here[/link]", "[/foo]", "[red]", ":smile:", r"\[x]"]


@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_data_is_data(text: str) -> None:
    run = described("x")
    run["metadata"]["name"] = run["status"]["function"]["name"] = text
    run["status"]["attempts"][0] |= {"pod": text, "node": text, "reason": text}
    for view, count in (
        (live.table_view([text], [[text], [text]]), 3),
        (live.top_view([run], "team", NOW), 2),
        (live.watch_view(run, [text], NOW), 6),
    ):
        assert COLOURS.sub("", drawn(view)).count(text) == count
        assert "\x1b]8" not in drawn(view)


def test_a_preview_on_a_terminal_shows_the_data(cli, api: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run("x")
    run["status"]["outputs"]["x"]["preview"] = {"cols": [{"name": "[b]", "value": MARKUP}], "rows": len(MARKUP)}
    api.put("mlrunruns", run)
    monkeypatch.setattr(output, "colours", lambda *_: True)
    said = cli("preview", "evil")
    assert said.code == 0
    assert all(text in said.out for text in MARKUP)


def test_an_error_that_a_handler_worded_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    from mlrun_operator.cli.program import _told

    _told(EVIL, EVIL, CliError("x").code, CliError(EVIL))
    assert is_shown(capsys.readouterr().err)


def calls(folder: str) -> Iterator[tuple[Path, ast.Call, str]]:
    for file in sorted((PACKAGE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield file, node, ast.unparse(node.func)


def test_nothing_in_the_command_line_prints_around_output() -> None:
    ways = ("print", "echo", "secho", "write", "writelines", "print_exc", "print_exception", "Console", "Text")
    found = {(file.name, name) for file, _, name in calls("cli") if name.rpartition(".")[2] in ways}
    assert found == {
        ("output.py", "print"),
        ("output.py", "console().print"),
        ("output.py", "Console"),
        ("live.py", "Text"),
    }


def test_live_views_make_texts_in_one_place() -> None:
    made = [node.lineno for _, node, name in calls("cli") if name in ("Text", "Text.assemble", "Text.from_markup")]
    assert len(made) == 1
    rows = [node for _, node, name in calls("cli") if name.endswith(".add_row")]
    assert len(rows) == 1


def test_the_sdk_prints_visible_texts_only() -> None:
    printed = [(file.name, node.args[0]) for file, node, name in calls("sdk") if name == "print"]
    assert printed
    assert [file for file, text in printed if not ast.unparse(text).startswith("visible(")] == []


@given(ANY_TEXT)
def test_what_the_sdk_shows_of_a_run_is_text(text: str) -> None:
    from mlrun_operator.sdk.errors import RunFailed
    from mlrun_operator.sdk.progress import Progress
    from mlrun_operator.sdk.views import Preview, RunView

    class View(RunView):
        def __init__(self) -> None:
            self._obj = described(text)

    table = {"cols": [{"name": text, "value": [text]}], "rows": 1}
    shown = [repr(View()), str(Preview(table)), repr(Preview(table)), str(RunFailed(text, hint=text))]
    shown += [View()._repr_html_(), Preview(table)._repr_html_()]
    assert all(map(is_shown, shown))
    assert RunFailed(text).message == text
    Progress(View(), shown=False).changed()
