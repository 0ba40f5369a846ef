"""The log as JSON: one object a line, with what it is about; kopf's own lines in the same form."""

import json
import logging
import sys
from typing import Any

from mlrun_operator.api.v1alpha1.status import Execution, Phase, RunStatus
from mlrun_operator.controller.log_format import JsonFormatter, about, about_key

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
