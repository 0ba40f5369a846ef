"""The log as JSON: one object a line, with what it is about; kopf's own lines in the same form."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from support.hostile import ANY_TEXT, as_utf16, is_shown

from mlrun_operator.api.v1alpha1.status import Execution, Phase, RunStatus
from mlrun_operator.controller.log_format import JsonFormatter, TextFormatter, about, about_key

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
RUN: dict[str, Any] = {"metadata": {"name": "r", "namespace": "team", "uid": "u"}}


def line(extra: dict[str, Any] | None = None, error: bool = False, message: str = "team/r: %s") -> dict[str, Any]:
    record = logging.LogRecord("mlrun_operator", logging.INFO, __file__, 1, message, ("Running",), None)
    record.__dict__.update(extra or {})
    if error:
        try:
            int("no\nsuch thing")
        except ValueError:
            record.exc_info = sys.exc_info()
    text = JsonFormatter().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_says_when_how_grave_and_what() -> None:
    found = line()
    assert found["time"].endswith("+00:00")
    assert (found["level"], found["logger"], found["message"]) == ("info", "mlrun_operator", "team/r: Running")
    assert "object" not in found


def test_a_transition_names_its_run_its_execution_and_where_that_is_now() -> None:
    status = RunStatus(
        phase=Phase.FAILED, reason="OOMKilled", execution=Execution(number=2, hash="h"), job_name="r-x-2"
    )
    found = line(about(RUN, status))
    reference = {"apiVersion": "mlrun-operator.dev/v1alpha1", "kind": "MlrunRun"}
    assert found["object"] == {**reference, "namespace": "team", "name": "r", "uid": "u"}
    assert (found["execution"], found["phase"], found["reason"], found["job"]) == (2, "Failed", "OOMKilled", "r-x-2")


def test_the_trace_of_a_run_is_in_its_lines() -> None:
    notes = {"mlrun-operator.dev/traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    run = {"metadata": {**RUN["metadata"], "annotations": notes}}
    assert line(about(run))["trace_id"] == TRACE


def test_an_object_of_which_only_the_key_is_known_is_named_by_it() -> None:
    found = line(about_key("MlrunRun", ("team", "r")))
    assert found["object"] == {
        "apiVersion": "mlrun-operator.dev/v1alpha1",
        "kind": "MlrunRun",
        "namespace": "team",
        "name": "r",
    }


def test_kopf_s_reference_to_an_object_has_the_same_place() -> None:
    extra = {"k8s_ref": {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", "namespace": None}}
    assert line(extra)["object"] == {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}


def test_a_traceback_is_in_its_line() -> None:
    found = line(error=True)
    assert found["error"].startswith("Traceback")
    assert "ValueError: invalid literal for int()" in found["error"]


def test_what_is_no_text_for_json_is_logged_all_the_same() -> None:
    assert line(message="lone surrogate \ud800 of %s")["level"] == "info"


def text_line(message: str, error: Exception | None = None) -> str:
    record = logging.LogRecord("mlrun_operator", logging.INFO, __file__, 1, "team/r: %s", (message,), None)
    if error is not None:
        try:
            raise error
        except type(error):
            record.exc_info = sys.exc_info()
    return TextFormatter().format(record)


@given(ANY_TEXT)
def test_any_message_is_one_line_of_text(message: str) -> None:
    shown = text_line(message)
    assert len(shown.splitlines()) == 1
    assert is_shown(shown)


def test_a_message_cannot_look_like_another_line() -> None:
    """As a handler's message that ends in a line of the operator."""
    shown = text_line("x\n2026-11-29 12:00:00,000 INFO payments/nightly: Succeeded outputs: 3\x1b[2J")
    assert shown.endswith(
        r"INFO team/r: x\n2026-11-29 12:00:00,000 INFO payments/nightly: Succeeded outputs: 3\u001b[2J"
    )


@given(ANY_TEXT)
def test_a_traceback_is_indented_whatever_its_error_says(message: str) -> None:
    first, *rest = text_line("failed", ValueError(message)).splitlines()
    assert first.endswith("INFO team/r: failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)
    assert is_shown("\n".join(rest))


@given(ANY_TEXT)
def test_a_line_of_json_has_no_control_and_the_same_message(message: str) -> None:
    record = logging.LogRecord("mlrun_operator", logging.INFO, __file__, 1, "%s", (message,), None)
    shown = JsonFormatter().format(record)
    assert is_shown(shown)
    assert len(shown.splitlines()) == 1
    assert as_utf16(json.loads(shown)["message"]) == as_utf16(message)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_process_logs_so_its_warnings_and_its_end_too(log_format: str) -> None:
    code = f"""
import logging, warnings
from mlrun_operator.controller.log_format import start_logging
start_logging("INFO", {log_format!r})
logging.getLogger("kopf").warning("a\\nFORGED\\x1b[2J")
warnings.warn("b\\nFORGED", stacklevel=1)
raise ValueError("c\\nFORGED")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert is_shown(done.stderr)
    lines = done.stderr.splitlines()
    assert len([line for line in lines if not line.startswith("    ")]) == 3
